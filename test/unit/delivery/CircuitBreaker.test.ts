import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitBreaker } from "../../../src/delivery/CircuitBreaker.ts"

/** A chance that neither lengthens nor shortens a pause. */
const EVEN = 0.5

/** How long the pause is after each of so many failures, each at the end of the pause before. */
const pauses = (failures: number, { askedMs = 0, chance = EVEN } = {}): ReadonlyArray<number> => {
  const breaker = new CircuitBreaker()
  const found: Array<number> = []
  let now = 1_000_000
  for (let index = 0; index < failures; index++) {
    breaker.failed(now, chance, askedMs)
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

  it.effect("leaves a fifth of each pause to chance, either way", () =>
    Effect.sync(() => {
      assert.deepEqual(pauses(5, { chance: 0 }), [4_000, 8_000, 16_000, 32_000, 48_000])
      assert.deepEqual(pauses(5, { chance: 1 }), [6_000, 12_000, 24_000, 48_000, 72_000])
    }))

  it.effect("stays failing while the pause is over but nothing has succeeded", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      breaker.failed(0, EVEN)
      assert.isTrue(breaker.isOpen(4_999))
      assert.isFalse(breaker.isOpen(5_000))
      assert.isTrue(breaker.isFailing)
    }))

  it.effect("closes with the first success, and begins with a short pause again", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      breaker.failed(0, EVEN)
      breaker.failed(5_000, EVEN)
      breaker.succeeded()
      assert.isFalse(breaker.isOpen(5_001))
      breaker.failed(6_000, EVEN)
      assert.isTrue(breaker.isOpen(10_999))
      assert.isFalse(breaker.isOpen(11_000))
    }))

  it.effect("says when an outage begins and when it ends, once each", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      assert.isFalse(breaker.succeeded())
      assert.isTrue(breaker.failed(0, EVEN))
      assert.isFalse(breaker.failed(5_000, EVEN))
      assert.isTrue(breaker.succeeded())
      assert.isFalse(breaker.succeeded())
    }))

  it.effect("pauses for as long as the server asks", () =>
    Effect.sync(() => assert.deepEqual(pauses(2, { askedMs: 30_000, chance: 0 }), [30_000, 30_000])))

  it.effect("comes back by chance up to a fifth later than the server asks, never earlier", () =>
    Effect.sync(() => {
      assert.deepEqual(pauses(1, { askedMs: 30_000, chance: 0.5 }), [33_000])
      assert.deepEqual(pauses(1, { askedMs: 30_000, chance: 1 }), [36_000])
    }))

  it.effect("cannot be asked for more than ten minutes", () =>
    Effect.sync(() => assert.deepEqual(pauses(1, { askedMs: 86_400_000, chance: 0 }), [600_000])))
})
