/** Where the records go: an OpenObserve in memory, or somebody's real one. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { ExtensionConfig } from "../src/config/Config.ts"
import { OpenObserveDouble } from "../src/testing/OpenObserveDouble.ts"
import type { ReceivedRequest } from "../src/testing/OpenObserveDouble.ts"
import { DemoError } from "./DemoError.ts"

/** One stream of one OpenObserve, and the credentials for it. */
export interface Target {
  readonly isReal: boolean
  /** Base URL, without a slash at its end. */
  readonly endpoint: string
  readonly organization: string
  readonly stream: string
  readonly authorization: Redacted.Redacted
  /** The extension's settings. */
  readonly environment: Readonly<Record<string, string>>
  /** What it was asked so far; a real one does not tell. */
  readonly requests: Effect.Effect<ReadonlyArray<ReceivedRequest>>
}

const untold: Target["requests"] = Effect.succeed([])

const target = (
  isReal: boolean,
  environment: Readonly<Record<string, string>>,
  requests: Target["requests"]
): Effect.Effect<Target, DemoError> =>
  Effect.gen(function*() {
    const config = yield* ExtensionConfig
    return {
      isReal,
      endpoint: config.endpoint.href.replace(/\/+$/, ""),
      organization: config.organizationId,
      stream: config.stream,
      authorization: config.authorization,
      environment,
      requests
    }
  }).pipe(
    Effect.provide(ExtensionConfig.layerEnv(environment)),
    Effect.mapError(({ problems }) =>
      new DemoError({ problem: problems.map((problem) => problem.replace(/^O2_ENDPOINT/, "--endpoint")).join("\n") })
    )
  )

/** An OpenObserve in memory that lives as long as the scope. */
export const inMemory = Effect.fnUntraced(function*(stream: string) {
  const context = yield* Layer.build(OpenObserveDouble.layer()).pipe(
    Effect.mapError(({ message }) => new DemoError({ problem: message }))
  )
  const { authorization, requests, url } = Context.get(context, OpenObserveDouble)
  return yield* target(false, {
    O2_ENDPOINT: url,
    O2_ORGANIZATION_ID: "default",
    O2_AUTHORIZATION_HEADER: authorization,
    O2_STREAM: stream
  }, requests)
})

/** What the person may have set for a server of their own; everything else stays as a newcomer would find it. */
const passedOn = [
  "O2_ORGANIZATION_ID",
  "O2_AUTHORIZATION_HEADER",
  "O2_STREAM",
  "O2_ALLOW_INSECURE_HTTP",
  "NODE_EXTRA_CA_CERTS"
]

/** A real OpenObserve, with the credentials of this process's environment; `stream` unless they name one. */
export const real = (
  endpoint: string,
  stream: string,
  environment: Readonly<Record<string, string | undefined>>
): Effect.Effect<Target, DemoError> => {
  const given = passedOn.flatMap((name) => {
    const value = environment[name]
    return value === undefined || value.trim() === "" ? [] : [[name, value]]
  })
  return target(true, { O2_STREAM: stream, ...Object.fromEntries(given), O2_ENDPOINT: endpoint }, untold)
}
