/** The way of one destination's batches through a sink: what is known of its server, and when a batch is sent. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as FiberSet from "effect/FiberSet"
import * as Freeze from "../platform/Freeze.ts"
import * as Attempt from "./Attempt.ts"
import * as Check from "./Check.ts"
import * as Delivery from "./Delivery.ts"
import type { Destination } from "./Destination.ts"
import * as Outage from "./Outage.ts"
import * as Pace from "./Pace.ts"
import { Slots } from "./Slots.ts"
import type { Setback } from "./Verdict.ts"
import { WorkList } from "./WorkList.ts"

/** Requests to a destination at once when there is a backlog: more gained nothing against a v0.91.5 server. */
const MAX_IN_FLIGHT = 4

/**
 * Suspect requests, with nothing stored since the first of them, at which a server takes no records though it answers empty
 * requests. One that has become slow of a sudden has stored something before there are as many.
 */
const MAX_SUSPECTS = 3 * MAX_IN_FLIGHT

/**
 * When what is open is to leave: `soon`, with what comes until a request is not under way, so that requests follow the
 * server's pace and not the calls'; or `now`, as soon as there is a connection for it.
 */
type Wish = "no" | "soon" | "now"

/** Makes a destination's lane. */
export const make = Effect.fnUntraced(function*(context: Delivery.Context, destination: Destination) {
  const { books: { buffer }, config, deadline, transport } = context
  const requests = { transport, requestTimeoutMs: config.requestTimeoutMs }
  const deliveries = yield* FiberSet.make<void>()
  const again = yield* FiberHandle.make<void>()
  const pace = Pace.make()
  let wish: Wish = "no"
  let isOver = false
  // what had been stored when a delivery failed at the end, where there is no pause that would keep others from failing
  let storedAtLastFailure = -1

  const slots = new Slots(MAX_IN_FLIGHT, Effect.suspend(() => startWorkers))

  const sealNext = Effect.sync(() => {
    wish = "now"
  })

  const outage: Outage.Outage = yield* Outage.make(destination, {
    probe: Effect.suspend(() => slots.hasSuspects ? check.start : Effect.andThen(sealNext, startWorkers)),
    // there may be no call that sends what has grown meanwhile
    resume: Effect.suspend(() => Effect.andThen(sealNext, startWorkers)),
    paused: buffer.wake,
    phrase: context.phrase
  })

  const check = yield* Check.make(context, {
    destination,
    outage,
    pace,
    slots,
    startWorkers: Effect.suspend(() => startWorkers)
  })

  const suspected = Effect.fnUntraced(function*(startedAt: number) {
    const now = yield* Clock.currentTimeMillis
    const takesNothing = slots.suspectCount >= MAX_SUSPECTS && !outage.hasStoredWithin(slots.oldestSuspectMs(now), now)
    // a probe that gets no answer has failed
    if (takesNothing || outage.isFailing()) yield* Effect.flatMap(check.noAnswer, outage.failed)
    else if (!pace.isProvenSince(startedAt)) yield* check.start
    yield* startWorkers
  })

  const { deliver, note, storedBatches } = Delivery.make(context, {
    destination,
    outage,
    pace,
    suspected,
    startWorkers: Effect.suspend(() => startWorkers)
  })

  /** Whether another batch may be sent now, when so many use a connection: to a server that fails, one at a time. */
  const maySend = (others: number, nowMillis: number): boolean =>
    deadline.isLast()
      // at the end there is no later for what one probe would spare
      ? storedAtLastFailure < storedBatches()
      : !check.isRunning() && !outage.isPausedAt(nowMillis) && (others === 0 || !outage.isFailing())

  /** Whether what is open may leave: what grows meanwhile leaves in one request, and in doubt one batch is enough. */
  const maySeal = (others: number): boolean => others === 0 ? wish !== "no" : wish === "now" && !outage.isInDoubt()

  /** How many batches there would be to send, when others use so many connections. */
  const waiting = (others: number): number => {
    const { openRecords, sealedBatches } = buffer.stateOfUnsafe(destination)
    return sealedBatches + (openRecords > 0 && maySeal(others) ? 1 : 0)
  }

  /** The next batch to be sent, when others use so many connections. */
  const takeNext = Effect.fnUntraced(function*(others: number) {
    if (!maySend(others, yield* Clock.currentTimeMillis)) return undefined
    // with nothing else sealed than what seems to be unstorable, what is open is worth more
    if (buffer.stateOfUnsafe(destination).untriedBatches === 0 && maySeal(others)) {
      wish = "no"
      yield* buffer.seal(destination)
    }
    return yield* buffer.take(destination)
  })

  /** A batch had to go back, when `storedBefore` had been stored before it was taken. */
  const noteSetback = Effect.fnUntraced(function*(setback: Setback, storedBefore: number) {
    const now = yield* Clock.currentTimeMillis
    if (deadline.isLast()) storedAtLastFailure = storedBatches()
    if (setback === Delivery.LOST) {
      if (!outage.isPausedAt(now)) yield* check.start
      return
    }
    // a server that stores others meanwhile fails now and then, which is no outage; one that says how long it will, does
    const isLasting = setback._tag === "Misconfigured" || setback._tag === "Retry" && setback.afterMs !== undefined
    // a suspect request that ends has been begun long ago: the check that is under way says how the server is now
    if (!isLasting && outage.isFailing() && check.isRunning()) return
    const isWell = storedBatches() > storedBefore
    if (isLasting || !isWell) yield* outage.failed(setback)
    else yield* FiberHandle.run(again, retrySoon, { onlyIfMissing: true })
  })

  /** Delivers batches one after the other, until none is left that may be sent. */
  const worker = Effect.gen(function*() {
    while (slots.hasFree && waiting(slots.active) > 0) {
      const outcome = yield* slots.use((slot) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function*() {
            const batch = yield* takeNext(slots.active - 1)
            if (batch === undefined) return "idle"
            const work = new WorkList()
            work.add(batch)
            const giveBack = Effect.suspend(() => Effect.forEach(work.rest(), buffer.giveBack, { discard: true }))
            const storedBefore = storedBatches()
            const setback = yield* restore(deliver(work, slot)).pipe(Effect.ensuring(giveBack))
            if (setback === undefined) return "delivered"
            yield* noteSetback(setback, storedBefore)
            return "failed"
          })
        )
      )
      if (outcome === "idle" || outcome === "failed" && !deadline.isLast()) return
    }
  }).pipe(
    Effect.catchDefect((defect) => Effect.logError("a delivery ended unexpectedly", { defect: String(defect) }))
  )

  const retrySoon = Effect.suspend(() => Effect.andThen(Freeze.sleep(config.initialRetryDelayMs), startWorkers))

  const startWorkers: Effect.Effect<void> = Effect.gen(function*() {
    // a timer may come too late: what is left is for the disk
    if (isOver) return
    const workers = Math.min(waiting(slots.active), MAX_IN_FLIGHT - slots.active)
    for (let count = 0; count < workers; count++) {
      if (!maySend(slots.active, yield* Clock.currentTimeMillis)) return
      yield* FiberSet.run(deliveries, slots.run(worker))
    }
  })

  return {
    destination,
    /** When the first of the records came that are open (epoch ms). */
    openSince: Infinity,
    /** Whether there have been any records for it. */
    isUsed: (): boolean => {
      const { openRecords, sealedBatches } = buffer.stateOfUnsafe(destination)
      return storedBatches() + openRecords + sealedBatches + slots.underWay > 0
    },
    isPausedAt: outage.isPausedAt,
    outage,
    startWorkers,

    /** How many ms it takes to deliver what waits; `Infinity` where nobody knows. */
    expectedMs: (): number => {
      const { openRecords, sealedBatches } = buffer.stateOfUnsafe(destination)
      const batches = sealedBatches + slots.underWay + (openRecords > 0 ? 1 : 0)
      if (slots.hasSuspects || batches > 0 && outage.isInDoubt()) return Infinity
      return batches === 0 ? 0 : Math.ceil(batches / MAX_IN_FLIGHT) * (pace.usualMs() ?? Infinity)
    },

    /** The sandbox may have been frozen from `since` (epoch ms) until now. */
    thawed: pace.thawed,

    /** What is open leaves as soon as the server's pace allows. */
    wantSoon: (): void => {
      if (wish === "no") wish = "soon"
    },

    /** What is open leaves with the next free connection: somebody waits for it. */
    wantNow: (): void => {
      const isTrying = buffer.stateOfUnsafe(destination).untriedBatches + slots.underWay > 0
      // while in doubt, one batch is enough to try with: sealed call by call, recovery would take a request for each
      wish = outage.isInDoubt() && isTrying ? "soon" : "now"
    },

    /** Waits from `now` on until what is under way has settled, at most until then (epoch ms): false when time was over. */
    awaitSettled: (now: number, until: number) => slots.awaitSettled(now, until, outage.isPausedAt),

    /** After a flush that has waited in vain: an outage, if requests have become suspect in it and nobody knows why. */
    waitedInVain: Effect.gen(function*() {
      const isWell = outage.isWellAt(yield* Clock.currentTimeMillis)
      // a check that is under way will say
      const isUnknown = slots.hasSuspects && slots.active === 0 && !isWell && !check.isRunning()
      if (isUnknown) yield* Effect.flatMap(check.noAnswer, outage.failed)
    }),

    /** Waits until every delivery is over, at most for so many ms. */
    awaitEmpty: (atMostMs: number) => Effect.asVoid(Effect.timeoutOption(FiberSet.awaitEmpty(deliveries), atMostMs)),

    /** Ends what is under way: it is given back. Nothing begins any more. */
    end: Effect.suspend(() => {
      isOver = true
      return FiberSet.clear(deliveries)
    }),

    isIdle: Effect.map(FiberSet.size(deliveries), (size) => size === 0 && !check.isRunning()),

    /** Opens a connection, and tells when the settings are wrong. */
    warmUp: Effect.gen(function*() {
      const startedAt = yield* Clock.currentTimeMillis
      const verdict = yield* Attempt.probe(requests, destination)
      if (verdict._tag === "Accepted") {
        yield* pace.answered(startedAt)
        yield* note(verdict)
      }
      // whatever else is wrong may have passed by the time of the first call
      if (verdict._tag === "Misconfigured") yield* outage.failed(verdict)
    })
  }
})

/** What a sink has for each destination. */
export type Lane = Effect.Success<ReturnType<typeof make>>
