/** A test's clock whose time can pass while nothing runs, as it does while a sandbox is frozen. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

/** Runs a test that can freeze everything: `freeze` lets time pass without any timer taking notice. */
export const withFreezes = <A, E, R>(
  test: (freeze: (millis: number) => Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  TestClock.testClockWith((testClock) => {
    let frozen = 0
    const clock = {
      ...testClock,
      currentTimeMillis: Effect.map(testClock.currentTimeMillis, (now) => now + frozen),
      currentTimeMillisUnsafe: () => testClock.currentTimeMillisUnsafe() + frozen
    }
    const freeze = (millis: number) =>
      Effect.sync(() => {
        frozen += millis
      })
    return Effect.provideService(test(freeze), Clock.Clock, clock)
  })
