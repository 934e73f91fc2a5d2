/** One attempt to deliver one batch: the request, and what its outcome means. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Result from "effect/Result"
import * as Freeze from "../platform/Freeze.ts"
import type { Transport, TransportError, TransportResponse } from "../platform/Transport.ts"
import { type Batch, text } from "./Batch.ts"
import type { Destination } from "./Destination.ts"
import type { Verdict } from "./Verdict.ts"

/** What came of an attempt. */
export interface Outcome {
  readonly verdict: Verdict
  /** How often the batch was sent without an answer that says whether it was stored. */
  readonly unanswered: number
  /** It was reset or forbidden, and yet the server takes requests: the batch itself may be what is wrong. */
  readonly isSuspect: boolean
  /** The server takes no compressed requests. */
  readonly refusesCoding: boolean
}

/** How requests are made. */
export interface Requests {
  readonly transport: Transport["Service"]
  /** `O2_REQUEST_TIMEOUT_MS`. */
  readonly requestTimeoutMs: number
}

/**
 * Longest wait for a connection, in ms: a host that does not answer (a firewall, a function without a way out) is then
 * known by name within the first flush. Leaves room for a lost SYN, which is repeated after a second (RFC 6298).
 */
const CONNECT_TIMEOUT_MS = 1_500

const UNSUPPORTED_MEDIA_TYPE = 415

/** Posts a body; `None` when there is no answer within the time-out. */
export const post = (
  { requestTimeoutMs, transport }: Requests,
  destination: Destination,
  body: Uint8Array,
  coding: Batch["coding"],
  onConnected?: () => void
) =>
  Effect.raceFirst(
    Effect.asSome(
      transport.exchange({
        method: "POST",
        url: destination.url,
        headers: {
          ...destination.headers(),
          ...(coding === "gzip" ? { "content-encoding": "gzip" } : {}),
          "user-agent": "o2-lambda-extension"
        },
        body,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        ...(onConnected === undefined ? {} : { onConnected })
      }).pipe(Effect.map(destination.redact))
    ),
    Effect.as(Freeze.sleep(requestTimeoutMs, Freeze.LATE_GRACE_MS), Option.none())
  )

/** How `send` goes about it. */
export interface SendOptions {
  /** Whether a compressed batch may be sent as it is. */
  readonly takesGzip?: boolean
  /** Told when the batch may have been sent, for when nobody waits for the outcome. */
  readonly onConnected?: () => void
}

/**
 * Attempts to deliver a batch once, within the time-out. Never fails: the verdict says what happened.
 *
 * A kept connection that turns out to be dead is no attempt: the request is repeated on a new one. So is a request that
 * was refused for being compressed.
 */
export const send = Effect.fnUntraced(
  function*(requests: Requests, batch: Batch, options: SendOptions = {}): Effect.fn.Return<Outcome> {
    const { onConnected, takesGzip = true } = options
    const { destination } = batch
    const isCompressed = batch.coding === "gzip" && takesGzip
    let unanswered = 0
    const exchange = Effect.fnUntraced(function*(coding: Batch["coding"]) {
      const body = coding === batch.coding ? batch.body : text(batch)
      const result = yield* Effect.result(post(requests, destination, body, coding, onConnected))
      if (result._tag === "Failure" ? result.failure.isSent : Option.isNone(result.success)) unanswered++
      return result
    })
    let result = yield* exchange(isCompressed ? "gzip" : "identity")
    if (result._tag === "Failure" && result.failure.isStale) {
      yield* requests.transport.dropIdle
      result = yield* exchange(isCompressed ? "gzip" : "identity")
    }
    const refusesCoding = isCompressed && result._tag === "Success" && Option.isSome(result.success) &&
      result.success.value.status === UNSUPPORTED_MEDIA_TYPE
    if (refusesCoding) result = yield* exchange("identity")
    const verdict = yield* read(requests, destination, result, batch.tally.records)
    if (!isReset(result) && !(verdict._tag === "Misconfigured" && verdict.mayBeContent === true)) {
      const isUnreliable = verdict._tag === "Retry" && verdict.mayBeStored
      if (isUnreliable && result._tag === "Success" && Option.isSome(result.success)) unanswered++
      return { verdict, unanswered, isSuspect: false, refusesCoding }
    }
    // A server that refuses credentials before it has read the body may break the connection (OpenObserve v0.91.5, from
    // 32 KiB up), one that chokes on a record does so for others' sake, and a firewall forbids what reads like an attack,
    // as log lines do: an empty request tells which it is.
    const health = yield* probe(requests, destination)
    return health._tag === "Misconfigured"
      ? { verdict: health, unanswered: 0, isSuspect: false, refusesCoding }
      : { verdict, unanswered, isSuspect: health._tag === "Accepted", refusesCoding }
  }
)

/** Whether records would be taken, found out with an empty request. */
export const probe = Effect.fnUntraced(function*(requests: Requests, destination: Destination) {
  const result = yield* Effect.result(post(requests, destination, destination.probe, "identity"))
  return yield* read(requests, destination, result, 0)
})

/** What came of a request; `None` when there was no answer in time. */
type Exchanged = Result.Result<Option.Option<TransportResponse>, TransportError>

const isReset = (result: Exchanged): boolean =>
  result._tag === "Failure" && result.failure.isSent &&
  (result.failure.code === "ECONNRESET" || result.failure.code === "EPIPE")

const read = Effect.fnUntraced(function*(
  { requestTimeoutMs }: Requests,
  { judge, unreachableRemedy, url }: Destination,
  result: Exchanged,
  sent: number
): Effect.fn.Return<Verdict> {
  const retry = (detail: string, mayBeStored: boolean, remedy = unreachableRemedy) =>
    ({ _tag: "Retry", detail, afterMs: undefined, mayBeStored, remedy }) as const
  if (result._tag === "Failure") {
    const { isSent, message, remedy } = result.failure
    return retry(message, isSent, remedy)
  }
  if (Option.isSome(result.success)) return judge(result.success.value, sent, yield* Clock.currentTimeMillis)
  return retry(`no answer from ${url.host} within O2_REQUEST_TIMEOUT_MS (${requestTimeoutMs})`, true)
})
