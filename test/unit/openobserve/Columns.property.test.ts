import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { columnName } from "../../../src/openobserve/ColumnName.ts"
import { columnsOf, possibleColumnsOf } from "../../../src/openobserve/Columns.ts"
import { ObjectScanner } from "../../../src/json/ObjectScanner.ts"
import { anyTexts, bodyOf, columnsOfText } from "../../support/bodyFixtures.ts"
import { runs } from "../../support/fuzzing.ts"

const scanned = (text: string) => {
  const record = new ObjectScanner(bodyOf([text]))
  assert.isTrue(record.next())
  return record
}
const exact = (text: string) => {
  const { bytes, members } = scanned(text)
  return [...columnsOf(bytes, members)]
}
const possible = (text: string) => {
  const { bytes, members } = scanned(text)
  return [...possibleColumnsOf(bytes, members)]
}

/** Whether a null may hide another member that gives the same column. */
const hidesMembers = (text: string): boolean => {
  const record = JSON.parse(text) as Readonly<Record<string, unknown>>
  const names = Object.keys(record).map(columnName)
  return Object.values(record).includes(null) && new Set(names).size < names.length
}

describe("RecordColumns", () => {
  const records: ReadonlyArray<readonly [record: string, exact: Array<string>, possible?: Array<string>]> = [
    ["{\"time\":1,\"requestId\":\"x\"}", ["time", "requestid"]],
    ["{\"a\":{\"b\":1,\"c\":{\"d\":2}}}", ["a_b", "a_c_d"]],
    ["{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}", ["a_b_c"]],
    ["{\"a\":[1,{\"b\":2}],\"c\":{\"d\":[{}]}}", ["a", "c_d"]],
    ["{\"a\":{\"b.c\":1,\"B C\":2,\"b-c\":3}}", ["a_b_c"]],
    ["{\"a\":1,\"A\":2,\"\\u0061\":3}", ["a"]],
    ["{\"foo\":{\"bar_baz\":1},\"foo_bar\":{\"baz\":2},\"foo.bar\":{\"baz\":3}}", ["foo_bar_baz"]],
    ["{\"foo\":{\"bar\":{\"baz\":1}},\"foo_bar_baz\":2,\"foo.bar-baz\":3}", ["foo_bar_baz"]],
    ["{\"b c\":1,\"b-c\":2,\"b_c\":3,\"B.C\":4,\"b日c\":5}", ["b_c"]],
    ["{\"a\":{\"b\":1,\"c\":2},\"a\":5}", ["a"]],
    ["{\"a\":5,\"a\":{\"b\":1}}", ["a_b"]],
    ["{\"a\":{},\"b\":{ },\"c\":{\"d\":{\n}}}", []],
    ["{\"a\":null,\"b\":[],\"c\":[ ]}", [], ["a", "b", "c"]],
    ["{\"a\":{\"b\":null,\"c\":{\"d\":{}}}}", [], ["a_b", "a_c_d"]],
    ["{\"a\":[null],\"b\":[[]],\"c\":[{}],\"d\":\"\"}", ["a", "b", "c", "d"]],
    ["{\"\":{\"id\":5},\"_\":1}", ["_id", "_"]],
    ["{}", []]
  ]
  for (const [record, columns, wider = columns] of records) {
    it.effect(`of ${record.replaceAll("\n", "\\n")} are ${columns.join(", ") || "none"}`, () =>
      Effect.sync(() => {
        assert.deepEqual(exact(record), columns)
        const top = Object.keys(JSON.parse(record)).map(columnName)
        assert.deepEqual(possible(record).sort(), [...new Set([...top, ...wider])].sort())
        assert.deepEqual([...columnsOfText(record)].sort(), columns.toSorted())
      }))
  }

  it.effect("are those in which the server stores", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(anyTexts, (texts) => {
          for (const text of texts) {
            const stored = [...columnsOfText(text)]
            assert.includeMembers(exact(text), stored)
            if (!hidesMembers(text)) assert.sameMembers(exact(text), stored)
            assert.includeMembers(possible(text), exact(text))
          }
        }),
        { numRuns: runs(500) }
      )
    ))
})
