/** A test's clock that freezes as a sandbox does: nothing runs meanwhile, and on thaw what is due runs first. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

/** Runs a test that can freeze everything for a while, up to and including the timers that the thaw sets off. */
export const withThaws = <A, E, R>(
  test: (freeze: (millis: number) => Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  TestClock.testClockWith((testClock) => {
    let thawedAt = -Infinity
    // what becomes due during a freeze sees the time of the thaw
    const now = () => Math.max(thawedAt, testClock.currentTimeMillisUnsafe())
    const clock = {
      ...testClock,
      currentTimeMillis: Effect.sync(now),
      currentTimeMillisUnsafe: now,
      sleep: (duration: Duration.Duration) =>
        testClock.sleep(Duration.millis(Duration.toMillis(duration) + now() - testClock.currentTimeMillisUnsafe()))
    }
    const freeze = (millis: number) =>
      Effect.suspend(() => {
        thawedAt = now() + millis
        return testClock.adjust(millis)
      })
    return Effect.provideService(test(freeze), Clock.Clock, clock)
  })
