import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Patience from "../../../src/delivery/Patience.ts"

describe("Patience", () => {
  it.effect("gives up requests from before a moment, and no others", () =>
    Effect.gen(function*() {
      const patience = Patience.make()
      const old = yield* Effect.forkChild(patience.abandoned, { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      const recent = yield* Effect.forkChild(patience.abandoned, { startImmediately: true })
      yield* patience.abandonOlder(1000)
      yield* Fiber.join(old)
      assert.isUndefined(recent.pollUnsafe())
    }))

  it.effect("does not give up what is begun after the clock has been set back", () =>
    Effect.gen(function*() {
      const patience = Patience.make()
      yield* TestClock.setTime(10_000)
      yield* patience.abandonOlder(9000)
      yield* TestClock.setTime(5000)
      const later = yield* Effect.forkChild(patience.abandoned, { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(later.pollUnsafe())
    }))
})
