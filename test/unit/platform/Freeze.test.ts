import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Freeze from "../../../src/platform/Freeze.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"

describe("Freeze", () => {
  describe("sleep", () => {
    it.effect("ends in time", () =>
      Effect.gen(function*() {
        const sleeping = yield* Effect.forkChild(Freeze.sleep(5000))
        yield* TestClock.adjust("4999 millis")
        assert.isUndefined(sleeping.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.isDefined(sleeping.pollUnsafe())
      }))

    it.effect("lasts for 200 ms more when a freeze has made it late", () =>
      withFreezes((freeze) =>
        Effect.gen(function*() {
          const sleeping = yield* Effect.forkChild(Freeze.sleep(5000))
          yield* TestClock.adjust("3 seconds")
          yield* freeze(3_600_000)
          yield* TestClock.adjust("2199 millis")
          assert.isUndefined(sleeping.pollUnsafe())
          yield* TestClock.adjust("1 millis")
          assert.isDefined(sleeping.pollUnsafe())
        })
      ))

    it.effect("takes a few milliseconds for what timers are late by", () =>
      withFreezes((freeze) =>
        Effect.gen(function*() {
          const sleeping = yield* Effect.forkChild(Freeze.sleep(5000))
          yield* TestClock.adjust(0)
          yield* freeze(49)
          yield* TestClock.adjust("5 seconds")
          assert.isDefined(sleeping.pollUnsafe())
        })
      ))
  })
})
