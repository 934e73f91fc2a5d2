import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { columnName, storableKey } from "../../../src/openobserve/ColumnName.ts"
import { flatten } from "../../../src/testing/openobserve/Flatten.ts"

const memberOf = (json: string) => {
  const bytes = Buffer.from(json)
  return { bytes, member: { keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: bytes.length, depth: 0 } }
}

const storable = (key: string, json: string): string => {
  const { bytes, member } = memberOf(json)
  return storableKey(key, bytes, member)
}

describe("ColumnName", () => {
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
