import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { columnsOf } from "../../../src/openobserve/Columns.ts"
import { ColumnSurvey } from "../../../src/openobserve/ColumnSurvey.ts"
import { fitColumns } from "../../../src/openobserve/FitColumns.ts"
import { splitByColumns } from "../../../src/openobserve/SplitByColumns.ts"
import { ObjectScanner } from "../../../src/json/ObjectScanner.ts"
import { anyTexts, bodyOf, columnsOfText, serdeRecords, textsOf, unionOf } from "../../support/bodyFixtures.ts"
import { replacedIn } from "../../support/collapsed.ts"
import { anyBatch, objectOf, recordOf } from "../../support/columnBatches.ts"
import { runs } from "../../support/fuzzing.ts"

const stampOf = (text: string): number => Number(JSON.parse(text)._timestamp)

/** Checks everything that holds whatever the batch; answers with the number of bodies. */
const check = (texts: ReadonlyArray<string>, limit: number): number => {
  const { bodies, collapsed } = fitColumns(bodyOf(texts), limit)
  const before = new Map(texts.map((text) => [stampOf(text), text]))
  const seen: Array<number> = []
  let changed = 0
  for (const { body, oldestTimestamp, records } of bodies) {
    const after = textsOf(body)
    const stamps = after.map(stampOf)
    seen.push(...stamps)
    assert.strictEqual(records, after.length)
    assert.deepEqual(stamps, stamps.toSorted((one, other) => one - other))
    assert.strictEqual(oldestTimestamp, stamps[0])
    for (const text of after) {
      if (replacedIn(before.get(stampOf(text))!, text).length > 0) changed++
    }
    const union = unionOf(serdeRecords(body))
    if (union.size <= limit) continue
    for (const text of after) assert.deepEqual([...columnsOfText(text)].sort(), [...union].sort())
  }
  assert.deepEqual(seen.sort((one, other) => one - other), [...before.keys()])
  assert.strictEqual(collapsed === undefined, changed === 0)
  if (collapsed !== undefined) {
    assert.isAtLeast(collapsed.columns, 1)
    assert.isAtLeast(collapsed.records, 1)
    assert.isAtMost(collapsed.records, changed)
  }
  const split = splitByColumns(bodyOf(texts), limit)
  if (split.length <= 4) {
    assert.deepEqual(bodies, split)
    assert.strictEqual(changed, 0)
  }
  return bodies.length
}

const countedIn = (text: string): number => {
  const records = new ObjectScanner(bodyOf([text]))
  records.next()
  return columnsOf(records.bytes, records.members).size
}

describe("fitColumns", () => {
  it.effect("keeps every record once, untouched but for objects that are text, and to the limit", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(anyBatch, fc.integer({ min: 20, max: 250 }), (texts, limit) => {
          // what is at the top of these records always fits
          assert.isAtMost(check(texts, limit), 16)
        }),
        { numRuns: runs(200) }
      )
    ))

  it.effect("makes few bodies of records that have keys of their own, wherever they have them", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(
          fc.integer({ min: 5, max: 60 }),
          fc.integer({ min: 60, max: 180 }),
          fc.integer({ min: 20, max: 1000 }),
          fc.boolean(),
          (records, width, limit, isInside) => {
            const texts = Array.from({ length: records }, (_, index) => {
              const own = objectOf(`own${index}`, width)
              return recordOf(index + 1, isInside ? `{"level":"INFO","data":${own}}` : own)
            })
            assert.isAtMost(check(texts, limit), 4)
          }
        ),
        { numRuns: runs(40) }
      )
    ))

  it.effect("does the same to whatever the encoder writes", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(
          fc.array(anyTexts, { minLength: 1, maxLength: 3 }),
          fc.integer({ min: 3, max: 40 }),
          (posts, limit) => {
            const texts = posts.flat()
            const { bodies, collapsed } = fitColumns(bodyOf(texts), limit)
            const after = bodies.flatMap(({ body }) => textsOf(body))
            assert.strictEqual(after.length, texts.length)
            if (collapsed === undefined) assert.deepEqual(after.sort(), texts.toSorted())
            for (const { body } of bodies) {
              const union = unionOf(serdeRecords(body))
              if (union.size <= limit) continue
              // counted as `columnsOf` does, which has one too many where a null hides another member
              for (const text of textsOf(body)) assert.isAbove(countedIn(text), limit)
            }
          }
        ),
        { numRuns: runs(200) }
      )
    ))
})

describe("ColumnSurvey", () => {
  it.effect("finds as many columns in each record as are counted otherwise", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(anyTexts, (texts) => {
          const survey = new ColumnSurvey(bodyOf(texts))
          const records = new ObjectScanner(bodyOf(texts))
          for (const record of survey.records) {
            assert.isTrue(records.next())
            assert.strictEqual(survey.columnsOf(record).size, columnsOf(records.bytes, records.members).size)
          }
          assert.isFalse(records.next())
        }),
        { numRuns: runs(300) }
      )
    ))
})
