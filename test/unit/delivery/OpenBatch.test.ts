import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { logs } from "../../support/destinations.ts"
import { OpenBatch } from "../../../src/delivery/OpenBatch.ts"

const MAX_BYTES = 1_000_000

const append = (batch: OpenBatch, text: string, oldestTimestamp = 0, columns: ReadonlySet<string> = new Set()) =>
  batch.append(Buffer.from(text), 0, text.length, { number: 0, records: text.split(",").length - 1 }, {
    oldestTimestamp,
    columns
  })

describe("OpenBatch", () => {
  it.effect("joins records to one array", () =>
    Effect.sync(() => {
      const batch = new OpenBatch(logs, MAX_BYTES)
      append(batch, "{\"a\":1},", 7)
      append(batch, "{\"b\":2},{\"c\":3},", 5)
      const { body, oldestTimestamp, tally } = batch.seal()
      assert.strictEqual(body.toString(), "[{\"a\":1},{\"b\":2},{\"c\":3}]")
      assert.deepEqual({ oldestTimestamp, tally }, { oldestTimestamp: 5, tally: { records: 3, bytes: 24 } })
    }))

  it.effect("copies a range of its source", () =>
    Effect.sync(() => {
      const batch = new OpenBatch(logs, MAX_BYTES)
      batch.append(Buffer.from("{},{\"x\":1},{},"), 3, 11, { number: 0, records: 1 }, {
        oldestTimestamp: 0,
        columns: new Set()
      })
      assert.strictEqual(batch.seal().body.toString(), "[{\"x\":1}]")
    }))

  it.effect("begins anew after sealing, in other memory", () =>
    Effect.sync(() => {
      const batch = new OpenBatch(logs, MAX_BYTES)
      append(batch, "{\"a\":1},")
      const { body } = batch.seal()
      assert.deepEqual([batch.records, batch.bytes], [0, 0])
      append(batch, "{\"b\":2},")
      assert.strictEqual(batch.seal().body.toString(), "[{\"b\":2}]")
      assert.strictEqual(body.toString(), "[{\"a\":1}]")
    }))

  it.effect("gives up what came first", () =>
    Effect.sync(() => {
      const batch = new OpenBatch(logs, MAX_BYTES)
      append(batch, "{\"a\":1},{\"b\":2},", 1)
      append(batch, "{\"c\":3},", 2)
      assert.deepEqual(batch.evict(), { records: 2, bytes: 16 })
      assert.deepEqual([batch.records, batch.bytes], [1, 8])
      append(batch, "{\"d\":4},", 3)
      const { body, oldestTimestamp } = batch.seal()
      assert.strictEqual(body.toString(), "[{\"c\":3},{\"d\":4}]")
      assert.strictEqual(oldestTimestamp, 2)
      assert.isUndefined(batch.evict())
    }))

  it.effect("uses the memory of a body again that is not needed any more", () =>
    Effect.sync(() => {
      const batch = new OpenBatch(logs, MAX_BYTES)
      append(batch, `"${"x".repeat(20_000)}",`)
      const large = batch.seal().body
      batch.recycle(large)
      append(batch, "{\"a\":1},")
      const again = batch.seal().body
      assert.strictEqual(again.buffer, large.buffer)
      assert.strictEqual(again.toString(), "[{\"a\":1}]")
      append(batch, "{\"b\":2},")
      assert.notStrictEqual(batch.seal().body.buffer, large.buffer)
    }))

  it.effect("knows when its records may have too many columns together", () =>
    Effect.sync(() => {
      const batch = new OpenBatch(logs, MAX_BYTES)
      const columns = (prefix: string) => new Set(Array.from({ length: 100 }, (_, index) => `${prefix}${index}`))
      append(batch, "{},", 0, columns("a"))
      append(batch, "{},", 0, columns("a"))
      assert.isFalse(batch.seal().isWide)
      append(batch, "{},", 0, columns("a"))
      append(batch, "{},", 0, columns("b"))
      assert.isTrue(batch.seal().isWide)
    }))

  it.effect("grows as much as it must", () =>
    Effect.sync(() => {
      const batch = new OpenBatch(logs, MAX_BYTES)
      const record = `"${"x".repeat(9_997)}",`
      for (let count = 0; count < 100; count++) append(batch, record)
      assert.strictEqual(batch.seal().body.length, 1_000_001)
    }))
})
