import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitBreaker } from "../src/CircuitBreaker.ts"

/** How long the pause is after each of so many failures, each at the end of the pause before. */
const pauses = (failures: number, askedMs = 0): ReadonlyArray<number> => {
  const breaker = new CircuitBreaker()
  const found: Array<number> = []
  let now = 1_000_000
  for (let index = 0; index < failures; index++) {
    breaker.failed(now, askedMs)
    const began = now
    while (breaker.isOpen(now)) now += 500
    found.push(now - began)
  }
  return found
}

describe("CircuitBreaker", () => {
  it.effect("is closed before anything has failed", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      assert.isFalse(breaker.isOpen(0))
      assert.isFalse(breaker.isFailing)
    }))

  it.effect("pauses for 5 s, then for twice as long each time, at most for a minute", () =>
    Effect.sync(() => assert.deepEqual(pauses(6), [5_000, 10_000, 20_000, 40_000, 60_000, 60_000])))

  it.effect("stays failing while the pause is over but nothing has succeeded", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      breaker.failed(0)
      assert.isTrue(breaker.isOpen(4_999))
      assert.isFalse(breaker.isOpen(5_000))
      assert.isTrue(breaker.isFailing)
    }))

  it.effect("closes with the first success, and begins with a short pause again", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      breaker.failed(0)
      breaker.failed(5_000)
      breaker.succeeded()
      assert.isFalse(breaker.isOpen(5_001))
      breaker.failed(6_000)
      assert.isTrue(breaker.isOpen(10_999))
      assert.isFalse(breaker.isOpen(11_000))
    }))

  it.effect("says when an outage begins and when it ends, once each", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      assert.isFalse(breaker.succeeded())
      assert.isTrue(breaker.failed(0))
      assert.isFalse(breaker.failed(5_000))
      assert.isTrue(breaker.succeeded())
      assert.isFalse(breaker.succeeded())
    }))

  it.effect("pauses for as long as the server asks", () =>
    Effect.sync(() => assert.deepEqual(pauses(2, 30_000), [30_000, 30_000])))

  it.effect("is not kept waiting for more than ten minutes", () =>
    Effect.sync(() => assert.deepEqual(pauses(1, 86_400_000), [600_000])))
})
