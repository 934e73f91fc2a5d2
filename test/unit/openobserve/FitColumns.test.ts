import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fitColumns } from "../../../src/openobserve/FitColumns.ts"
import { bodyOf, textsOf } from "../../support/bodyFixtures.ts"
import { objectOf, recordOf } from "../../support/columnBatches.ts"

const LIMIT = 190

/** The bodies of a batch of these lines, the records of each by their `_timestamp`: 1 is the first line. */
const fitted = (lines: ReadonlyArray<string>, limit = LIMIT) => {
  const texts = lines.map((line, index) => recordOf(index + 1, line))
  const { bodies, collapsed } = fitColumns(bodyOf(texts), limit)
  const records = bodies.map(({ body }) =>
    textsOf(body).map((text): { readonly _timestamp: number; readonly record: unknown } => JSON.parse(text))
  )
  const after = new Map(bodies.flatMap(({ body }) => textsOf(body)).map((text) => [JSON.parse(text)._timestamp, text]))
  const changed = texts.flatMap((text, index) => after.get(index + 1) === text ? [] : [index])
  return { sizes: records.map(({ length }) => length), records: records.flat(), changed, collapsed }
}

const lines = (length: number, line: (index: number) => string) => Array.from({ length }, (_, index) => line(index))

const own = (index: number, width = 100) => objectOf(`own${index}`, width)
const usual = () => objectOf("usual", 20)

describe("fitColumns", () => {
  it.effect("makes one body of lines with keys of their own", () =>
    Effect.sync(() => {
      const { changed, collapsed, records, sizes } = fitted(lines(60, (index) => own(index)))
      assert.deepEqual(sizes, [60])
      assert.strictEqual(changed.length, 60)
      assert.deepEqual(collapsed, { member: "record", columns: 6000, records: 60 })
      assert.deepEqual(records.map(({ record }) => record), lines(60, (index) => own(index)))
    }))

  it.effect("collapses the object that has them, and leaves what it lies in", () =>
    Effect.sync(() => {
      const { collapsed, records, sizes } = fitted(
        lines(60, (index) => `{"level":"INFO","data":${usual()},"http.headers":${own(index)}}`)
      )
      assert.deepEqual(sizes, [60])
      assert.deepEqual(collapsed, { member: "record.http.headers", columns: 6000, records: 60 })
      for (const [index, { record }] of records.entries()) {
        assert.deepEqual(record, { level: "INFO", data: JSON.parse(usual()), "http.headers": own(index) })
      }
    }))

  it.effect("only divides what makes four bodies", () =>
    Effect.sync(() => {
      const { changed, collapsed, sizes } = fitted(lines(4, (index) => own(index)))
      assert.deepEqual(sizes, [1, 1, 1, 1])
      assert.deepEqual([changed, collapsed], [[], undefined])
    }))

  it.effect("gives an odd line a body of its own, and leaves all as they are", () =>
    Effect.sync(() => {
      const { changed, sizes } = fitted(lines(300, (index) => index === 150 ? own(index, 180) : usual()))
      assert.deepEqual(sizes, [299, 1])
      assert.deepEqual(changed, [])
    }))

  it.effect("collapses the odd lines when they are many, and no others", () =>
    Effect.sync(() => {
      const isOdd = (index: number) => index % 50 === 7
      const { changed, collapsed, sizes } = fitted(lines(500, (index) => isOdd(index) ? own(index) : usual()))
      assert.deepEqual(sizes, [500])
      assert.deepEqual(changed, lines(500, String).map(Number).filter(isOdd))
      assert.deepEqual(collapsed, { member: "record", columns: 1000, records: 10 })
    }))

  it.effect("leaves a line alone that has a key or two of its own", () =>
    Effect.sync(() => {
      const { changed } = fitted(
        lines(500, (index) =>
          index % 50 === 7 ? own(index) : index % 50 === 8 ? `{"only${index}":1,${usual().slice(1)}` : usual())
      )
      assert.deepEqual(
        changed,
        lines(500, String).map(Number).filter((index) =>
          index % 50 === 7
        )
      )
    }))

  it.effect("does not collapse what many records have, as long as sixteen bodies suffice", () =>
    Effect.sync(() => {
      const { changed, sizes } = fitted(lines(400, (index) => objectOf(`shape${index % 20}`, 60)))
      assert.strictEqual(sizes.length, 7)
      assert.deepEqual(changed, [])
    }))

  it.effect("then keeps the columns that most records have", () =>
    Effect.sync(() => {
      const { changed, collapsed, sizes } = fitted([
        ...lines(200, (index) => objectOf(`rare${index % 40}`, 180)),
        ...lines(200, () => usual())
      ])
      assert.isAtMost(sizes.length, 4)
      assert.isTrue(changed.every((index) => index < 200))
      assert.strictEqual(collapsed?.member, "record")
    }))

  it.effect("collapses no object without need when another in the record is the reason", () =>
    Effect.sync(() => {
      const { changed, records } = fitted(
        lines(60, (index) => `{"a":{"x":${index}},"b":${own(index)},"c":${usual()}}`)
      )
      assert.strictEqual(changed.length, 60)
      assert.deepEqual(
        records.map(({ record }) => record),
        Array.from({ length: 60 }, (_, index) => ({
          a: { x: index },
          b: own(index),
          c: JSON.parse(usual())
        }))
      )
    }))

  it.effect("collapses nothing more when that suffices", () =>
    Effect.sync(() => {
      const { collapsed, records } = fitted(
        lines(60, (index) => `{"a":${objectOf(`other${index}`, 1)},"b":${own(index)}}`)
      )
      assert.deepEqual(collapsed, { member: "record.b", columns: 6000, records: 60 })
      for (const [index, { record }] of records.entries()) {
        assert.deepEqual(record, { a: JSON.parse(objectOf(`other${index}`, 1)), b: own(index) })
      }
    }))

  it.effect("collapses nothing that hardly matters", () =>
    Effect.sync(() => {
      const { changed, sizes } = fitted(
        lines(400, (index) =>
          `{${index % 10 === 0 ? `"few":${objectOf(`other${index}`, 1)},` : ""}${
            objectOf(`shape${index % 20}`, 60).slice(1)
          }`)
      )
      assert.isAtMost(sizes.length, 16)
      assert.deepEqual(changed, [])
    }))

  it.effect("collapses nothing that is no column", () =>
    Effect.sync(() => {
      const texts = lines(150, (index) =>
        `{"_timestamp":${index + 1},"top${index % 30}":1,"none":{"a":null},"record":${
          objectOf(`shape${index % 30}`, 18)
        }}`)
      const { bodies, collapsed } = fitColumns(bodyOf(texts), 20)
      assert.strictEqual(collapsed?.member, "record")
      for (
        const text of bodies.flatMap(({ body }) =>
          textsOf(body)
        )
      ) {
        assert.deepEqual(JSON.parse(text).none, { a: null })
      }
    }))

  it.effect("makes as few bodies as it can of what is at the top of records", () =>
    Effect.sync(() => {
      const texts = lines(30, (index) => `{"_timestamp":${index + 1},${own(index).slice(1)}`)
      const { bodies, collapsed } = fitColumns(bodyOf(texts), LIMIT)
      assert.strictEqual(bodies.length, 30)
      assert.deepEqual(bodies.flatMap(({ body }) => textsOf(body)).sort(), texts.toSorted())
      assert.isUndefined(collapsed)
    }))

  it.effect("has the limit that it is given", () =>
    Effect.sync(() => {
      assert.deepEqual(fitted(lines(9, (index) => own(index)), 1000).sizes, [9])
      assert.deepEqual(fitted(lines(30, (index) => own(index)), 1000).sizes.length, 4)
      assert.deepEqual(fitted(lines(30, (index) => own(index)), 1000).changed, [])
    }))
})
