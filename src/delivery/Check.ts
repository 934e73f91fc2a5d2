/** Finds out with an empty request, of which nothing can be stored twice, whether a server that gives no answer is well. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Option from "effect/Option"
import * as Freeze from "../platform/Freeze.ts"
import * as Attempt from "./Attempt.ts"
import type * as Delivery from "./Delivery.ts"
import type { Destination } from "./Destination.ts"
import type { Outage } from "./Outage.ts"
import type { Pace } from "./Pace.ts"
import type { Slots } from "./Slots.ts"
import type { Retry, Setback } from "./Verdict.ts"

/** Thaws that the answers to a check may be lost to before that is an answer, too. */
const MAX_LOST_ANSWERS = 2

/** Empty requests beside the first while one is waited for: a server that loses one now and then may lose that as well. */
const MAX_REPEATS = 2

/** What a check needs to know, and tells. */
export interface Server {
  readonly destination: Destination
  readonly outage: Outage
  readonly pace: Pace
  readonly slots: Slots
  /** Delivers what may be sent when the check is over. */
  readonly startWorkers: Effect.Effect<void>
}

/** Makes the check of a destination: one at a time. */
export const make = Effect.fnUntraced(function*(context: Delivery.Context, server: Server) {
  const { abandonment, config, transport } = context
  const { destination, outage, pace, slots, startWorkers } = server
  const handle = yield* FiberHandle.make<void>()
  const proving = yield* FiberHandle.make<void>()
  let isRunning = false
  let askedAt = Infinity

  const silenceOf = (ms: number) => `no answer from ${destination.url.host} within ${ms} ms`

  /**
   * What requests without an answer come to; where a freeze has ended them all, the empty ones. One that was suspect may
   * have failed since the check began, and says more: that there is no connection is known later than that it is silent.
   */
  const noAnswer = Effect.map(Clock.currentTimeMillis, (now): Retry => ({
    _tag: "Retry",
    detail: outage.failureSince(askedAt) ?? silenceOf(Math.max(slots.oldestSuspectMs(now), now - askedAt)),
    afterMs: undefined,
    mayBeStored: true,
    remedy: destination.unreachableRemedy
  }))

  const probe = Effect.gen(function*() {
    const begunAt = yield* Clock.currentTimeMillis
    const verdict = yield* Attempt.probe({ transport, requestTimeoutMs: config.requestTimeoutMs }, destination)
    // one that answers "not now" may say something else the next time
    return verdict._tag === "Retry" ? yield* Effect.fail(verdict) : { verdict, begunAt }
  })

  const ask = Effect.fnUntraced(function*(startedAt: number) {
    const patience = pace.suspectAfterMs()
    /** Silence; when a freeze has made this late, nothing is known. */
    const silence = Freeze.sleep(patience, Freeze.LATE_GRACE_MS).pipe(
      Effect.andThen(Clock.currentTimeMillis),
      Effect.map((now) => now - startedAt - patience < Freeze.MIN_FREEZE_MS ? "silent" as const : "lost" as const)
    )
    const times = outage.isFailing() ? 1 : 1 + MAX_REPEATS
    const probes = Array.from(
      { length: times },
      (_, index) =>
        index === 0 ? probe : Effect.andThen(Freeze.sleep(patience * index / times, Freeze.LATE_GRACE_MS), probe)
    )
    return yield* Effect.raceAllFirst([
      Effect.raceAll(probes).pipe(Effect.catch((verdict) => Effect.succeed({ verdict, begunAt: startedAt }))),
      // whatever is answered meanwhile says the same: the request that is suspect, too
      Effect.as(pace.nextAnswer, "well" as const),
      // its answer may be lost to a freeze, as any other
      Effect.as(abandonment.abandoned, "lost" as const),
      silence
    ])
  })

  /** A server that has stored something a moment ago fails now and then, which is no outage. */
  const failed = Effect.fnUntraced(function*(setback: Setback) {
    const isWell = setback._tag === "Retry" && outage.isWellAt(yield* Clock.currentTimeMillis)
    if (!isWell) yield* outage.failed(setback)
  })

  /** What was answered may be older than what is suspect besides: an empty request frees that, too. Nobody waits for it. */
  const prove = Effect.gen(function*() {
    const answer = Option.flatten(yield* Effect.option(Effect.timeoutOption(probe, pace.suspectAfterMs())))
    if (Option.isSome(answer) && answer.value.verdict._tag === "Accepted") yield* pace.answered(answer.value.begunAt)
  })

  const check = Effect.gen(function*() {
    askedAt = yield* Clock.currentTimeMillis
    for (let lost = 0; lost < MAX_LOST_ANSWERS; lost++) {
      const startedAt = yield* Clock.currentTimeMillis
      // the end of the pause will ask again
      if (outage.isPausedAt(startedAt)) return
      const answer = yield* ask(startedAt)
      if (answer === "lost") continue
      if (answer === "well") {
        if (slots.hasSuspects) yield* FiberHandle.run(proving, prove)
        return
      }
      if (answer === "silent") break
      const { begunAt, verdict } = answer
      return yield* verdict._tag === "Accepted" ? pace.answered(begunAt) : failed(verdict)
    }
    yield* failed(yield* noAnswer)
  }).pipe(
    Effect.ensuring(Effect.sync(() => {
      isRunning = false
      askedAt = Infinity
    })),
    Effect.andThen(startWorkers)
  )

  return {
    /** Until it is over, nothing more is sunk into silence. */
    isRunning: () => isRunning,
    noAnswer,
    /** Begins, if it is not under way. A flush waits for it. */
    start: Effect.suspend(() => {
      if (isRunning) return Effect.void
      isRunning = true
      return Effect.asVoid(FiberHandle.run(handle, slots.run(check)))
    })
  }
})
