/** Whatever is posted to the telemetry port: complete events arrive right, the process lives, the next call is as usual. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { ledgerOf, sidesOf, withSandbox } from "./sandbox.ts"

/** An event with a good time; the record is JSON text. */
const line = (record: string): string => `{"time":"${new Date().toISOString()}","type":"function","record":${record}}`

const quoted = (text: string): string => JSON.stringify(text)

/** A post that tells itself apart by its marker, and the function records that must come out of it, in order. */
interface Case {
  readonly what: string
  readonly body: (marker: string) => string | Uint8Array
  readonly expected: (marker: string) => ReadonlyArray<string>
}

const good = (marker: string) => line(quoted(`${marker} good`))

const goodOnly: Case["expected"] = (marker) => [`${marker} good`]

const nothing: Case["expected"] = () => []

const MEBIBYTE = 1024 * 1024

/** A post of exactly so many bytes, made of lines of 1 KiB and one that fills the rest. */
const postOfBytes = (marker: string, bytes: number): string => {
  const rows = Array.from({ length: Math.floor(bytes / 1100) - 1 }, () => line(quoted(`${marker} ${"x".repeat(900)}`)))
  const body = `[${rows.join()},${line(quoted(`${marker} `))}]`
  return body.replace(/ "\}\]$/, ` ${"y".repeat(bytes - Buffer.byteLength(body))}"}]`)
}

const cases: ReadonlyArray<Case> = [
  { what: "no JSON", body: () => "this is no JSON", expected: nothing },
  { what: "nothing", body: () => "", expected: nothing },
  { what: "something else than an array", body: () => "42", expected: nothing },
  { what: "null elements", body: (marker) => `[null,${good(marker)},null]`, expected: goodOnly },
  { what: "numbers and strings", body: (marker) => `[1,"two",${good(marker)},[3],true]`, expected: goodOnly },
  {
    what: "an event that is cut",
    body: (marker) => `[${good(marker)},${line(quoted("never complete")).slice(0, 50)}`,
    expected: goodOnly
  },
  {
    what: "garbage between events",
    body: (marker) => `[${line("{\"broken\":}")},${good(marker)}]`,
    expected: goodOnly
  },
  {
    what: "a missing time",
    body: (marker) => `[{"type":"function","record":"${marker} good"}]`,
    expected: goodOnly
  },
  {
    what: "a time that is none",
    body: (marker) => `[{"time":"yesterday","type":"function","record":"${marker} good"}]`,
    expected: goodOnly
  },
  {
    what: "a time that is a number",
    body: (marker) => `[{"time":7,"type":"function","record":"${marker} good"}]`,
    expected: goodOnly
  },
  {
    what: "look-alikes inside a record",
    body: (marker) =>
      `[${line(quoted(`${marker} },{"time":"2020-01-01T00:00:00.000Z","type":"platform.report","record":{}},{`))}]`,
    expected: (marker) => [`${marker} },{"time":"2020-01-01T00:00:00.000Z","type":"platform.report","record":{}},{`]
  },
  {
    what: "lone surrogates",
    body: (marker) => `[${line(`"${marker} \\ud800 lone"`)},${good(marker)}]`,
    expected: (marker) => [`${marker} \ufffd lone`, `${marker} good`]
  },
  {
    what: "bytes that are no UTF-8",
    body: (marker) =>
      Buffer.concat([Buffer.from(`[${line(`"${marker} `).slice(0, -1)}`), Buffer.from([0xff]), Buffer.from("\"}]")]),
    expected: (marker) => [`${marker} \ufffd`]
  },
  {
    what: "100000 brackets",
    body: (marker) => `[${line(`${"[".repeat(100_000)}`)},${good(marker)}]`,
    expected: goodOnly
  },
  {
    what: "deep but balanced nesting",
    body: (marker) => `[${line(`{"${marker}":${"[".repeat(5000)}${"]".repeat(5000)}}`)},${good(marker)}]`,
    expected: goodOnly
  },
  {
    what: "a line of a MiB",
    body: (marker) => `[${line(quoted(`${marker} ${"m".repeat(MEBIBYTE)}`))}]`,
    expected: (marker) => [`${marker} ${"m".repeat(MEBIBYTE)}`]
  },
  {
    what: "pretty-printed JSON",
    body: (marker) => JSON.stringify(JSON.parse(`[${good(marker)}]`), undefined, 2),
    expected: goodOnly
  },
  {
    what: "members in another order, escaped keys",
    body: (marker) =>
      `[{"record":"${marker} good","\\u0074ype":"function","t\\u0069me":"${new Date().toISOString()}"}]`,
    expected: goodOnly
  }
]

describe("bad input", () => {
  it.live("costs nothing but what is broken in itself", () =>
    withSandbox({}, ({ emulator, functionLines, invoke, ownLines }) =>
      Effect.gen(function*() {
        yield* emulator.start
        for (const [index, { body, expected, what }] of cases.entries()) {
          const marker = `case-${index}`
          assert.strictEqual(yield* emulator.postTelemetry(body(marker)), 200, what)
          const { status } = yield* invoke({ lines: [`after ${index}`] })
          assert.strictEqual(status, "success", what)
          const lines = yield* functionLines
          assert.deepStrictEqual(lines.filter((text) => text.startsWith(`${marker} `)), expected(marker), what)
          assert.strictEqual(lines.filter((text) => text === `after ${index}\n`).length, 1, what)
        }
        // deeper than OpenObserve's parser goes: sent as the text of it
        const deep = (yield* functionLines).filter((text) => text.startsWith("{\"case-"))
        assert.deepStrictEqual(deep.map((text) => text.length), ["{\"case-14\":}".length + 10_000])
        const { extensions } = yield* emulator.shutdown()
        assert.strictEqual(extensions[0]?.exitCode, 0)
        const ledger = ledgerOf(yield* ownLines)
        const { came, went } = sidesOf(ledger)
        assert.strictEqual(came, went)
        assert.isAbove(ledger["malformed"], 5)
        assert.strictEqual(ledger["postsDropped"], 0)
        assert.strictEqual(ledger["delivered"], ledger["received"])
      })))

  it.live("takes events of every kind of time and type", () =>
    withSandbox({}, ({ emulator, invoke, openObserve }) =>
      Effect.gen(function*() {
        yield* emulator.start
        const now = Math.floor((yield* Clock.currentTimeMillis) / 1000) * 1000
        const iso = (millis: number) => new Date(millis).toISOString().slice(0, -1)
        const times: ReadonlyArray<readonly [text: string, micros: number]> = [
          [`${iso(now)}Z`, now * 1000],
          [`${iso(now).slice(0, -4)}.123456789Z`, now * 1000 + 123_456],
          [`${iso(now + 7_200_000)}+02:00`, now * 1000 + 1],
          [`${iso(now - 5_400_000)}-01:30`, now * 1000 + 2]
        ]
        const events = times.map(([time]) => `{"time":"${time}","type":"custom.kind","record":{"n":1}}`)
        assert.strictEqual(yield* emulator.postTelemetry(`[${events.join()}]`), 200)
        yield* invoke({})
        const stored = (yield* openObserve.records("default")).filter(({ type }) => type === "custom.kind")
        const timestamps = stored.map((record) => record["_timestamp"])
        assert.deepStrictEqual(timestamps, times.map(([, micros]) => micros).toSorted((a, b) => a - b))
        yield* emulator.shutdown()
      })))

  it.live("takes posts up to its limit and survives larger ones", () =>
    withSandbox(
      { environment: { O2_FLUSH_BUDGET_MS: "15000" } },
      ({ emulator, functionLines, invoke, ownLines }) =>
        Effect.gen(function*() {
          yield* emulator.start
          const largest = postOfBytes("largest", 8 * MEBIBYTE)
          assert.strictEqual(Buffer.byteLength(largest), 8 * MEBIBYTE)
          assert.strictEqual(yield* emulator.postTelemetry(largest), 200)
          yield* invoke({ lines: ["between"] })
          const lines = yield* functionLines
          const taken = lines.filter((text) => text.startsWith("largest "))
          const events = JSON.parse(largest).length
          assert.isAtLeast(taken.length, events)
          assert.include(lines, "between\n")
          assert.strictEqual(yield* emulator.postTelemetry(postOfBytes("over", 9 * MEBIBYTE)), 200)
          yield* invoke({ lines: ["after"] })
          assert.include(yield* functionLines, "after\n")
          yield* emulator.shutdown()
          const ledger = ledgerOf(yield* ownLines)
          assert.strictEqual(ledger["postsDropped"], 1)
          assert.deepStrictEqual(ledger["dropped"], {})
          assert.strictEqual(ledger["delivered"], ledger["received"])
          // what waits much longer than others on busy cores is sent once more
          assert.isAtMost(taken.length - events, ledger["possiblyDuplicated"])
        })
    ))
})
