import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { ColumnCounter } from "../../../src/openobserve/ColumnCounter.ts"
import { possibleColumnsOf } from "../../../src/openobserve/Columns.ts"
import { ObjectScanner } from "../../../src/json/ObjectScanner.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import { anyTexts, bodyOf, encodedTexts, serdeRecords, unionOf, widePost } from "../../support/bodyFixtures.ts"
import { runs } from "../../support/fuzzing.ts"

const count = (counter: ColumnCounter, texts: ReadonlyArray<string>) => {
  const records = new ObjectScanner(bodyOf(texts))
  while (records.next()) counter.add(records.bytes, records.members)
}

const counted = (texts: ReadonlyArray<string>, limit = Infinity): Array<string> => {
  const counter = new ColumnCounter(limit, [])
  count(counter, texts)
  return [...counter.columns].sort()
}

/** What encoding adds to members, and what it renames some to. */
const ADDED_COLUMNS = [
  "_timestamp",
  "requestid",
  "faas_name",
  "faas_version",
  "faas_instance",
  "faas_coldstart",
  "cloud_region",
  "cloud_account_id",
  "event",
  "event_id",
  "event_timestamp"
]

/** A record of `width` keys that no other record has. */
const unlike = (index: number, width: number) =>
  JSON.stringify({ record: Object.fromEntries(Array.from({ length: width }, (_, key) => [`k${index}_${key}`, key])) })

describe("ColumnCounter", () => {
  const unlikeShapes: ReadonlyArray<readonly [name: string, one: string, other: string, union: Array<string>]> = [
    ["a key more", "{\"r\":{\"a\":1}}", "{\"r\":{\"a\":1,\"b\":2}}", ["r", "r_a", "r_b"]],
    ["keys divided otherwise", "{\"r\":{\"a\":1,\"bc\":2}}", "{\"r\":{\"ab\":1,\"c\":2}}", [
      "r",
      "r_a",
      "r_ab",
      "r_bc",
      "r_c"
    ]],
    ["nested and not", "{\"r\":{\"a\":{\"b\":1}}}", "{\"r\":{\"a\":1,\"b\":1}}", ["r", "r_a", "r_a_b", "r_b"]],
    ["object and text", "{\"r\":{\"a\":1}}", "{\"r\":\"{\\\"a\\\":1}\"}", ["r", "r_a"]],
    ["null, then a value", "{\"r\":{\"a\":null}}", "{\"r\":{\"a\":1}}", ["r", "r_a"]],
    ["deep and empty, then not", "{\"r\":{\"a\":{\"b\":{}}}}", "{\"r\":{\"a\":{\"b\":{\"c\":1}}}}", ["r", "r_a_b"]],
    ["a key behind an array", "{\"r\":{\"a\":[{\"x\":[1]}],\"b\":1}}", "{\"r\":{\"a\":[],\"c\":1}}", [
      "r",
      "r_a",
      "r_b",
      "r_c"
    ]],
    ["a key behind a deep object", "{\"r\":{\"a\":{\"b\":{\"x\":{}},\"c\":1}}}", "{\"r\":{\"a\":{\"b\":1}}}", [
      "r",
      "r_a_b",
      "r_a_c"
    ]],
    ["a key in a string", "{\"r\":{\"a\":\"\\\"b\\\":{\\\\\"}}", "{\"r\":{\"a\":\"x\",\"c\":1}}", ["r", "r_a", "r_c"]],
    ["keys that are one to the first hash", "{\"key5tzx\":1}", "{\"keyk3ad\":1}", ["key5tzx", "keyk3ad"]],
    [
      "keys that become one column",
      "{\"r\":{\"foo\":{\"bar_baz\":1},\"b c\":1}}",
      "{\"r\":{\"foo_bar.baz\":1,\"b-c\":1}}",
      [
        "r",
        "r_b_c",
        "r_foo_bar_baz"
      ]
    ],
    ["white space", "{\"r\":{\"a\" : 1}}", "{\"r\":{ \"b\"\n:{ \"c\":1 } } }", ["r", "r_a", "r_b_c"]]
  ]
  for (const [name, one, other, union] of unlikeShapes) {
    it.effect(`tells shapes apart: ${name}`, () =>
      Effect.sync(() => {
        assert.deepEqual(counted([one, other]), union)
        assert.deepEqual(counted([other, one]), union)
        assert.includeMembers(union, [...unionOf(serdeRecords(bodyOf([one, other])))])
      }))
  }

  it.effect("never counts less than the server, and no more than there could be", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(fc.array(anyTexts, { minLength: 1, maxLength: 3 }), (posts) => {
          const counter = new ColumnCounter(Infinity, ["base"])
          // every shape twice: learnt, and known
          for (const texts of [...posts, ...posts]) {
            counter.reset()
            count(counter, texts)
            const records = new ObjectScanner(bodyOf(texts))
            const possible = new Set(["base"])
            while (records.next()) {
              for (const column of possibleColumnsOf(records.bytes, records.members)) possible.add(column)
            }
            assert.deepEqual([...counter.columns].sort(), [...possible].sort())
            assert.includeMembers([...counter.columns], [...unionOf(serdeRecords(bodyOf(texts)))])
          }
        }),
        { numRuns: runs(300) }
      )
    ))

  it.effect("counts enough when it is shown the events that are encoded", () =>
    Effect.sync(() => {
      const options = { types: new Set(["platform", "function", "extension"]), hasMetadata: true }
      fc.assert(
        fc.property(fc.oneof(Arbitraries.post, widePost), (post) => {
          const counter = new ColumnCounter(Infinity, ADDED_COLUMNS)
          const events = new ObjectScanner(Buffer.from(post))
          while (events.next()) counter.add(events.bytes, events.members)
          const union = unionOf(serdeRecords(bodyOf(encodedTexts(post, options))))
          assert.isAtLeast(counter.columns.size, union.size)
        }),
        { numRuns: runs(300) }
      )
    }))

  it.effect("says when the limit may be exceeded, and starts anew", () =>
    Effect.sync(() => {
      const counter = new ColumnCounter(11, ["a", "b"])
      assert.isFalse(counter.mayExceed)
      count(counter, [unlike(1, 4), unlike(2, 4), unlike(1, 4)])
      assert.isFalse(counter.mayExceed)
      count(counter, [unlike(3, 1)])
      assert.isTrue(counter.mayExceed)
      counter.reset()
      assert.isFalse(counter.mayExceed)
      assert.deepEqual([...counter.columns], ["a", "b"])
      count(counter, [unlike(1, 4), unlike(3, 1)])
      assert.strictEqual(counter.columns.size, 8)
    }))

  it.effect("counts a record that is too wide by itself each time", () =>
    Effect.sync(() => {
      const counter = new ColumnCounter(10, [])
      for (let time = 0; time < 2; time++) {
        counter.reset()
        count(counter, [unlike(1, 11)])
        assert.isTrue(counter.mayExceed)
      }
    }))

  it.effect("counts on when there are more columns in shapes than it remembers", () =>
    Effect.sync(() => {
      const texts = Array.from({ length: 6 }, (_, index) => unlike(index, 9000))
      assert.strictEqual(counted([...texts, ...texts]).length, 6 * 9000 + 1)
    }))

  it.effect("counts on when there are more shapes than it remembers", () =>
    Effect.sync(() => {
      const texts = Array.from({ length: 700 }, (_, index) => unlike(index, 1))
      assert.strictEqual(counted([...texts, ...texts]).length, 701)
    }))
})
