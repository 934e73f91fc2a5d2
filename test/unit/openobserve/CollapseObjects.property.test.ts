import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { collapseObjects } from "../../../src/openobserve/CollapseObjects.ts"
import { anyTexts, bodyOf, columnsOfText, serdeRecords, textsOf } from "../../support/bodyFixtures.ts"
import { isObject, replacedTexts } from "../../support/collapsed.ts"
import { runs } from "../../support/fuzzing.ts"

const narrowed = (limit: number, text: string): string => {
  const [only, ...others] = textsOf(collapseObjects(bodyOf([text]), limit).body)
  assert.deepEqual(others, [])
  return only ?? ""
}

describe("Narrow", () => {
  const records: ReadonlyArray<readonly [name: string, limit: number, before: string, after: string]> = [
    [
      "leaves what fits",
      4,
      "{\"_timestamp\":1,\"record\":{\"a\":1,\"b\":2,\"c\":{}},\"x\":3}",
      "{\"_timestamp\":1,\"record\":{\"a\":1,\"b\":2,\"c\":{}},\"x\":3}"
    ],
    [
      "replaces an object by its text, as it was written",
      3,
      "{\"_timestamp\":1,\"record\":{\"a\": 9007199254740993,\"b\":\"\\\"\\u00e9\",\"c\":1.50},\"x\":3}",
      "{\"_timestamp\":1,\"record\":\"{\\\"a\\\": 9007199254740993,\\\"b\\\":\\\"\\\\\\\"\\\\u00e9\\\",\\\"c\\\":1.50}\",\"x\":3}"
    ],
    [
      "replaces the object with the most members and keeps what it lies in",
      4,
      "{\"_timestamp\":1,\"record\":{\"level\":\"INFO\",\"data\":{\"a\":1,\"b\":2,\"c\":3},\"id\":7}}",
      "{\"_timestamp\":1,\"record\":{\"level\":\"INFO\",\"data\":\"{\\\"a\\\":1,\\\"b\\\":2,\\\"c\\\":3}\",\"id\":7}}"
    ],
    [
      "goes on until it fits",
      3,
      "{\"_timestamp\":1,\"a\":{\"b\":1,\"c\":2,\"d\":{\"e\":1,\"f\":2,\"g\":3,\"h\":4}},\"i\":{\"j\":1,\"k\":2}}",
      "{\"_timestamp\":1,\"a\":\"{\\\"b\\\":1,\\\"c\\\":2,\\\"d\\\":{\\\"e\\\":1,\\\"f\\\":2,\\\"g\\\":3,\\\"h\\\":4}}\",\"i\":\"{\\\"j\\\":1,\\\"k\\\":2}\"}"
    ],
    [
      "replaces nothing that would save nothing",
      2,
      "{\"_timestamp\":1,\"a\":{\"b\":1},\"c\":{\"d\":null},\"e\":{\"f\":1,\"g\":2}}",
      "{\"_timestamp\":1,\"a\":{\"b\":1},\"c\":{\"d\":null},\"e\":\"{\\\"f\\\":1,\\\"g\\\":2}\"}"
    ],
    [
      "of several equal keys replaces the last",
      3,
      "{\"_timestamp\":1,\"r\":{\"a\":{\"x\":1,\"y\":2},\"b\":{\"x\":1,\"y\":2},\"a\":{\"x\":1,\"y\":2}}}",
      "{\"_timestamp\":1,\"r\":{\"a\":{\"x\":1,\"y\":2},\"b\":\"{\\\"x\\\":1,\\\"y\\\":2}\",\"a\":\"{\\\"x\\\":1,\\\"y\\\":2}\"}}"
    ],
    [
      "counts keys that are stored in one column once",
      2,
      "{\"_timestamp\":1,\"r\":{\"a\":1,\"A\":2}}",
      "{\"_timestamp\":1,\"r\":{\"a\":1,\"A\":2}}"
    ]
  ]
  for (const [name, limit, before, after] of records) {
    it.effect(name, () => Effect.sync(() => assert.strictEqual(narrowed(limit, before), after)))
  }

  it.effect("looks at each record by itself", () =>
    Effect.sync(() => {
      const texts = [
        "{\"_timestamp\":5,\"a\":1}",
        "{\"_timestamp\":3,\"b\":{\"c\":1,\"d\":2}}",
        "{\"_timestamp\":4,\"e\":1}"
      ]
      const { body, oldestTimestamp, records } = collapseObjects(bodyOf(texts), 2)
      assert.deepEqual([records, oldestTimestamp], [3, 3])
      assert.deepEqual(textsOf(body), [texts[0], "{\"_timestamp\":3,\"b\":\"{\\\"c\\\":1,\\\"d\\\":2}\"}", texts[2]])
    }))

  it.effect("replaces objects only, only where needed, and gets every record below the limit that it can", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(anyTexts, fc.integer({ min: 2, max: 40 }), (texts, limit) => {
          const { body } = collapseObjects(bodyOf(texts), limit)
          serdeRecords(body)
          const after = textsOf(body)
          assert.strictEqual(after.length, texts.length)
          texts.forEach((before, index) => {
            const text = after[index]!
            if (columnsOfText(before).size <= limit) return assert.strictEqual(text, before)
            const replaced = replacedTexts(JSON.parse(before), JSON.parse(text), before)
            if (replaced.length === 0) assert.strictEqual(text, before)
            if (columnsOfText(text).size <= limit) return
            // what is still an object is no more than a column
            for (const [key, value] of Object.entries(JSON.parse(text))) {
              if (isObject(value)) assert.isAtMost(columnsOfText(JSON.stringify({ [key]: value })).size, 1)
            }
          })
        }),
        { numRuns: runs(300) }
      )
    ))
})
