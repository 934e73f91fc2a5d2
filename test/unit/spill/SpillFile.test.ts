import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Zlib from "node:zlib"
import { runs } from "../../support/fuzzing.ts"
import { type Batch, halve } from "../../../src/delivery/Batch.ts"
import { makeDestination } from "../../support/destinations.ts"
import * as SpillFile from "../../../src/spill/SpillFile.ts"

const content: SpillFile.Content = {
  destination: "logs",
  tally: { records: 2, bytes: 42 },
  oldestTimestamp: 1_795_000_000_000_000,
  body: Buffer.from("[{\"_timestamp\":1795000000000000},{\"a\":1}]"),
  coding: "identity"
}

const contents: fc.Arbitrary<SpillFile.Content> = fc.record({
  destination: fc.constantFrom("logs", "traces.protobuf", "x"),
  isWide: fc.constant(true as const),
  tally: fc.record({
    records: fc.integer({ min: 1, max: 2 ** 23 }),
    bytes: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
  }),
  oldestTimestamp: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  body: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  coding: fc.constantFrom("gzip" as const, "identity" as const)
}, { requiredKeys: ["destination", "tally", "oldestTimestamp", "body", "coding"] })

const batchOf = ({ destination, ...rest }: SpillFile.Content, id = 0): Batch => ({
  ...rest,
  destination: makeDestination({ name: destination }),
  id
})

const makeBatch = (id: number, overrides: Partial<SpillFile.Content> = {}) => batchOf({ ...content, ...overrides }, id)

const encode = (content: SpillFile.Content) => SpillFile.encode(batchOf(content))

/** Bytes that stand before the body, behind the header: the destination's name and its length. */
const NAME_BYTES = 1 + "logs".length

describe("SpillFile", () => {
  it.effect("gives back what it was given", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(contents, (content) => {
          assert.deepStrictEqual(SpillFile.decode(encode(content)), content)
        }),
        { numRuns: runs(200) }
      )
    ))

  it.effect("has the documented form", () =>
    Effect.sync(() => {
      const file = encode({ ...content, coding: "gzip" })
      assert.strictEqual(file.length, SpillFile.sizeOf(NAME_BYTES + content.body.length))
      assert.strictEqual(file.toString("latin1", 0, 7), "o2spill")
      assert.strictEqual(file[7], 2)
      assert.strictEqual(file.readUInt32BE(8), Zlib.crc32(file.subarray(12)))
      assert.strictEqual(file[12], 1)
      assert.strictEqual(file.readUInt32BE(13), 2)
      assert.strictEqual(file.readDoubleBE(17), 42)
      assert.strictEqual(file.readDoubleBE(25), 1_795_000_000_000_000)
      assert.strictEqual(file.readUInt32BE(33), NAME_BYTES + content.body.length)
      assert.strictEqual(file[37], 4)
      assert.strictEqual(file.toString("latin1", 38, 42), "logs")
      assert.isTrue(file.subarray(42).equals(content.body))
    }))

  it.effect("still reads a file of version 1", () =>
    Effect.sync(() => {
      const hex = "6f327370696c6c01 0c8acb14 00 00000001 3ff0000000000000 4319640000000000 00000002 5b5d"
      const file = Buffer.from(hex.replaceAll(" ", ""), "hex")
      assert.deepStrictEqual(SpillFile.decode(file), {
        destination: "logs",
        tally: { records: 1, bytes: 1 },
        oldestTimestamp: 1_786_706_395_136_000,
        body: Buffer.from("[]"),
        coding: "identity"
      })
    }))

  it.effect("knows a file cut off at any length", () =>
    Effect.sync(() => {
      const file = encode(content)
      for (let length = 0; length < file.length; length++) {
        assert.strictEqual(SpillFile.decode(file.subarray(0, length)), "truncated", `at ${length}`)
      }
    }))

  it.effect("knows a file with any one bit changed", () =>
    Effect.sync(() => {
      const file = encode(content)
      for (let bit = 0; bit < file.length * 8; bit++) {
        const changed = Buffer.from(file)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        const flaw = SpillFile.decode(changed)
        // a longer length looks like a missing end
        const expected: Array<unknown> = bit < 56 ? ["foreign"] : bit < 64 ? ["version"] : ["corrupt", "truncated"]
        assert.include(expected, flaw, `bit ${bit}`)
      }
    }))

  it.effect("knows a file with something behind its end", () =>
    Effect.sync(() => {
      assert.strictEqual(SpillFile.decode(Buffer.concat([encode(content), Buffer.from("]")])), "corrupt")
    }))

  it.effect("knows an unknown coding, even with the right checksum", () =>
    Effect.sync(() => {
      const file = encode(content)
      file[12] = 4
      file.writeUInt32BE(Zlib.crc32(file.subarray(12)), 8)
      assert.strictEqual(SpillFile.decode(file), "corrupt")
    }))

  it.effect.each<[string, Partial<SpillFile.Content>]>([
    ["no records", { tally: { records: 0, bytes: 42 } }],
    ["more records than a batch can have", { tally: { records: 2 ** 32 - 1, bytes: 42 } }],
    ["a size that is no number", { tally: { records: 2, bytes: NaN } }],
    ["a negative size", { tally: { records: 2, bytes: -1 } }],
    ["a time that is no number", { oldestTimestamp: NaN }]
  ])("does not believe in %s, even with the right checksum", ([, impossible]) =>
    Effect.sync(() => {
      assert.strictEqual(SpillFile.decode(encode({ ...content, ...impossible })), "corrupt")
    }))

  it.effect("never takes other bytes for its own", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (bytes) => {
          assert.isString(SpillFile.decode(Buffer.from(bytes)))
        }),
        { numRuns: runs(200) }
      )
    ))

  describe("nameOf", () => {
    it.effect("says what parseName reads", () =>
      Effect.sync(() => {
        assert.deepStrictEqual(SpillFile.parseName(SpillFile.nameOf(makeBatch(7), 1_795_000_000_000, 12)), {
          generation: 1_795_000_000_000,
          records: 2,
          contentBytes: NAME_BYTES + content.body.length
        })
      }))

    it.effect("sorts by generation, then by place, restored batches before sealed ones", () =>
      Effect.sync(() => {
        const records = makeBatch(5, {
          tally: { records: 4, bytes: 12 },
          body: Buffer.from("[{},{},{},{}]")
        })
        const [first, second] = halve(records)
        const [third, last] = halve(second)
        const names = [
          SpillFile.nameOf(makeBatch(99), 9, 4_000_000),
          ...[makeBatch(-(2 ** 28)), makeBatch(-3), makeBatch(-2), makeBatch(0), first, third, last, makeBatch(6)]
            .map((batch) => SpillFile.nameOf(batch, 10, 7)),
          SpillFile.nameOf(makeBatch(-5), 1_795_000_000_000, 2)
        ]
        assert.deepStrictEqual([...names].sort(), names)
        assert.strictEqual(new Set(names).size, names.length)
      }))

    it.effect("differs for a batch and its first half", () =>
      Effect.sync(() => {
        const whole = makeBatch(5, { body: Buffer.from("[{},{}]") })
        assert.notStrictEqual(SpillFile.nameOf(halve(whole)[0], 1, 1), SpillFile.nameOf(whole, 1, 1))
      }))

    it.effect.each([
      "",
      "x.spill",
      "../1.spill",
      "000000000000001-1-4503599627370496-1-2.spill.tmp",
      "000000000000001-1-4503599627370496-1-2",
      "000000000000001-1-4503599627370496-1-99999999999.spill",
      "000000000000001-1-4503599627370496-1-2.spill\n"
    ])("does not read %j", (name) => Effect.sync(() => assert.isUndefined(SpillFile.parseName(name))))
  })
})
