import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as EventTime from "../../../src/logs/EventTime.ts"
import * as AcceptedTime from "../../../src/openobserve/AcceptedTime.ts"

const NOON = Date.UTC(2026, 10, 22, 12) * 1000

/** Beyond it microseconds are no longer exact in a double. Epoch ms. */
const LATEST = Date.UTC(2255, 0, 1)

const parse = (json: string): number => {
  // what stands around the value must not matter
  const bytes = Buffer.from(`{"time":${json},"type":"function"}`)
  return EventTime.parse(bytes, 8, 8 + Buffer.byteLength(json))
}

describe("AcceptedTime", () => {
  describe("isAccepted", () => {
    const HOUR = 3_600_000_000
    const ages: ReadonlyArray<readonly [hours: number, isAccepted: boolean]> = [
      [0, true],
      [4.9, true],
      [4.91, false],
      [-23.9, true],
      [-23.91, false]
    ]
    for (const [hours, isAccepted] of ages) {
      it.effect(`is ${isAccepted} for an age of ${hours} h`, () =>
        Effect.sync(() => assert.strictEqual(AcceptedTime.isAccepted(NOON - hours * HOUR, NOON), isAccepted)))
    }

    it.effect("is false for no time", () => Effect.sync(() => assert.isFalse(AcceptedTime.isAccepted(NaN, NOON))))
  })

  describe("format", () => {
    it.effect("writes milliseconds as Lambda does, and microseconds where there are any", () =>
      Effect.sync(() => {
        assert.strictEqual(AcceptedTime.format(NOON), "2026-11-22T12:00:00.000Z")
        assert.strictEqual(AcceptedTime.format(NOON + 1_234_000), "2026-11-22T12:00:01.234Z")
        assert.strictEqual(AcceptedTime.format(NOON + 1_000_007), "2026-11-22T12:00:01.000007Z")
      }))

    it.effect("writes what parse reads", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(fc.integer({ min: 0, max: LATEST * 1000 }), (micros) => {
            assert.strictEqual(parse(JSON.stringify(AcceptedTime.format(micros))), micros)
          }),
          { numRuns: 1000 }
        )
      ))
  })
})
