import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitBreaker } from "../../../src/delivery/CircuitBreaker.ts"

/** A chance that neither lengthens nor shortens a pause. */
const EVEN = 0.5

/** How long the pause is after each of so many failures, each at the end of the pause before. */
const pauses = (
  failures: number,
  { askedMs = 0, chance = EVEN, isSetting = false } = {}
): ReadonlyArray<number> => {
  const breaker = new CircuitBreaker()
  const found: Array<number> = []
  let now = 1_000_000
  for (let index = 0; index < failures; index++) {
    breaker.failed(now, chance, { askedMs, isSetting })
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

  it.effect("ends a pause when it is told, whatever the clock says", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      breaker.failed(1_000_000, EVEN)
      breaker.endPause()
      assert.isFalse(breaker.isOpen(999_000))
      assert.isTrue(breaker.isFailing)
    }))

  it.effect("pauses for 3 s, then for a seventh of the outage so far, at most for a minute", () =>
    Effect.sync(() => {
      const found = pauses(60)
      assert.deepEqual(found.slice(0, 8), [3_000, 3_000, 3_000, 3_000, 3_000, 3_000, 3_000, 3_000])
      let age = 0
      for (const pause of found) {
        // the test's clock goes by half seconds
        assert.isAtLeast(pause, Math.min(60_000, Math.max(3_000, age / 7)))
        assert.isBelow(pause, Math.min(60_000, Math.max(3_000, age / 7)) + 500)
        age += pause
      }
      assert.strictEqual(found.at(-1), 60_000)
    }))

  it.effect("shortens the pause of a long outage when somebody waits, but not one that is asked for", () =>
    Effect.sync(() => {
      const paused = (failure: { readonly askedMs?: number; readonly isSetting?: boolean }) => {
        const breaker = new CircuitBreaker()
        breaker.failed(1_000_000, EVEN)
        breaker.failed(1_300_000, EVEN, { askedMs: 0, isSetting: false, ...failure })
        const isOfUse = breaker.hurry()
        return { isOfUse, isOpenAt: [2_999, 3_001, 29_000].map((ms) => breaker.isOpen(1_300_000 + ms)) }
      }
      assert.deepStrictEqual(paused({}), { isOfUse: true, isOpenAt: [true, false, false] })
      assert.deepStrictEqual(paused({ askedMs: 30_000 }), { isOfUse: false, isOpenAt: [true, true, true] })
      assert.deepStrictEqual(paused({ isSetting: true }), { isOfUse: false, isOpenAt: [true, true, true] })
    }))

  it.effect("doubles the pauses for a wrong setting, from 5 s on", () =>
    Effect.sync(() =>
      assert.deepEqual(pauses(6, { isSetting: true }), [5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
    ))

  it.effect("leaves a fifth of each pause to chance, either way", () =>
    Effect.sync(() => {
      assert.deepEqual(pauses(2, { isSetting: true, chance: 0 }), [4_000, 7_500])
      assert.deepEqual(pauses(2, { isSetting: true, chance: 1 }), [6_000, 13_500])
      assert.deepEqual(pauses(1, { chance: 0 }), [2_500])
      assert.deepEqual(pauses(1, { chance: 1 }), [4_000])
    }))

  it.effect("stays failing while the pause is over but nothing has succeeded", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      breaker.failed(0, EVEN)
      assert.isTrue(breaker.isOpen(2_999))
      assert.isFalse(breaker.isOpen(3_000))
      assert.isTrue(breaker.isFailing)
    }))

  it.effect("closes with the first success, and begins with a short pause again", () =>
    Effect.sync(() => {
      const breaker = new CircuitBreaker()
      breaker.failed(0, EVEN)
      breaker.failed(50_000, EVEN)
      breaker.succeeded()
      assert.isFalse(breaker.isOpen(50_001))
      breaker.failed(60_000, EVEN)
      assert.isTrue(breaker.isOpen(62_999))
      assert.isFalse(breaker.isOpen(63_000))
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
