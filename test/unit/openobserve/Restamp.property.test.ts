import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { columnName } from "../../../src/openobserve/ColumnName.ts"
import { restamp } from "../../../src/openobserve/Restamp.ts"
import * as AcceptedTime from "../../../src/openobserve/AcceptedTime.ts"
import { anyTexts, bodyOf, serdeRecords, textsOf } from "../../support/bodyFixtures.ts"
import { NOW_MICROS } from "../../support/encoderFixtures.ts"
import { runs } from "../../support/fuzzing.ts"

/** 2026-11-22T14:31:14.111Z */
const OLD = 1_795_357_874_111_000
const NEW = OLD + 6 * 3600e6

const isOld = (micros: number) => micros < NEW - 3600e6
const restamped = (...texts: ReadonlyArray<string>) => textsOf(restamp(bodyOf(texts), NEW, isOld).body)

/** Whether the record says a time of its own, by the simplest means. */
const hasTime = (record: object): boolean =>
  Object.entries(record).some(([key, value]: [string, unknown]) =>
    columnName(key) === "time" && value !== null && !["[]", "{}"].includes(JSON.stringify(value))
  )

describe("Restamp", () => {
  const records: ReadonlyArray<readonly [name: string, before: string, after: string]> = [
    [
      "keeps the original time",
      `{"_timestamp":${OLD},"a":1}`,
      `{"_timestamp":${NEW},"a":1,"time":"2026-11-22T14:31:14.111Z"}`
    ],
    [
      "keeps its microseconds",
      `{"_timestamp":${OLD + 7}}`,
      `{"_timestamp":${NEW},"time":"2026-11-22T14:31:14.111007Z"}`
    ],
    ["leaves a time as it is", `{"_timestamp":${OLD},"time":"x"}`, `{"_timestamp":${NEW},"time":"x"}`],
    ["leaves what is stored as time", `{"_timestamp":${OLD},"Ti\\u006De":0}`, `{"_timestamp":${NEW},"Ti\\u006De":0}`],
    ["leaves times in an object", `{"_timestamp":${OLD},"time":{"a":1}}`, `{"_timestamp":${NEW},"time":{"a":1}}`],
    [
      "does not count a time that is null",
      `{"_timestamp":${OLD},"time":null}`,
      `{"_timestamp":${NEW},"time":null,"time":"2026-11-22T14:31:14.111Z"}`
    ],
    [
      "does not count a nested time",
      `{"_timestamp":${OLD},"record":{"time":"x"}}`,
      `{"_timestamp":${NEW},"record":{"time":"x"},"time":"2026-11-22T14:31:14.111Z"}`
    ],
    ["leaves what is young enough", `{"_timestamp":${NEW - 5},"a":[1 , 2]}`, `{"_timestamp":${NEW - 5},"a":[1 , 2]}`]
  ]
  for (const [name, before, after] of records) {
    it.effect(name, () => Effect.sync(() => assert.deepEqual(restamped(before), [after])))
  }

  it.effect("counts the microseconds on, so that the order stays", () =>
    Effect.sync(() => {
      const texts = [3, 1, NEW - OLD, 2].map((offset) => `{"_timestamp":${OLD + offset},"time":"x"}`)
      const { body, oldestTimestamp, records } = restamp(bodyOf(texts), NEW + 10, isOld)
      assert.strictEqual(records, 4)
      assert.strictEqual(oldestTimestamp, NEW)
      assert.deepEqual(
        textsOf(body),
        [NEW + 10, NEW + 11, NEW, NEW + 12].map((stamp) => `{"_timestamp":${stamp},"time":"x"}`)
      )
    }))

  it.effect("restamps all when all are too old, and once more when they waited again", () =>
    Effect.sync(() => {
      const first = restamp(bodyOf([`{"_timestamp":${NEW}}`]), NEW + 1, () => true)
      const second = restamp(first.body, NEW + 2, () => true)
      assert.deepEqual(textsOf(second.body), [`{"_timestamp":${NEW + 2},"time":"${AcceptedTime.format(NEW)}"}`])
      assert.strictEqual(second.oldestTimestamp, NEW + 2)
    }))

  it.effect("changes nothing but stamp and time, whatever the records", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(anyTexts, fc.integer({ min: -5, max: 5 }), (texts, hours) => {
          const limit = NOW_MICROS + hours * 3600e6
          const { body, oldestTimestamp, records } = restamp(bodyOf(texts), NEW, (micros) => micros < limit)
          let next = NEW
          const expected = texts.map((text) => {
            const record = JSON.parse(text)
            if (record._timestamp >= limit) return text
            const time = hasTime(record) ? "" : `,"time":"${AcceptedTime.format(record._timestamp)}"`
            return `${text.slice(0, -1).replace(/^\{"_timestamp":\d+/, () => `{"_timestamp":${next++}`)}${time}}`
          })
          assert.deepEqual(textsOf(body), expected)
          assert.strictEqual(records, texts.length)
          assert.strictEqual(oldestTimestamp, Math.min(...expected.map((text) => JSON.parse(text)._timestamp)))
          serdeRecords(body)
        }),
        { numRuns: runs(300) }
      )
    ))
})
