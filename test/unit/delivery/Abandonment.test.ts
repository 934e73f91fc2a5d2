import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Abandonment from "../../../src/delivery/Abandonment.ts"

describe("Abandonment", () => {
  it.effect("gives up requests from before a moment, and no others", () =>
    Effect.gen(function*() {
      const abandonment = Abandonment.make()
      const old = yield* Effect.forkChild(abandonment.abandoned, { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      const recent = yield* Effect.forkChild(abandonment.abandoned, { startImmediately: true })
      yield* abandonment.abandonOlder(1000)
      yield* Fiber.join(old)
      assert.isUndefined(recent.pollUnsafe())
    }))

  it.effect("does not give up what is begun after the clock has been set back", () =>
    Effect.gen(function*() {
      const abandonment = Abandonment.make()
      yield* TestClock.setTime(10_000)
      yield* abandonment.abandonOlder(9000)
      yield* TestClock.setTime(5000)
      const later = yield* Effect.forkChild(abandonment.abandoned, { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(later.pollUnsafe())
    }))
})
