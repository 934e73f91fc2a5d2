/** The end of the flush that waits, which bounds how long deliveries pause between two attempts. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"

/** One for all deliveries of a sink. */
export const make = () => {
  // While a flush waits, nobody sleeps beyond its end; who already does is woken to see that.
  let flushEndsAt = Infinity
  let isLast = false
  const wake = Latch.makeUnsafe(false)
  return {
    /** Whether the sandbox ends after the flush that waits: then nobody sleeps, and nothing is saved up for later. */
    isLast: () => isLast,

    /** Runs a flush, which waits until `endsAt` (epoch ms) at most. */
    flushing: <A, E, R>(endsAt: number, isLastFlush: boolean, flush: Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        flushEndsAt = endsAt
        isLast = isLastFlush
        return Effect.andThen(wake.release, flush)
      }).pipe(Effect.ensuring(Effect.sync(() => {
        flushEndsAt = Infinity
      }))),

    /** Waits before another attempt; false when that would take longer than the flush that waits for it. */
    pause: Effect.fnUntraced(function*(delay: Duration.Duration) {
      const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(delay)
      for (;;) {
        if (until > flushEndsAt) return false
        const now = yield* Clock.currentTimeMillis
        const woken = yield* Effect.timeoutOption(wake.await, Duration.millis(Math.max(0, until - now)))
        if (Option.isNone(woken) || isLast) return true
      }
    })
  }
}

/** What deliveries share of it. */
export type FlushDeadline = ReturnType<typeof make>
