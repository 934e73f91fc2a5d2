import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ObjectScanner } from "../../../src/json/ObjectScanner.ts"
import { columnsOf } from "../../../src/openobserve/Columns.ts"
import * as Processor from "../../../src/processors/Processor.ts"
import type { TelemetryRecord } from "../../../src/processors/TelemetryRecord.ts"
import * as Stage from "../../../src/processors/Stage.ts"
import { encodedOf, limits, processAll, textsOf } from "../../support/processorFixtures.ts"

const record = (n: number, type = "function") => `{"_timestamp":${n},"type":"${type}","n":${n}}`

const numberOf = (record: TelemetryRecord) => Number(record.fields["n"])

const throwing = (): never => {
  throw new Error("the processor's")
}

/** What has become of records, by where they go. */
const outcomeOf = (processors: ReadonlyArray<Processor.Processor>, encoded: ReturnType<typeof encodedOf>) => {
  const [processed] = processAll(processors, encoded)
  return {
    ...processed!,
    parts: processed!.parts.map(({ isPlatform, records, stream }) => ({
      stream,
      isPlatform,
      numbers: textsOf(records).map((text) => Number((JSON.parse(text) as { readonly n: number }).n))
    }))
  }
}

describe("the stage of processors", () => {
  it.effect("keeps the order within each stream, and the platform's records apart", () =>
    Effect.sync(() => {
      const texts = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => record(n, n % 3 === 0 ? "platform.report" : "function"))
      const processors = [
        Processor.filter((record) => numberOf(record) !== 4),
        Processor.route(["audit", "never"], (record) => numberOf(record) > 4 ? "audit" : undefined),
        Processor.when((record) => record.type === "function", Processor.map((fields) => ({ ...fields, a: 1 })))
      ]
      const { failures, filtered, parts } = outcomeOf(processors, encodedOf(texts, [0, 3, 6]))
      assert.deepStrictEqual(parts, [
        { stream: undefined, isPlatform: true, numbers: [0, 3] },
        { stream: undefined, isPlatform: false, numbers: [1, 2] },
        { stream: "audit", isPlatform: false, numbers: [5, 6, 7] }
      ])
      assert.deepStrictEqual(filtered, { records: 1, bytes: texts[4]!.length + 1 })
      assert.strictEqual(failures, 0)
      assert.deepStrictEqual(Stage.make(processors).streams, ["audit", "never"])
    }))

  it.effect("asks nobody about what is dropped, and tells each what those before have made", () =>
    Effect.sync(() => {
      const seen: Array<string> = []
      outcomeOf([
        Processor.map((fields) => ({ ...fields, n: Number(fields["n"]) + 1 })),
        Processor.filter((record) => numberOf(record) === 2),
        Processor.filter(({ json }) => {
          seen.push(json)
          return true
        })
      ], encodedOf([record(0), record(1)]))
      assert.deepStrictEqual(seen, ["{\"_timestamp\":1,\"type\":\"function\",\"n\":2}"])
    }))

  it.effect("gives the bytes on as they came, from what is theirs, when nothing has changed", () =>
    Effect.sync(() => {
      const texts = ["{\"_timestamp\" : 1.0 }", record(1), "{\"_timestamp\":2,\"t\":\"日本\"}", record(3)]
      const encoded = encodedOf(texts)
      const [processed] = processAll([Processor.filter((record) => numberOf(record) !== 1)], encoded)
      const [{ records } = assert.fail("there are no records")] = processed!.parts
      const kept = [texts[0]!, texts[2]!, texts[3]!]
      encoded.bytes.fill("x")
      assert.deepStrictEqual(textsOf(records), kept)
      assert.strictEqual(records.bytes.toString("utf8"), kept.map((text) => `${text},`).join(""))
      assert.strictEqual(records.columns, encoded.columns)
    }))

  it.effect("counts each failure once, and goes on with the record as it was", () =>
    Effect.sync(() => {
      const processors = [
        Processor.filter(throwing),
        Processor.map(throwing),
        Processor.route(["audit"], throwing),
        Processor.route(["audit"], () => "other" as "audit"),
        Processor.when(throwing, Processor.map(() => ({}))),
        Processor.when(() => true, Processor.when(() => true, Processor.map(throwing))),
        Processor.map((fields) => ({ ...fields, n: 7 }))
      ]
      const { failure, failures, parts } = outcomeOf(processors, encodedOf([record(1), record(2)], [1]))
      assert.strictEqual(failures, 12)
      assert.strictEqual(String(failure), "Error: the processor's")
      assert.deepStrictEqual(parts.map(({ numbers, stream }) => [stream, numbers]), [[undefined, [7]], [undefined, [
        7
      ]]])
    }))

  it.effect("takes no records for an answer, and gives none", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(outcomeOf([Processor.filter(() => true)], encodedOf([])).parts, [])
      assert.deepStrictEqual(outcomeOf([Processor.filter(() => false)], encodedOf([record(1)])).parts, [])
    }))

  it.effect("makes no more at once than it may, however large records become", () =>
    Effect.sync(() => {
      const texts = Array.from({ length: 300 }, (_, n) => record(n))
      const larger = Processor.map((fields) => ({ ...fields, padding: "x".repeat(4000) }))
      const encoded = encodedOf(texts)
      let taken = 0
      for (const { parts } of Stage.make([larger]).process(encoded, { ...limits, maxPartBytes: 100_000 })) {
        for (const { records } of parts) {
          assert.isBelow(records.bytes.length, 105_000)
          for (const text of textsOf(records)) {
            assert.strictEqual((JSON.parse(text) as { readonly n: number }).n, taken++)
          }
        }
      }
      assert.strictEqual(taken, texts.length)
    }))

  it.effect("knows the columns of what it has changed", () =>
    Effect.sync(() => {
      const processors = [
        Processor.map((fields) => ({ ...fields, o: { [`k${String(fields["n"])}`]: { deep: { er: 1 } }, e: null } })),
        Processor.redact({ fields: ["k1"] })
      ]
      const [processed] = processAll(processors, encodedOf([0, 1, 2].map((n) => record(n))))
      for (const { records } of processed!.parts) {
        for (const text of textsOf(records)) {
          const scanner = new ObjectScanner(Buffer.from(text))
          scanner.next()
          for (const column of columnsOf(scanner.bytes, scanner.members)) assert.include([...records.columns], column)
        }
        assert.includeMembers([...records.columns], ["o_k0_deep", "o_k1", "o_e"])
      }
    }))

  it.effect("does not count on when there are too many", () =>
    Effect.sync(() => {
      const many = Processor.map((fields) => ({
        ...fields,
        ...Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${String(fields["n"])}_${index}`, 1]))
      }))
      const stage = Stage.make([many])
      const sizes = (count: number) =>
        [...stage.process(encodedOf(Array.from({ length: count }, (_, n) => record(n))), limits)]
          .flatMap(({ parts }) => parts.map(({ records }) => records.columns.size))
      const [wide = 0] = sizes(50)
      assert.isAbove(wide, limits.maxColumns)
      assert.isBelow(wide, limits.maxColumns + 110)
      // each post by itself
      assert.deepStrictEqual(sizes(1), [103])
    }))

  it.effect("is typed by what streams there are, and by what a function is given", () =>
    Effect.sync(() => {
      const processors = [
        Processor.route(["audit", "errors"], (record) => record.type === "" ? "errors" : undefined),
        // @ts-expect-error none of the streams
        Processor.route(["audit"], (record) => record.type === "" ? "other" : undefined),
        // @ts-expect-error nothing is answered
        Processor.map((fields) => {
          fields["a"] = 1
        }),
        // @ts-expect-error promises are no records
        Processor.map((fields) => Promise.resolve(fields)),
        Processor.map((fields) => {
          delete fields["a"]
          return fields
        }),
        // @ts-expect-error what is seen is not changed
        Processor.filter((record) => (record.fields["a"] = 1) > 0),
        // @ts-expect-error a promise would keep all records
        Processor.filter(() => Promise.resolve(false))
      ]
      assert.deepStrictEqual(Stage.make(processors).streams, ["audit", "errors"])
    }))
})
