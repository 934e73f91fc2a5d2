import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { MIN_RECORD_BYTES, truncate } from "../../../src/openobserve/Truncate.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import { anyTexts, bodyOf, encodedTexts, serdeRecords, textsOf, wideObject } from "../../support/bodyFixtures.ts"
import { runs } from "../../support/fuzzing.ts"

const MARK = /^([^]*)… \[cut: (\d+) of (\d+) bytes are left out\]$/

const shortened = (maxBytes: number, text: string): Record<string, unknown> => {
  const { body } = truncate(bodyOf([text]), maxBytes)
  serdeRecords(body)
  const [only, ...others] = textsOf(body)
  assert.deepEqual(others, [])
  assert.isAtMost(Buffer.byteLength(only!), maxBytes)
  return JSON.parse(only!)
}

/** What is left of a text that was cut; checks that the mark's figures are true. */
const kept = (value: unknown, original: string): string => {
  const [, start = "", left, whole] = MARK.exec(String(value)) ?? assert.fail(`not cut: ${String(value)}`)
  assert.isTrue(original.startsWith(start))
  assert.strictEqual(Number(whole), Buffer.byteLength(original))
  assert.strictEqual(Number(left), Buffer.byteLength(original) - Buffer.byteLength(start))
  return start
}

const recordOf = (record: unknown) =>
  `{"_timestamp":1795357874111000,"record":${JSON.stringify(record)},"requestId":"r1"}`

describe("Shorten", () => {
  it.effect("cuts the longest string so that the record just fits", () =>
    Effect.sync(() => {
      const text = "x".repeat(5000)
      const { body } = truncate(bodyOf([recordOf(text)]), 1000)
      const [only] = textsOf(body)
      assert.strictEqual(Buffer.byteLength(only!), 1000)
      const record = JSON.parse(only!)
      assert.match(record.record, /^x{880,}… \[cut: 41\d\d of 5000 bytes are left out\]$/)
      kept(record.record, text)
      assert.strictEqual(record.requestId, "r1")
    }))

  const characters: ReadonlyArray<readonly [name: string, written: string]> = [
    ["UTF-8 of two bytes", "é"],
    ["UTF-8 of three bytes", "日"],
    ["UTF-8 of four bytes", "😀"],
    ["a short escape", "\\n"],
    ["a backslash", "\\\\"],
    ["a quote", "\\\""],
    ["a long escape", "\\u00e9"],
    ["a pair of escapes", "\\ud83d\\uDe00"],
    ["a pair of escapes and more", "\\uD83D\\ude00é\\\\u"]
  ]
  for (const [name, written] of characters) {
    it.effect(`never cuts inside ${name}`, () =>
      Effect.sync(() => {
        const original: string = JSON.parse(`"${written.repeat(300)}"`)
        for (let maxBytes = 300; maxBytes < 320; maxBytes++) {
          const record = shortened(maxBytes, `{"_timestamp":1795357874111000,"record":"${written.repeat(300)}"}`)
          const start = kept(record["record"], original)
          assert.isTrue(start.isWellFormed())
          assert.strictEqual(`"${written.repeat(300)}"`.startsWith(`"${written}`), start.length > 0)
        }
      }))
  }

  it.effect("cuts inside an object and keeps its other members", () =>
    Effect.sync(() => {
      const stack = "at line 1\n".repeat(500)
      const { record } = shortened(600, recordOf({ level: "ERROR", error: { stack: [stack] }, code: 7 })) as {
        record: { level: string; error: { stack: [string] }; code: number }
      }
      assert.deepEqual([record.level, record.code], ["ERROR", 7])
      kept(record.error.stack[0], stack)
    }))

  it.effect("is not misled by keys and by what looks like the end of a string", () =>
    Effect.sync(() => {
      const [key, value] = ["k".repeat(900), "\"\\".repeat(200)]
      const { record } = shortened(1300, recordOf({ [key]: 1, value })) as { record: Record<string, string> }
      assert.strictEqual(Object.keys(record)[0], key)
      kept(record["value"], value)
    }))

  it.effect("makes text of an object whose length lies in no single string", () =>
    Effect.sync(() => {
      const object = Array.from({ length: 200 }, (_, index) => ({ [`key ${index}`]: "value \"é\"", number: index }))
      const record = shortened(1500, recordOf(object))
      assert.isAbove(kept(record["record"], JSON.stringify(object)).length, 500)
      assert.strictEqual(record["requestId"], "r1")
    }))

  it.effect("makes text of the whole record when its length lies in no single member", () =>
    Effect.sync(() => {
      const others = Array.from({ length: 200 }, (_, index) => `"member ${index}":"value ${index}"`).join(",")
      const text = `{"_timestamp":1795357874111000,${others}}`
      const record = shortened(MIN_RECORD_BYTES, text)
      assert.deepEqual(Object.keys(record), ["_timestamp", "record"])
      assert.strictEqual(record["_timestamp"], 1795357874111000)
      kept(record["record"], text)
    }))

  it.effect("cuts what a record of 10 MiB has too much", () =>
    Effect.sync(() => {
      const text = "line\n".repeat(2_097_152)
      assert.isAbove(kept(shortened(1_048_576, recordOf(text))["record"], text).length, 800_000)
    }))

  it.effect("leaves records within the limit, and says what it holds", () =>
    Effect.sync(() => {
      const texts = [
        "{\"_timestamp\":5,\"a\" : 1.0}",
        `{"_timestamp":3,"b":"${"x".repeat(300)}"}`,
        "{\"_timestamp\":4}"
      ]
      const { body, oldestTimestamp, records } = truncate(bodyOf(texts), 200)
      assert.deepEqual([records, oldestTimestamp], [3, 3])
      const [first, , last] = textsOf(body)
      assert.deepEqual([first, last], [texts[0], texts[2]])
    }))

  const longString = fc.tuple(Arbitraries.jsonString, fc.nat(60)).map(([text, times]) =>
    `"${text.slice(1, -1).repeat(times)}"`
  )
  const longEvent = fc.tuple(
    fc.oneof(
      longString,
      wideObject,
      fc.array(longString, { maxLength: 4 }).map((texts) => `{"a":{"b":[${texts.join(",")}]}}`)
    )
  ).map(([record]) => `[{"type":"function","record":${record}}]`)

  it.effect("makes every record fit, JSON, and true to what it was", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(
          fc.oneof(anyTexts, longEvent.map((post) => encodedTexts(post))),
          fc.integer({ min: MIN_RECORD_BYTES, max: 600 }),
          (texts, maxBytes) => {
            const { body } = truncate(bodyOf(texts), maxBytes)
            serdeRecords(body)
            const after = textsOf(body)
            assert.strictEqual(after.length, texts.length)
            texts.forEach((before, index) => {
              const text = after[index]!
              assert.isAtMost(Buffer.byteLength(text), maxBytes)
              if (Buffer.byteLength(before) <= maxBytes) return assert.strictEqual(text, before)
              const [one, other] = [JSON.parse(before), JSON.parse(text)]
              assert.strictEqual(other._timestamp, one._timestamp)
              assert.include(text, "… [cut: ")
              // none is seen when what was cut has a successor of the same key
              assert.isAtMost(differences(one, other, before).length, 1)
            })
          }
        ),
        { numRuns: runs(500) }
      )
    ))
})

/** The values that differ, each checked to be the beginning of what it was. */
const differences = (before: unknown, after: unknown, source: string): Array<unknown> => {
  if (typeof before === "string" && typeof after === "string") {
    if (before === after) return []
    kept(after, before)
    return [after]
  }
  if (typeof after === "string") {
    // JSON text, as it was written
    assert.include(source, MARK.exec(after)?.[1] ?? assert.fail(`not cut: ${after}`))
    return [after]
  }
  if (typeof before !== "object" || before === null || typeof after !== "object" || after === null) {
    assert.deepEqual(after, before)
    return []
  }
  const [old, young] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  if ([...old.keys()].join() !== [...young.keys()].join()) {
    assert.deepEqual([...young.keys()], ["_timestamp", "record"])
    const whole = young.get("record")
    kept(whole, source)
    return [whole]
  }
  return [...old].flatMap(([key, value]) => differences(value, young.get(key), source))
}
