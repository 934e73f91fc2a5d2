import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { part } from "../../../src/logs/PlatformRecords.ts"
import { event, makeEncoder, post, recordsOf } from "../../support/encoderFixtures.ts"

const anyEvent = fc.tuple(
  fc.constantFrom("platform.start", "platform.report", "platform.", "function", "extension", "platformed", ""),
  fc.oneof(fc.string(), fc.record({ status: fc.integer() }))
)

describe("PlatformRecords", () => {
  it.effect("parts the platform's events from the rest, each in its order, every byte once", () =>
    Effect.sync(() =>
      fc.assert(fc.property(fc.array(anyEvent, { maxLength: 20 }), (events) => {
        const encoder = makeEncoder({ types: new Set(["platform", "function", "extension"]) })
        const encoded = encoder.encode(post(...events.map(([type, record]) => event(type, record))))
        const { others, platform } = part(encoded)
        const isPlatform = ({ type }: Record<string, unknown>) => String(type).startsWith("platform.")
        const of = (records: typeof others) => recordsOf({ ...encoded, ...records })
        assert.deepEqual(of(platform), recordsOf(encoded).filter(isPlatform))
        assert.deepEqual(of(others), recordsOf(encoded).filter((record) => !isPlatform(record)))
        assert.strictEqual(platform.bytes.length + others.bytes.length, encoded.bytes.length)
      }))
    ))
})
