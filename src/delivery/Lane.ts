/** The way of one destination's batches through a sink: what is known of its server, and when a batch may be sent. */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Attempt from "./Attempt.ts"
import * as Delivery from "./Delivery.ts"
import type { Destination } from "./Destination.ts"
import * as Outage from "./Outage.ts"
import type { Setback } from "./Verdict.ts"

/** Makes a destination's lane. `startWorkers` delivers what is sealed and may be sent. */
export const make = Effect.fnUntraced(function*(
  context: Delivery.Context,
  destination: Destination,
  startWorkers: Effect.Effect<void>
) {
  const { books: { buffer }, config, deadline, transport } = context

  /** While in doubt, one batch is enough to try with. Sealed call by call, recovery would take a request for each. */
  const seal: Effect.Effect<void> = Effect.gen(function*() {
    const { inFlightBatches, untriedBatches } = yield* buffer.stateOf(destination)
    if (!outage.isInDoubt() || untriedBatches + inFlightBatches === 0) yield* buffer.seal(destination)
  })

  // What has grown meanwhile leaves when the server has dealt with a batch: there may be no call that sends it.
  const outage: Outage.Outage = yield* Outage.make(destination, {
    probe: Effect.andThen(seal, startWorkers),
    resume: buffer.seal(destination)
  })
  const { deliver, storedBatches } = Delivery.make(context, destination, outage)
  // what had been stored when a delivery failed at the end, where there is no pause that would keep others from failing
  let storedAtLastFailure = -1

  return {
    destination,
    /** What is under way. */
    deliveries: yield* FiberSet.make<void>(),
    /** Whether any records have come for it. */
    isUsed: false,
    isPausedAt: outage.isPausedAt,
    deliver,
    storedBatches,
    seal,

    /** Whether another batch may be sent now, when so many are in flight: to a server that fails, one at a time. */
    mayTake: (inFlight: number, nowMillis: number): boolean =>
      deadline.isLast()
        // at the end there is no later for what one probe would spare
        ? storedAtLastFailure < storedBatches()
        : !outage.isPausedAt(nowMillis) && (inFlight === 0 || !outage.isFailing()),

    /** A delivery had to give a batch back. */
    failed: (setback: Setback): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (deadline.isLast()) storedAtLastFailure = storedBatches()
        return outage.failed(setback)
      }),

    /** A flush waited for so many ms, and when it began, `storedBefore` batches had been stored. */
    waitedInVain: Effect.fnUntraced(function*(storedBefore: number | undefined, waitedMs: number) {
      const { inFlightBatches } = yield* buffer.stateOf(destination)
      if (inFlightBatches === 0 || storedBatches() !== storedBefore) return
      const detail = `no answer within ${waitedMs} ms`
      yield* outage.failed({ _tag: "Retry", detail, afterMs: undefined, mayBeStored: true })
    }),

    /** Opens a connection, and tells when the settings are wrong. */
    warmUp: Effect.flatMap(
      Attempt.probe({ transport, requestTimeoutMs: config.requestTimeoutMs }, destination),
      // whatever else is wrong may have passed by the time of the first call
      (verdict) => verdict._tag === "Misconfigured" ? outage.failed(verdict) : Effect.void
    )
  }
})

/** What a sink has for each destination. */
export type Lane = Effect.Success<ReturnType<typeof make>>
