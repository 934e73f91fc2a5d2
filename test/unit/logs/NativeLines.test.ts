import { assert, describe, it } from "@effect/vitest"
import type { NativeLines } from "../../../src/platform/NativeLines.ts"
import { event, makeEncoder, NOW_ISO, NOW_MICROS, post, recordsOf } from "../../support/encoderFixtures.ts"

const line = (text: string) => event("function", text)

/** The bytes of a line's event and the comma before it. */
const BEHIND_LINE = JSON.stringify(line("b")).length + 1

/** The hashes of a line whose record is `{"a":…}`. */
const SHAPE = [-1095365466, 1277776816] as const

type Asked = Parameters<NativeLines["encode"]>

/** Takes so many lines of one letter, whatever they are; remembers from where, and whether they name their invocation. */
const taking = (count: number) => {
  const asked: Array<number> = []
  const named: Array<boolean> = []
  const native: NativeLines = {
    next: (micros) => micros,
    forgetShapes: () => {},
    encode: (...[, at, tail, namesInvocation]: Asked) => {
      asked.push(at)
      named.push(namesInvocation)
      const record = Buffer.concat([
        Buffer.from(`{"_timestamp":${NOW_MICROS - 1},"record":"native"`),
        tail,
        Buffer.from("},")
      ])
      const records = Uint8Array.from(Buffer.concat(Array.from({ length: count }, () => record)))
      const ends = Uint32Array.from({ length: count }, (_, index) => (index + 1) * record.length)
      return [records.buffer, ends, at + count * BEHIND_LINE, count === 0 ? Infinity : NOW_MICROS - 1, undefined]
    }
  }
  return { native, asked, named }
}

const texts = post(...["a", "b", "c", "d"].map(line))

describe("native code that encodes lines", () => {
  it("is asked at the beginning and behind each event, and changes nothing when it takes none", () => {
    const { asked, native } = taking(0)
    const encoded = makeEncoder({ native, preservesOrder: false }).encode(texts)
    assert.deepStrictEqual(
      recordsOf(encoded).map(({ record }) => record),
      ["a", "b", "c", "d"]
    )
    assert.deepStrictEqual(asked, [0, 1, 2, 3, 4].map((lines) => lines * BEHIND_LINE))
    assert.strictEqual(encoded.oldestTimestamp, NOW_MICROS)
  })

  it("has what it takes put in its place, and reading goes on behind", () => {
    const { native } = taking(2)
    const encoded = makeEncoder({ native, hasMetadata: true }).encode(texts)
    const records = recordsOf(encoded)
    assert.deepStrictEqual(records.slice(0, 4).map(({ record }) => record), ["native", "native", "c", "native"])
    // the tail is that of the lines about
    assert.strictEqual(records[1]!["cloud_region"], "eu-west-1")
    assert.strictEqual(encoded.oldestTimestamp, NOW_MICROS - 1)
    assert.strictEqual(encoded.malformed, 0)
  })

  it("ends a part of a post, too", () => {
    const { native } = taking(2)
    const encoder = makeEncoder({ native, maxPartBytes: 100 })
    const { ends, restBytes } = encoder.encode(texts)
    assert.strictEqual(ends.length, 2)
    assert.strictEqual(restBytes, texts.length - 2 * BEHIND_LINE)
    assert.strictEqual(encoder.more().ends.length, 2)
  })

  it("is told when only lines say of which call they are", () => {
    const { named, native } = taking(0)
    makeEncoder({ native }).encode(post(
      event("function", { requestId: "r" }),
      event("platform.start", { requestId: "r" }),
      event("function", "x")
    ))
    assert.deepStrictEqual(named, [true, true, false, false])
  })

  it("goes on at once behind a shape whose columns are known, and counts them", () => {
    const shapes: Array<readonly [a: number, b: number] | undefined> = []
    const native: NativeLines = {
      ...taking(0).native,
      encode: (...[, at]) => [new ArrayBuffer(), new Uint32Array(), at, Infinity, shapes.shift()]
    }
    const encoder = makeEncoder({ native })
    encoder.encode(post(event("function", { a: 1 })))
    shapes.push(SHAPE, undefined, undefined, [1, 2], undefined)
    assert.isTrue(encoder.encode(post(line("x"))).columns.has("record_a"))
    assert.strictEqual(shapes.length, 2)
    assert.isFalse(encoder.encode(post(line("x"))).columns.has("record_a"))
  })

  it("is not asked where lines are not wanted, nor where events are no array's", () => {
    const { asked, native } = taking(0)
    makeEncoder({ native, types: new Set(["extension"]) }).encode(post(event("extension", "x")))
    makeEncoder({ native }).encode(
      `${JSON.stringify(line("a"))}${JSON.stringify({ time: NOW_ISO, type: "function", record: "b" })}`
    )
    assert.deepStrictEqual(asked, [])
  })
})
