/** `health-check`: whether records would arrive, and if not, why and what to do. One line per step. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ExtensionConfig } from "../config/Config.ts"
import * as ServerTransport from "../config/ServerTransport.ts"
import * as Attempt from "../delivery/Attempt.ts"
import type { Verdict } from "../delivery/Verdict.ts"
import * as LogsDestination from "../openobserve/LogsDestination.ts"
import { Transport } from "../platform/Transport.ts"

/** Shows a line to the user. */
export type Report = (line: string) => Effect.Effect<void>

/** Checks the settings, then posts an empty array: authenticated and admitted like data, but nothing is written. */
export const run = (show: Report): Effect.Effect<boolean> => {
  // what a server says must not move the cursor
  const report: Report = (line) => show(line.replaceAll(/\p{Cc}+/gu, " "))
  return check(report).pipe(
    Effect.provide(
      Layer.provideMerge(
        ServerTransport.layerWith((problem) => report(`warn  settings: ${problem}`)),
        ExtensionConfig.layer
      )
    ),
    Effect.catchTag(
      "ConfigurationError",
      ({ problems }) => Effect.as(Effect.forEach(problems, (problem) => report(`FAIL  settings: ${problem}`)), false)
    )
  )
}

const check = Effect.fnUntraced(function*(report: Report) {
  const config = yield* ExtensionConfig
  const transport = yield* Transport
  yield* report(
    `ok    settings: stream ${config.stream} of organization ${config.organizationId} at ${config.endpoint.href}`
  )
  const { proxy } = config
  if (proxy !== undefined) {
    const { url, variable } = proxy
    yield* report(`ok    settings: through the proxy ${url.host}, which ${variable} names`)
  }
  yield* Effect.forEach(config.warnings, (warning) => report(`warn  settings: ${warning}`))

  const destination = LogsDestination.make(config)
  const requests = { transport, requestTimeoutMs: config.requestTimeoutMs }
  const answer = yield* Effect.result(Attempt.post(requests, destination, destination.probe, "identity"))
  if (answer._tag === "Failure") {
    const { message, remedy } = answer.failure
    yield* report(`FAIL  connection: ${message}; ${remedy ?? WAY}`)
    return false
  }
  if (Option.isNone(answer.success)) {
    yield* report(
      `FAIL  connection: no answer from ${config.endpoint.host} within O2_REQUEST_TIMEOUT_MS (${config.requestTimeoutMs}); ${WAY}`
    )
    return false
  }
  yield* report(`ok    connection: ${config.endpoint.host} answers`)

  const verdict = destination.judge(answer.success.value, 0, yield* Clock.currentTimeMillis)
  const areTaken = yield* tell(report, "credentials", verdict)
  const platform = LogsDestination.makePlatform(config)
  if (platform === undefined || !areTaken) return areTaken
  yield* report(`ok    settings: stream ${config.platformStream} for the platform's events`)
  return yield* tell(report, "platform stream", yield* Attempt.probe(requests, platform))
})

/** Says what would become of records, and answers with whether they would be taken. */
const tell = Effect.fnUntraced(function*(report: Report, step: string, verdict: Verdict) {
  if (verdict._tag === "Accepted") {
    yield* report(`ok    ${step}: OpenObserve would take records`)
    if (verdict.notice !== undefined) yield* report(`warn  ${step}: ${verdict.notice}`)
    return true
  }
  const remedy = verdict._tag === "Misconfigured" ? verdict.remedy : remedies[verdict._tag]
  yield* report(`FAIL  ${step}: ${verdict.detail}; ${remedy}`)
  return false
})

/** What to do where there is no way to the server. */
const WAY = "check O2_ENDPOINT, and that the network lets this machine reach it"

const remedies = {
  Retry: "the server cannot take records at the moment, or it is no OpenObserve: try again, then check O2_ENDPOINT",
  Divide: "the server does not accept the request: check O2_ENDPOINT and O2_STREAM"
}
