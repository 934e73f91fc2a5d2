/** A `Transport` whose answers the test gives, so that "in flight" is a state it controls. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { Transport, TransportError } from "../../../src/platform/Transport.ts"
import type { TransportRequest, TransportResponse } from "../../../src/platform/Transport.ts"

/** A request that has been sent and waits for its answer. */
export interface Exchange {
  readonly request: TransportRequest
  /** By the test's clock. */
  readonly sentAt: number
  readonly answer: (answer: Answer) => Effect.Effect<void>
}

/** An answer as the test gives it, or how the exchange broke. */
export type Answer =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly code: string; readonly isSent: boolean; readonly isStale?: boolean }

/** What answers a request, by its place among all; `undefined` leaves the answer to the test. */
export type Respond = (request: TransportRequest, index: number) => Answer | undefined

/** A fake transport and what it has seen. */
export interface ControlledTransport {
  readonly layer: Layer.Layer<Transport>
  /** Every request with records so far, in order. */
  readonly exchanges: ReadonlyArray<Exchange>
  /** How often it has been asked with an empty array whether records would be taken. */
  readonly asks: () => number
  /** Waits for the next request that has not been taken yet. */
  readonly next: Effect.Effect<Exchange>
  /** Requests that are neither answered nor interrupted. */
  readonly inFlight: () => number
  /** How often idle connections have been dropped. */
  readonly drops: () => number
}

/** Answers with `respond` at once where that says something, else waits for the test; so does `health` for empty requests, or gives no answer. */
export const makeControlledTransport = (
  respond: Respond = unanswered,
  health: () => Answer | undefined = () => stored(0)
): ControlledTransport => {
  const exchanges: Array<Exchange> = []
  const pending = Effect.runSync(Queue.unbounded<Exchange>())
  let inFlight = 0
  let drops = 0
  let asks = 0
  const exchange = Effect.fnUntraced(
    function*(request: TransportRequest): Effect.fn.Return<TransportResponse, TransportError> {
      const answered = yield* Deferred.make<TransportResponse, TransportError>()
      const answer = (answer: Answer) =>
        Effect.asVoid(
          "status" in answer
            ? Deferred.succeed(answered, { headers: {}, body: "", ...answer })
            : Deferred.fail(answered, new TransportError({ isStale: false, ...answer, host: request.url.host }))
        )
      if (String(request.body) === "[]") {
        asks++
        const healthy = health()
        if (healthy === undefined) request.onConnected?.()
        else yield* answer(healthy)
        return yield* Deferred.await(answered)
      }
      const sent: Exchange = { request, sentAt: yield* Clock.currentTimeMillis, answer }
      inFlight++
      exchanges.push(sent)
      const immediate = respond(request, exchanges.length - 1)
      if (immediate === undefined || "status" in immediate || immediate.isSent) request.onConnected?.()
      if (immediate === undefined) yield* Queue.offer(pending, sent)
      else yield* answer(immediate)
      return yield* Deferred.await(answered).pipe(Effect.ensuring(Effect.sync(() => inFlight--)))
    }
  )
  return {
    layer: Layer.succeed(Transport, { exchange, dropIdle: Effect.sync(() => void drops++) }),
    exchanges,
    asks: () => asks,
    next: Queue.take(pending),
    inFlight: () => inFlight,
    drops: () => drops
  }
}

/** The records that a request carries; the body must not be compressed. */
export const recordsOf = ({ request }: Exchange): ReadonlyArray<{ readonly n: number }> =>
  JSON.parse(Buffer.from(request.body ?? "").toString("utf8"))

/** Leaves every answer to the test. */
export const unanswered: Respond = () => undefined

/** What a healthy OpenObserve says. */
export const stored = (successful: number, failed = 0, error?: string): Answer => ({
  status: 200,
  body: JSON.stringify({
    code: 200,
    status: [{ name: "default", successful, failed, ...(error === undefined ? {} : { error }) }]
  })
})

/** Stores whatever comes. */
export const storeAll = (request: TransportRequest): Answer =>
  stored((JSON.parse(Buffer.from(request.body ?? "").toString("utf8")) as ReadonlyArray<unknown>).length)

/** Answers the first requests as given, each in turn, and stores whatever comes then. */
export const storeAfter = (...answers: ReadonlyArray<Answer | undefined>): Respond => (request, index) =>
  index < answers.length ? answers[index] : storeAll(request)

/** Answers requests with this in their body so, and stores whatever else comes. */
export const storeUnless = (pattern: RegExp, answer: Answer | undefined): Respond => (request) =>
  pattern.test(String(request.body)) ? answer : storeAll(request)

/** What OpenObserve says when it cannot keep up. */
export const overloaded: Answer = { status: 503, body: "Error# MemoryTableOverflowError" }

/** What OpenObserve says of a batch that it cannot read. */
export const unreadable: Answer = { status: 400, body: "{\"code\":400,\"message\":\"SerdeJsonError# …\"}" }
