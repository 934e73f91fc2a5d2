import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as EventTime from "../../../src/logs/EventTime.ts"

const NOON = Date.UTC(2026, 10, 22, 12) * 1000

/** Beyond it microseconds are no longer exact in a double. Epoch ms. */
const LATEST = Date.UTC(2255, 0, 1)

const isoOf = (millis: number): string => new Date(millis).toISOString()

const parse = (json: string): number => {
  // what stands around the value must not matter
  const bytes = Buffer.from(`{"time":${json},"type":"function"}`)
  return EventTime.parse(bytes, 8, 8 + Buffer.byteLength(json))
}

describe("EventTime", () => {
  describe("parse", () => {
    const times: ReadonlyArray<readonly [json: string, micros: number]> = [
      ["\"2026-11-22T12:00:00.000Z\"", NOON],
      ["\"2026-11-22T12:00:00.999Z\"", NOON + 999_000],
      ["\"2024-02-29T23:59:59.123Z\"", Date.UTC(2024, 1, 29, 23, 59, 59, 123) * 1000],
      ["\"1970-01-01T00:00:00.000Z\"", 0],
      ["\"1969-12-31T23:59:59.999Z\"", -1000],
      ["\"2026-11-22T12:00:00Z\"", NOON],
      ["\"2026-11-22T12:00Z\"", NOON],
      ["\"2026-11-22T12:00:00\"", NOON],
      ["\"2026-11-22 12:00:00.5z\"", NOON + 500_000],
      ["\"2026-11-22t12:00:00,5Z\"", NOON + 500_000],
      ["\"2026-11-22T12:00:00.1Z\"", NOON + 100_000],
      ["\"2026-11-22T12:00:00.123456Z\"", NOON + 123_456],
      ["\"2026-11-22T12:00:00.123456999Z\"", NOON + 123_456],
      ["\"2026-11-22T13:30:00.000+01:30\"", NOON],
      ["\"2026-11-22T10:30:00-0130\"", NOON],
      ["\"2026-11-22T14:00:00+02\"", NOON],
      ["\"2026-11-23T00:00:00+12:00\"", NOON],
      ["\"\\u0032026-11-22T12:00:00.000Z\"", NOON],
      ["\"2026-11-22T12:00:60Z\"", NOON + 60_000_000]
    ]
    for (const [json, micros] of times) {
      it.effect(`reads ${json}`, () => Effect.sync(() => assert.strictEqual(parse(json), micros)))
    }

    const unreadable = [
      "\"\"",
      "\"now\"",
      "null",
      "1795348800000",
      "true",
      "{}",
      "[\"2026-11-22T12:00:00.000Z\"]",
      "\"2026-11-22\"",
      "\"2026-13-22T12:00:00.000Z\"",
      "\"2026-00-22T12:00:00.000Z\"",
      "\"2026-11-00T12:00:00.000Z\"",
      "\"2026-11-32T12:00:00.000Z\"",
      "\"2026-11-22T24:00:00.000Z\"",
      "\"2026-11-22T12:60:00.000Z\"",
      "\"2026-11-22T12:00:61.000Z\"",
      "\"2026-11-22T12:00:00.00xZ\"",
      "\"2026-11-22T12:00:00./00Z\"",
      "\"2026-11-22T12:00:00.:00Z\"",
      "\"2026/11/22T12:00:00.000Z\"",
      "\"2026-11-22T12-00-00.000Z\"",
      "\"20x6-11-22T12:00:00.000Z\"",
      "\"+026-11-22T12:00:00.000Z\"",
      "\" 2026-11-22T12:00:00.000Z\"",
      "\"2026-11-22T12:00:00.000Z \"",
      "\"2026-11-22T12:00:00.000ZZ\"",
      "\"Sun, 22 Nov 2026 12:00:00 GMT\""
    ]
    for (const json of unreadable) {
      it.effect(`does not read ${json}`, () => Effect.sync(() => assert.isNaN(parse(json))))
    }

    it.effect("reads every moment that Lambda can write", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (number) => {
            const millis = number % LATEST
            assert.strictEqual(parse(`"${isoOf(millis)}"`), millis * 1000)
          }),
          { numRuns: 1000 }
        )
      ))
  })

  describe("MillisecondOrder", () => {
    it.effect("numbers the events of one millisecond", () =>
      Effect.sync(() => {
        const order = new EventTime.MillisecondOrder()
        assert.deepEqual([order.next(NOON), order.next(NOON), order.next(NOON)], [NOON, NOON + 1, NOON + 2])
      }))

    it.effect("goes on where it was when a millisecond comes again", () =>
      Effect.sync(() => {
        const order = new EventTime.MillisecondOrder()
        const times = [NOON, NOON, NOON + 1000, NOON, NOON + 1000].map((micros) => order.next(micros))
        assert.deepEqual(times, [NOON, NOON + 1, NOON + 1000, NOON + 2, NOON + 1001])
      }))

    it.effect("stays within the millisecond", () =>
      Effect.sync(() => {
        const order = new EventTime.MillisecondOrder()
        const times = Array.from({ length: 1500 }, () => order.next(NOON) - NOON)
        assert.deepEqual(times.slice(998, 1003), [998, 999, 999, 999, 999])
        assert.strictEqual(times.at(-1), 999)
      }))

    it.effect("leaves microseconds alone that the event has itself", () =>
      Effect.sync(() => {
        const order = new EventTime.MillisecondOrder()
        assert.deepEqual([order.next(NOON + 5), order.next(NOON + 5)], [NOON + 5, NOON + 5])
      }))

    it.effect("remembers the last milliseconds, not all", () =>
      Effect.sync(() => {
        const order = new EventTime.MillisecondOrder()
        order.next(NOON)
        for (let index = 1; index <= 200; index++) order.next(NOON + index * 1000)
        assert.strictEqual(order.next(NOON), NOON + 1)
        for (let index = 1; index <= 300; index++) order.next(NOON + index * 1000)
        assert.strictEqual(order.next(NOON), NOON)
      }))
  })
})
