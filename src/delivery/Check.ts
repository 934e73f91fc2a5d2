/** Finds out with an empty request, of which nothing can be stored twice, whether a server that gives no answer is well. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Freeze from "../platform/Freeze.ts"
import * as Attempt from "./Attempt.ts"
import type * as Delivery from "./Delivery.ts"
import type { Destination } from "./Destination.ts"
import type { Outage } from "./Outage.ts"
import type { Pace } from "./Pace.ts"
import type { Slots } from "./Slots.ts"
import type { Retry } from "./Verdict.ts"

/** Thaws that the answers to a check may be lost to before that is an answer, too. */
const MAX_LOST_ANSWERS = 2

/** A freeze makes a timer late: whoever notices the thaw acts before this is over, in ms. */
const LATE_GRACE_MS = 2 * Freeze.THAW_GRACE_MS

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
  let isRunning = false

  /** What requests without an answer come to. */
  const noAnswer = Effect.map(Clock.currentTimeMillis, (now): Retry => ({
    _tag: "Retry",
    detail: `no answer from ${destination.url.host} within ${slots.oldestSuspectMs(now)} ms`,
    afterMs: undefined,
    mayBeStored: true,
    remedy: destination.unreachableRemedy
  }))

  const ask = Effect.fnUntraced(function*(startedAt: number) {
    const patience = pace.suspectAfterMs()
    /** Silence; when a freeze has made this late, nothing is known. */
    const silence = Freeze.sleep(patience, LATE_GRACE_MS).pipe(
      Effect.andThen(Clock.currentTimeMillis),
      Effect.map((now) => now - startedAt - patience < Freeze.MIN_FREEZE_MS ? "silent" as const : "lost" as const)
    )
    return yield* Effect.raceAllFirst([
      Attempt.probe({ transport, requestTimeoutMs: config.requestTimeoutMs }, destination),
      // others may prove it meanwhile
      Effect.as(pace.overtaken(startedAt), "well" as const),
      // its answer may be lost to a freeze, as any other
      Effect.as(abandonment.abandoned, "lost" as const),
      silence
    ])
  })

  const check = Effect.gen(function*() {
    for (let lost = 0; lost < MAX_LOST_ANSWERS; lost++) {
      const startedAt = yield* Clock.currentTimeMillis
      // the end of the pause will ask again
      if (outage.isPausedAt(startedAt)) return
      const verdict = yield* ask(startedAt)
      if (verdict === "lost") continue
      if (verdict === "well") return
      if (verdict === "silent") break
      return yield* verdict._tag === "Accepted" ? pace.answered(startedAt) : outage.failed(verdict)
    }
    yield* outage.failed(yield* noAnswer)
  }).pipe(
    Effect.ensuring(Effect.sync(() => {
      isRunning = false
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
