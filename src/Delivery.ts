/** One attempt to deliver one batch: the request, and what its outcome means. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Batch } from "./Batch.ts"
import type { Configuration } from "./Config.ts"
import * as Freeze from "./Freeze.ts"
import * as OpenObserveResponse from "./OpenObserveResponse.ts"
import type { Transport, TransportResponse } from "./Transport.ts"

/** What came of an attempt. */
export interface Outcome {
  readonly verdict: OpenObserveResponse.Verdict
  /** The batch may have been stored, but no answer said so. */
  readonly isUncertain: boolean
}

/** `{endpoint}/api/{organization}/{stream}/_json`, below whatever path the endpoint has. */
export const ingestUrl = (config: Pick<Configuration, "endpoint" | "organizationId" | "stream">): URL => {
  const { endpoint, organizationId, stream } = config
  const path = `api/${encodeURIComponent(organizationId)}/${encodeURIComponent(stream)}/_json`
  return new URL(`${endpoint.href.replace(/\/+$/, "")}/${path}`)
}

/** Secrets shorter than this are no secrets, and replacing them would garble ordinary words. */
const LEAST_SECRET_LENGTH = 4

/** The answer without the credentials, which servers and proxies have been known to quote. */
const withoutSecrets = (response: TransportResponse, authorization: string): TransportResponse => {
  const encoded = authorization.slice(authorization.indexOf(" ") + 1)
  const decoded = Buffer.from(encoded, "base64").toString()
  const secrets = [authorization, encoded, decoded, decoded.slice(decoded.indexOf(":") + 1)]
    .filter((secret) => secret.length >= LEAST_SECRET_LENGTH)
  const hide = (text: string) => secrets.reduce((hidden, secret) => hidden.replaceAll(secret, "***"), text)
  const { location } = response.headers
  return {
    ...response,
    body: hide(response.body),
    headers: location === undefined ? response.headers : { ...response.headers, location: hide(location) }
  }
}

/**
 * A time-out that a freeze has made late says nothing about the server: whoever notices the thaw, which gives the answer
 * `Freeze.THAW_GRACE_MS`, repeats the request before this is over.
 */
const LATE_GRACE_MS = 2 * Freeze.THAW_GRACE_MS

/** Sends JSON to the stream; `None` when there is no answer within `O2_REQUEST_TIMEOUT_MS`. */
export const post = (
  config: Configuration,
  transport: Transport["Service"],
  body: Uint8Array | string,
  coding: Batch["coding"]
) =>
  Effect.raceFirst(
    Effect.asSome(transport.exchange({
      method: "POST",
      url: ingestUrl(config),
      headers: {
        "authorization": Redacted.value(config.authorization),
        "content-type": "application/json",
        ...(coding === "gzip" ? { "content-encoding": "gzip" } : {}),
        "user-agent": "o2-lambda-extension"
      },
      body
    })).pipe(Effect.map(Option.map((response) => withoutSecrets(response, Redacted.value(config.authorization))))),
    Effect.as(Freeze.sleep(config.requestTimeoutMs, LATE_GRACE_MS), Option.none())
  )

/**
 * Attempts to deliver a batch once, within `O2_REQUEST_TIMEOUT_MS`. Never fails: the verdict says what happened.
 *
 * A kept connection that turns out to be dead is no attempt: the request is repeated on a new one.
 */
export const attempt = Effect.fnUntraced(
  function*(config: Configuration, transport: Transport["Service"], batch: Batch): Effect.fn.Return<Outcome> {
    const send = Effect.result(post(config, transport, batch.body, batch.coding))
    let result = yield* send
    const isRepeated = result._tag === "Failure" && result.failure.isStale
    if (isRepeated) {
      yield* transport.dropIdle
      result = yield* send
    }
    if (result._tag === "Failure") {
      const { isSent, message } = result.failure
      return { verdict: { _tag: "Retry", detail: message, afterMs: undefined }, isUncertain: isSent || isRepeated }
    }
    if (Option.isNone(result.success)) {
      const detail = `no answer from ${config.endpoint.host} within O2_REQUEST_TIMEOUT_MS (${config.requestTimeoutMs})`
      return { verdict: { _tag: "Retry", detail, afterMs: undefined }, isUncertain: true }
    }
    const now = yield* Clock.currentTimeMillis
    return {
      verdict: OpenObserveResponse.read(result.success.value, batch.tally.records, now),
      isUncertain: isRepeated
    }
  }
)
