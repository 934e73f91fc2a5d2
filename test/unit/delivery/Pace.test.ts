import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Pace from "../../../src/delivery/Pace.ts"

/** Answers that take so many ms each. */
const answersOf = Effect.fnUntraced(function*(pace: Pace.Pace, ...durations: ReadonlyArray<number>) {
  for (const duration of durations) {
    const startedAt = yield* Clock.currentTimeMillis
    yield* TestClock.adjust(duration)
    yield* pace.answered(startedAt)
  }
})

describe("Pace", () => {
  it.effect("suspects nothing within a second, whatever the server's pace", () =>
    Effect.gen(function*() {
      const pace = Pace.make()
      assert.deepStrictEqual([pace.usualMs(), pace.suspectAfterMs()], [undefined, 1000])
      yield* answersOf(pace, 10, 40)
      assert.deepStrictEqual([pace.usualMs(), pace.suspectAfterMs()], [40, 1000])
    }))

  it.effect("gives a slow server three times as long as its slowest answer took", () =>
    Effect.gen(function*() {
      const pace = Pace.make()
      yield* answersOf(pace, 2000, 500)
      assert.strictEqual(pace.suspectAfterMs(), 6000)
    }))

  it.effect("forgets slow answers when there have been others", () =>
    Effect.gen(function*() {
      const pace = Pace.make()
      yield* answersOf(pace, 2000, ...Array.from({ length: 16 }, () => 100))
      assert.strictEqual(pace.usualMs(), 100)
    }))

  it.effect("does not take a freeze for the server's slowness, whether the answer was read before or after the thaw", () =>
    Effect.gen(function*() {
      const pace = Pace.make()
      yield* answersOf(pace, 100)
      const since = yield* Clock.currentTimeMillis
      yield* answersOf(pace, 60_000)
      yield* pace.thawed(since)
      yield* pace.answered(since)
      assert.strictEqual(pace.usualMs(), 100)
      yield* answersOf(pace, 200)
      assert.strictEqual(pace.usualMs(), 200)
    }))

  it.effect("knows which requests a later one has overtaken", () =>
    Effect.gen(function*() {
      const pace = Pace.make()
      const overtaken = yield* Effect.forkChild(pace.overtaken(1000), { startImmediately: true })
      const answered = Effect.fnUntraced(function*(startedAt: number) {
        yield* pace.answered(startedAt)
        yield* TestClock.adjust(0)
      })
      yield* TestClock.setTime(5000)
      yield* answered(1000)
      assert.isUndefined(overtaken.pollUnsafe())
      assert.isFalse(pace.isProvenSince(1000))
      yield* answered(1001)
      assert.isDefined(overtaken.pollUnsafe())
      assert.isTrue(pace.isProvenSince(1000))
    }))
})
