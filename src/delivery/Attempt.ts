/** One attempt to deliver one batch: the request, and what its outcome means. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Result from "effect/Result"
import { type Batch, text } from "./Batch.ts"
import type { Configuration } from "../config/Config.ts"
import * as Freeze from "../platform/Freeze.ts"
import * as OpenObserveResponse from "../openobserve/IngestResponse.ts"
import type { Transport, TransportError, TransportResponse } from "../platform/Transport.ts"

/** What came of an attempt. */
export interface Outcome {
  readonly verdict: OpenObserveResponse.Verdict
  /** How often the batch was sent without an answer that says whether it was stored. */
  readonly unanswered: number
  /** It was reset or forbidden, and yet the server takes requests: the batch itself may be what is wrong. */
  readonly isSuspect: boolean
  /** The server takes no compressed requests. */
  readonly refusesCoding: boolean
}

/**
 * Longest wait for a connection, in ms: a host that does not answer (a firewall, a function without a way out) is then
 * known by name within the first flush. Leaves room for a lost SYN, which is repeated after a second (RFC 6298).
 */
const CONNECT_TIMEOUT_MS = 1_500

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
  coding: Batch["coding"],
  onConnected?: () => void
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
      body,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      ...(onConnected === undefined ? {} : { onConnected })
    })).pipe(Effect.map(Option.map((response) => withoutSecrets(response, Redacted.value(config.authorization))))),
    Effect.as(Freeze.sleep(config.requestTimeoutMs, LATE_GRACE_MS), Option.none())
  )

/**
 * Attempts to deliver a batch once, within `O2_REQUEST_TIMEOUT_MS`. Never fails: the verdict says what happened.
 *
 * A kept connection that turns out to be dead is no attempt: the request is repeated on a new one. So is a request that
 * was refused for being compressed. `onConnected` is told when it may have been sent, for when nobody waits for the outcome.
 */
export const once = Effect.fnUntraced(
  function*(
    config: Configuration,
    transport: Transport["Service"],
    batch: Batch,
    takesGzip = true,
    onConnected?: () => void
  ): Effect.fn.Return<Outcome> {
    const isCompressed = batch.coding === "gzip" && takesGzip
    let unanswered = 0
    const send = Effect.fnUntraced(function*(coding: Batch["coding"]) {
      const result = yield* Effect.result(
        post(config, transport, coding === batch.coding ? batch.body : text(batch), coding, onConnected)
      )
      if (result._tag === "Failure" ? result.failure.isSent : Option.isNone(result.success)) unanswered++
      return result
    })
    let result = yield* send(isCompressed ? "gzip" : "identity")
    if (result._tag === "Failure" && result.failure.isStale) {
      yield* transport.dropIdle
      result = yield* send(isCompressed ? "gzip" : "identity")
    }
    const refusesCoding = isCompressed && result._tag === "Success" && Option.isSome(result.success) &&
      result.success.value.status === UNSUPPORTED_MEDIA_TYPE
    if (refusesCoding) result = yield* send("identity")
    const verdict = yield* read(config, result, batch.tally.records)
    if (!isReset(result) && !isForbidden(result)) {
      const isUnreliable = verdict._tag === "Retry" && verdict.mayBeStored
      if (isUnreliable && result._tag === "Success" && Option.isSome(result.success)) unanswered++
      return { verdict, unanswered, isSuspect: false, refusesCoding }
    }
    // A server that refuses credentials before it has read the body may break the connection (v0.91.5, from 32 KiB up),
    // one that chokes on a record does so for others' sake, and a firewall forbids what reads like an attack, as log lines
    // do: an empty request tells which it is.
    const health = yield* ask(config, transport)
    return health._tag === "Misconfigured"
      ? { verdict: health, unanswered: 0, isSuspect: false, refusesCoding }
      : { verdict, unanswered, isSuspect: health._tag === "Accepted", refusesCoding }
  }
)

/** Whether records would be taken, found out with an empty array: admitted like data, but nothing is written. */
export const ask = Effect.fnUntraced(function*(config: Configuration, transport: Transport["Service"]) {
  return yield* read(config, yield* Effect.result(post(config, transport, "[]", "identity")), 0)
})

const UNSUPPORTED_MEDIA_TYPE = 415

/** For when there is no answer: the network is the function's own. */
const WAY_REMEDY =
  "check O2_ENDPOINT, and that the function's network lets it reach this host (in a VPC: a NAT gateway or an endpoint)"

/** What came of a request; `None` when there was no answer in time. */
type Exchanged = Result.Result<Option.Option<TransportResponse>, TransportError>

const isReset = (result: Exchanged): boolean =>
  result._tag === "Failure" && result.failure.isSent &&
  (result.failure.code === "ECONNRESET" || result.failure.code === "EPIPE")

const FORBIDDEN = 403

const isForbidden = (result: Exchanged): boolean =>
  result._tag === "Success" && Option.isSome(result.success) && result.success.value.status === FORBIDDEN

const read = Effect.fnUntraced(function*(
  config: Configuration,
  result: Exchanged,
  sent: number
): Effect.fn.Return<OpenObserveResponse.Verdict> {
  const retry = (detail: string, mayBeStored: boolean) =>
    ({ _tag: "Retry", detail, afterMs: undefined, mayBeStored, remedy: WAY_REMEDY }) as const
  if (result._tag === "Failure") return retry(result.failure.message, result.failure.isSent)
  if (Option.isSome(result.success)) {
    return OpenObserveResponse.read(result.success.value, sent, yield* Clock.currentTimeMillis)
  }
  const { endpoint, requestTimeoutMs } = config
  return retry(`no answer from ${endpoint.host} within O2_REQUEST_TIMEOUT_MS (${requestTimeoutMs})`, true)
})
