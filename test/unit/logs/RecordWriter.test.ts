import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { RecordWriter } from "../../../src/logs/RecordWriter.ts"

describe("RecordWriter", () => {
  describe("RecordWriter", () => {
    it.effect("joins what it is given, whatever the size", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(fc.array(fc.oneof(fc.nat(300_000), fc.nat(10)), { maxLength: 6 }), (sizes) => {
            const writer = new RecordWriter()
            const parts = sizes.map((size, index) => Buffer.alloc(size, 0x61 + index))
            for (const part of parts) {
              writer.byte(0x2c)
              writer.bytes(part)
              writer.bytes(Buffer.from("\"end\""))
            }
            const expected = Buffer.concat(parts.flatMap((part) => [Buffer.from(","), part, Buffer.from("\"end\"")]))
            assert.strictEqual(writer.length, expected.length)
            assert.isTrue(writer.written.equals(expected))
          }),
          { numRuns: 50 }
        )
      ))

    it.effect("begins a record with its timestamp, as JavaScript writes it", () =>
      Effect.sync(() => {
        const writer = new RecordWriter()
        fc.assert(
          fc.property(
            fc.oneof(
              fc.nat(3000),
              fc.maxSafeNat(),
              fc.integer({ min: 0, max: 5000 }).map((micros) => 1_795_341_600_000_000 + micros)
            ),
            (timestamp) => {
              writer.clear()
              writer.start(timestamp)
              assert.strictEqual(writer.written.toString(), `{"_timestamp":${timestamp}`)
            }
          ),
          { numRuns: 1000 }
        )
      }))

    it.effect("copies a range of its source", () =>
      Effect.sync(() => {
        const writer = new RecordWriter()
        writer.bytes(Buffer.from("abcdef"), 2, 4)
        assert.strictEqual(writer.written.toString(), "cd")
      }))

    it.effect("begins anew after clear", () =>
      Effect.sync(() => {
        const writer = new RecordWriter()
        writer.bytes(Buffer.from("first"))
        writer.clear()
        assert.strictEqual(writer.written.length, 0)
        writer.bytes(Buffer.from("other"))
        assert.strictEqual(writer.written.toString(), "other")
      }))

    it.effect("goes on after something huge", () =>
      Effect.sync(() => {
        const writer = new RecordWriter()
        writer.bytes(Buffer.alloc(5_000_000))
        assert.strictEqual(writer.written.length, 5_000_000)
        writer.clear()
        writer.bytes(Buffer.from("small"))
        assert.strictEqual(writer.written.toString(), "small")
      }))
  })
})
