import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { ByteWriter, columnName, storableKey } from "../../../src/logs/RecordWriter.ts"
import { flatten } from "../../../src/testing/openobserve/Flatten.ts"

const memberOf = (json: string) => {
  const bytes = Buffer.from(json)
  return { bytes, member: { keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: bytes.length, depth: 0 } }
}

const storable = (key: string, json: string): string => {
  const { bytes, member } = memberOf(json)
  return storableKey(key, bytes, member)
}

describe("RecordBytes", () => {
  describe("ByteWriter", () => {
    it.effect("joins what it is given, whatever the size", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(fc.array(fc.oneof(fc.nat(300_000), fc.nat(10)), { maxLength: 6 }), (sizes) => {
            const writer = new ByteWriter()
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
        const writer = new ByteWriter()
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
        const writer = new ByteWriter()
        writer.bytes(Buffer.from("abcdef"), 2, 4)
        assert.strictEqual(writer.written.toString(), "cd")
      }))

    it.effect("begins anew after clear", () =>
      Effect.sync(() => {
        const writer = new ByteWriter()
        writer.bytes(Buffer.from("first"))
        writer.clear()
        assert.strictEqual(writer.written.length, 0)
        writer.bytes(Buffer.from("other"))
        assert.strictEqual(writer.written.toString(), "other")
      }))

    it.effect("goes on after something huge", () =>
      Effect.sync(() => {
        const writer = new ByteWriter()
        writer.bytes(Buffer.alloc(5_000_000))
        assert.strictEqual(writer.written.length, 5_000_000)
        writer.clear()
        writer.bytes(Buffer.from("small"))
        assert.strictEqual(writer.written.toString(), "small")
      }))
  })

  describe("columnName", () => {
    const names: ReadonlyArray<readonly [key: string, column: string]> = [
      ["time", "time"],
      ["requestId", "requestid"],
      ["http.Status-Code", "http_status_code"],
      ["@timestamp", "_timestamp"],
      ["a b", "a_b"],
      ["", ""],
      ["_", "_"],
      ["ÄÖÜ", "äöü"],
      ["ключ", "ключ"],
      ["émoji😀", "émoji_"],
      ["日id", "_id"],
      ["€id", "_id"]
    ]
    for (const [key, column] of names) {
      it.effect(`of ${JSON.stringify(key)} is ${JSON.stringify(column)}`, () =>
        Effect.sync(() => assert.strictEqual(columnName(key), column)))
    }

    it.effect("is the one under which the server stores", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(fc.string({ unit: "binary", minLength: 1 }).map((key) => key.toWellFormed()), (key) => {
            const [column] = flatten(new Map([[key, "x"]]))?.keys() ?? []
            assert.strictEqual(columnName(key), column)
          }),
          { numRuns: 1000 }
        )
      ))
  })

  describe("storableKey", () => {
    const keys: ReadonlyArray<readonly [key: string, json: string, storable: string]> = [
      ["anything", "5", "anything"],
      ["id", "5", "id"],
      ["_id", "\"x\"", "_id"],
      ["_id", "[1]", "_id"],
      ["_id", "{\"a\":1}", "_id"],
      ["_id", "5", "event_id"],
      ["_id", "-5", "event_id"],
      ["_id", "null", "event_id"],
      ["_id", "true", "event_id"],
      ["_ID", "5", "event_id"],
      ["@id", "5", "event_id"],
      ["$id", "false", "event_id"],
      ["日id", "5", "event_id"],
      ["_timestamp", "\"x\"", "event_timestamp"],
      ["@timestamp", "5", "event_timestamp"],
      ["_Timestamp", "null", "event_timestamp"],
      ["", "{\"id\":5}", "event"],
      ["timestamp", "5", "timestamp"]
    ]
    for (const [key, json, expected] of keys) {
      it.effect(`is ${expected} for ${JSON.stringify(key)}: ${json}`, () =>
        Effect.sync(() => assert.strictEqual(storable(key, json), expected)))
    }
  })
})
