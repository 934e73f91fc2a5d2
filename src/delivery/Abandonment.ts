/** Giving up requests whose answers a freeze has probably swallowed. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/** One for all deliveries of a sink. */
export const make = () => {
  // requests begun before this moment are given up without an answer
  let abandonBefore = -Infinity
  const abandon = Latch.makeUnsafe(false)
  return {
    /** Completes when a request begun now is to be given up. */
    abandoned: Effect.gen(function*() {
      const started = yield* Clock.currentTimeMillis
      for (;;) {
        // first: where the clock has been set back, every new request would seem to be from before
        yield* abandon.await
        if (started < abandonBefore) return
      }
    }),

    /** Gives up the requests that were begun before this moment (epoch ms). */
    abandonOlder: (moment: number) =>
      Effect.suspend(() => {
        abandonBefore = moment
        return abandon.release
      })
  }
}

/** What deliveries share of it. */
export type Abandonment = ReturnType<typeof make>
