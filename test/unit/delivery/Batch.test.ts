import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Zlib from "node:zlib"
import * as Batch from "../../../src/delivery/Batch.ts"
import { numbersIn, postOf } from "../../support/bufferFixtures.ts"
import { logs } from "../../support/destinations.ts"

const bodyOf = (records: string): Buffer => Buffer.from(`[${records.slice(0, -1)}]`)

const makeBatch = (sizes: ReadonlyArray<number>, overrides: Partial<Batch.Batch> = {}): Batch.Batch => {
  const { bytes } = postOf(sizes)
  return {
    destination: logs,
    id: 7,
    tally: { records: sizes.length, bytes: bytes.length },
    oldestTimestamp: 0,
    body: bodyOf(bytes.toString()),
    coding: "identity",
    ...overrides
  }
}

const record = fc.oneof(
  fc.json().map((text) => `{"_timestamp":1,"record":${text}}`),
  fc.constantFrom("{}", "{\"a\":\"},{\"}", "{ \"a\" : [ { } , 1 ] }", "{\"a\":\"\\\"},\"}")
)

describe("Batch", () => {
  describe("text", () => {
    const MEBIBYTE = 1024 * 1024
    const compressed = (text: Buffer, tally: Batch.Batch["tally"]) =>
      makeBatch([], { body: Zlib.gzipSync(text), coding: "gzip", tally })

    it.effect("gives what was compressed, also when rewriting has made it longer", () =>
      Effect.sync(() => {
        const text = Buffer.from("[" + "x".repeat(400) + "]")
        assert.isTrue(Batch.text(compressed(text, { records: 1, bytes: 100 })).equals(text))
      }))

    it.effect("does not inflate what is far more than the tally says, nor what no batch can have", () =>
      Effect.sync(() => {
        const bomb = Buffer.alloc(40 * MEBIBYTE)
        const tallies = [{ records: 1, bytes: 100 }, { records: 2 ** 23, bytes: 2 ** 40 }]
        for (const tally of tallies) assert.throws(() => Batch.text(compressed(bomb, tally)), Batch.UnreadableBatch)
      }))
  })

  describe("halve", () => {
    it.effect("loses nothing and counts right", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(fc.array(record, { minLength: 2, maxLength: 9 }), fc.boolean(), (records, isCompressed) => {
            const bytes = Buffer.from(records.map((text) => `${text},`).join(""))
            const body = bodyOf(bytes.toString())
            const whole: Batch.Batch = {
              destination: logs,
              id: 1,
              tally: { records: records.length, bytes: bytes.length },
              oldestTimestamp: 5,
              body: isCompressed ? Zlib.gzipSync(body) : body,
              coding: isCompressed ? "gzip" : "identity"
            }
            const [first, second] = Batch.halve(whole)
            assert.strictEqual(
              `[${first.body.toString().slice(1, -1)},${second.body.toString().slice(1, -1)}]`,
              body.toString()
            )
            for (const half of [first, second]) {
              assert.strictEqual(half.coding, "identity")
              assert.strictEqual(JSON.parse(half.body.toString()).length, half.tally.records)
              assert.strictEqual(half.body.length, half.tally.bytes + 1)
            }
            assert.strictEqual(first.tally.records + second.tally.records, records.length)
            assert.strictEqual(first.tally.bytes + second.tally.bytes, bytes.length)
            assert.isAtMost(Math.abs(first.tally.records - second.tally.records), 1)
          })
        )
      ))

    it.effect("keeps the age and the order of the records, and stays before the next batch", () =>
      Effect.sync(() => {
        const halves = Batch.halve(makeBatch([40, 40, 40], { oldestTimestamp: 3 }))
        assert.deepEqual(halves.map(numbersIn), [[0], [1, 2]])
        assert.deepEqual(halves.map(({ oldestTimestamp }) => oldestTimestamp), [3, 3])
        assert.strictEqual(halves[0].id, 7)
        assert.isTrue(halves[1].id > 7 && halves[1].id < 8)
      }))

    it.effect("shares out the bytes that were received when the body is another by now", () =>
      Effect.sync(() => {
        const [first, second] = Batch.halve(makeBatch([40, 40, 40], { tally: { records: 3, bytes: 61 } }))
        assert.deepEqual([first.tally, second.tally], [{ records: 1, bytes: 20 }, { records: 2, bytes: 41 }])
      }))

    it.effect("leaves the batch itself as it is", () =>
      Effect.sync(() => {
        const batch = makeBatch([40, 40])
        const before = batch.body.toString()
        Batch.halve(batch)
        assert.strictEqual(batch.body.toString(), before)
      }))
  })
})
