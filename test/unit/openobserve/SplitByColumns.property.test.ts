import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { splitByColumns } from "../../../src/openobserve/SplitByColumns.ts"
import { anyTexts, bodyOf, columnsOfText, serdeRecords, textsOf, unionOf } from "../../support/bodyFixtures.ts"
import { runs } from "../../support/fuzzing.ts"

/** A record with these columns besides `_timestamp`. */
const record = (timestamp: number, ...columns: ReadonlyArray<string>) =>
  `{"_timestamp":${timestamp}${columns.map((column) => `,"${column}":1`).join("")}}`

const grouped = (limit: number, ...texts: ReadonlyArray<string>) =>
  splitByColumns(bodyOf(texts), limit).map(({ body, oldestTimestamp, records }) => {
    assert.strictEqual(textsOf(body).length, records)
    return { texts: textsOf(body), oldestTimestamp }
  })

const isSubsequence = (part: ReadonlyArray<string>, whole: ReadonlyArray<string>): boolean => {
  let found = 0
  for (const text of whole) if (text === part[found]) found++
  return found === part.length
}

describe("ColumnGroups", () => {
  it.effect("leaves together what fits", () =>
    Effect.sync(() => {
      const texts = [record(3, "a", "b"), record(1, "c"), record(2, "a")]
      const [only, ...others] = splitByColumns(bodyOf(texts), 4)
      assert.deepEqual(only, { body: bodyOf(texts), records: 3, oldestTimestamp: 1 })
      assert.deepEqual(others, [])
    }))

  it.effect("puts a record into the first group that it fits, in order", () =>
    Effect.sync(() => {
      const [a, b, c, d, e] = [
        record(9, "a", "b"),
        record(8, "c", "d"),
        record(7, "b"),
        record(6, "d"),
        record(5, "a", "b")
      ]
      assert.deepEqual(grouped(3, a, b, c, d, e), [
        { texts: [a, c, e], oldestTimestamp: 5 },
        { texts: [b, d], oldestTimestamp: 6 }
      ])
    }))

  it.effect("lets too wide a record have only company that brings no columns, and is too wide, too", () =>
    Effect.sync(() => {
      const wide = (timestamp: number) => record(timestamp, "a", "b", "c")
      const [narrow, other] = [record(2, "a"), record(4, "a", "b", "d")]
      assert.deepEqual(grouped(3, wide(1), narrow, wide(3), other), [
        { texts: [wide(1), wide(3)], oldestTimestamp: 1 },
        { texts: [narrow], oldestTimestamp: 2 },
        { texts: [other], oldestTimestamp: 4 }
      ])
    }))

  it.effect("makes nothing of nothing", () =>
    Effect.sync(() => assert.deepEqual(splitByColumns(Buffer.from("[]"), 10), [])))

  it.effect("comes to an end with records that have nothing in common", () =>
    Effect.sync(() => {
      const texts = Array.from({ length: 3000 }, (_, index) => record(index, `a${index}`, `b${index}`))
      const groups = splitByColumns(bodyOf(texts), 5)
      // two records and _timestamp
      assert.strictEqual(groups.length, 1500)
      assert.deepEqual(groups.flatMap(({ body }) => textsOf(body)), texts)
    }))

  it.effect("loses, repeats and reorders nothing, and keeps to the limit where that can be done", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(
          fc.array(anyTexts, { minLength: 1, maxLength: 3 }).map((posts) => posts.flat()),
          fc.integer({ min: 3, max: 40 }),
          (texts, limit) => {
            const groups = splitByColumns(bodyOf(texts), limit)
            assert.deepEqual(groups.flatMap(({ body }) => textsOf(body)).sort(), texts.toSorted())
            for (const { body, oldestTimestamp, records } of groups) {
              const part = textsOf(body)
              assert.strictEqual(part.length, records)
              assert.isTrue(isSubsequence(part, texts))
              const stamps = part.map((text) => Number(JSON.parse(text)._timestamp))
              assert.strictEqual(oldestTimestamp, Math.min(...stamps))
              const union = unionOf(serdeRecords(body))
              if (union.size <= limit) continue
              assert.deepEqual([...union].sort(), [...columnsOfText(part[0]!)].sort())
              for (const text of part) assert.isAbove(columnsOfText(text).size, limit)
            }
          }
        ),
        { numRuns: runs(300) }
      )
    ))
})
