import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { CUT, INVALID, JsonScanner } from "../../../src/json/JsonScanner.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import { isJson } from "../../support/jsonOracle.ts"

const scannerOf = (text: string) => new JsonScanner(Buffer.from(text))

const depthOf = (value: unknown): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

describe("JsonScanner", () => {
  it.effect("reads a value up to its last byte", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(Arbitraries.jsonValue, fc.constantFrom("", ",", "]", "}", " "), (text, behind) => {
          assert.strictEqual(scannerOf(text + behind).value(0), Buffer.byteLength(text))
        }),
        { numRuns: 500 }
      )
    ))

  it.effect("measures the depth of a value", () =>
    Effect.sync(() =>
      fc.assert(
        // of repeated keys only the last survives JSON.parse
        fc.property(Arbitraries.jsonValue, (text) => {
          const scanner = scannerOf(text)
          scanner.value(0)
          assert.isAtLeast(scanner.depth, depthOf(JSON.parse(text)))
        }),
        { numRuns: 300 }
      )
    ))

  it.effect("takes for JSON what JSON.parse takes for JSON, and nothing else", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(Arbitraries.jsonValue, fc.nat(), fc.string({ maxLength: 2 }), fc.nat({ max: 2 }), (
          text,
          at,
          insert,
          remove
        ) => {
          const from = at % (text.length + 1)
          // half of a surrogate pair has no UTF-8, so both must see what became of it
          const damaged = (text.slice(0, from) + insert + text.slice(from + remove)).toWellFormed()
          const end = scannerOf(damaged.trimStart()).value(0)
          const isWhole = end >= 0 && Buffer.from(damaged.trimStart()).toString("utf8", end).trim() === ""
          assert.strictEqual(isWhole, isJson(damaged))
        }),
        { numRuns: 3000 }
      )
    ))

  const texts: ReadonlyArray<readonly [text: string, result: number]> = [
    ["", CUT],
    ["\"", CUT],
    ["\"a\\", CUT],
    ["\"\\u12", CUT],
    ["\"\\ud83d\\u", CUT],
    ["\"\\u12x4\"", INVALID],
    ["\"\\x\"", INVALID],
    ["\"\t\"", INVALID],
    ["-", CUT],
    ["-x", INVALID],
    ["1.", CUT],
    ["1.x", INVALID],
    ["1e", CUT],
    ["1e+", CUT],
    ["1ex", INVALID],
    [".5", INVALID],
    ["+1", INVALID],
    ["NaN", INVALID],
    ["tru", CUT],
    ["trux", INVALID],
    ["[", CUT],
    ["[1", CUT],
    ["[1,", CUT],
    ["[1,]", INVALID],
    ["[1}", INVALID],
    ["[,1]", INVALID],
    ["{", CUT],
    ["{\"a\"", CUT],
    ["{\"a\":", CUT],
    ["{\"a\":1", CUT],
    ["{\"a\":1,", CUT],
    ["{\"a\":1,}", INVALID],
    ["{\"a\" 1}", INVALID],
    ["{a:1}", INVALID],
    ["{\"a\":1]", INVALID],
    ["// x", INVALID]
  ]
  for (const [text, result] of texts) {
    it.effect(`calls ${JSON.stringify(text)} ${result === CUT ? "cut" : "invalid"}`, () =>
      Effect.sync(() => assert.strictEqual(scannerOf(text).value(0), result)))
  }

  it.effect("says where it is invalid", () =>
    Effect.sync(() => {
      const scanner = scannerOf("{\"a\":[1,2,x]}")
      assert.strictEqual(scanner.value(0), INVALID)
      assert.strictEqual(scanner.errorAt, 10)
    }))

  it.effect("makes strings well-formed without moving anything", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(Arbitraries.jsonString, (text) => {
          const bytes = Buffer.from(text)
          assert.strictEqual(new JsonScanner(bytes).string(0), bytes.length)
          assert.strictEqual(JSON.parse(bytes.toString()), (JSON.parse(text) as string).toWellFormed())
        }),
        { numRuns: 500 }
      )
    ))

  it.effect("reads 100 000 nested brackets", () =>
    Effect.sync(() => {
      const text = "[".repeat(100_000) + "]".repeat(100_000)
      const scanner = scannerOf(text)
      assert.strictEqual(scanner.value(0), text.length)
      assert.strictEqual(scanner.depth, 100_000)
    }))

  it.effect("reads key and colon up to the value", () =>
    Effect.sync(() => {
      assert.strictEqual(scannerOf("\"a\" \n: 1").key(0), 7)
      assert.strictEqual(scannerOf("\"a\" , 1").key(0), INVALID)
      assert.strictEqual(scannerOf("\"a\" ").key(0), CUT)
    }))
})
