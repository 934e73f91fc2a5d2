import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { keyOf, textOf } from "../../../src/json/ObjectScanner.ts"
import { eventsOf, shapeOf } from "../../../src/telemetry/TelemetryEvent.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import { isJson } from "../../support/jsonOracle.ts"

const good = "{\"time\":\"2026-11-22T10:00:00.123Z\",\"type\":\"function\",\"record\":\"fine\"}"

// what stands before the rest of a record that was cut
const envelope = "{\"time\":\"2026-11-22T10:00:00.123Z\",\"type\":\"function\",\"record\":"

const beginsWithEvent = (text: string): boolean =>
  Array.from(text).some((character, index) =>
    character === "}" && isJson(Array.from(text).slice(0, index + 1).join(""))
  )

/** The text of every event that is found, and how much was none. */
const scan = (post: string | Uint8Array) => {
  const scanner = eventsOf(Buffer.from(post))
  const events: Array<string> = []
  while (scanner.next()) events.push(scanner.bytes.toString("utf8", scanner.start, scanner.end))
  return { events, malformed: scanner.malformed }
}

const shapeOfFirst = (post: string) => {
  const scanner = eventsOf(Buffer.from(post))
  assert.isTrue(scanner.next())
  const { bytes, members } = scanner
  return { bytes, members, shape: shapeOf(bytes, members) }
}

describe("TelemetryEvent", () => {
  it.effect("finds every event of a valid post", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(Arbitraries.post, (text) => {
          const { events, malformed } = scan(text)
          const elements: ReadonlyArray<unknown> = JSON.parse(text)
          const objects = elements.filter((element) =>
            typeof element === "object" && element !== null && !Array.isArray(element)
          )
          assert.strictEqual(events.length, objects.length)
          assert.strictEqual(malformed, elements.length - objects.length)
        }),
        { numRuns: 300 }
      )
    ))

  describe("a post that is not valid", () => {
    const found: ReadonlyArray<
      readonly [name: string, post: string, events: ReadonlyArray<string>, malformed: number]
    > = [
      ["cut between events", `[${good},`, [good], 0],
      ["cut inside an event", `[${good},{"time":"2026`, [good], 1],
      ["cut inside a character", `[${good},{"type":"function","record":"\u00e9`.slice(0, -1) + "\u00c3", [good], 1],
      ["cut inside an element that is no event", `[${good},nul`, [good], 1],
      ["the rest of a cut line", `rest of a line"},${good},${good}]`, [good, good], 1],
      ["the rest of a cut line with commas", `more, and more, "},${good},${good}]`, [good, good], 1],
      ["the rest of a cut line with brackets", `a] of {b} and [c]"},${good},${good}]`, [good, good], 1],
      ["the rest of a cut object", `23,"b":[1,2]}},${good}]`, [good], 2],
      ["a cut line's rest in a new envelope", `[{"type":"function","record":rest, {} it"},${good}]`, [good], 1],
      ["a cut line's rest as first element", `[rest, {}, it"},${good}]`, [good], 1],
      ["a missing quote", `[{"record":"abc},${good},${good}]`, [good, good], 1],
      ["a missing bracket", `[{"record":{"a":1},${good},${good}]`, [good, good], 1],
      ["a superfluous bracket", `[{"a":1]},${good}]`, [good], 1],
      ["a bad literal", `[{"a":tru},${good}]`, [good], 1],
      ["a bad number", `[{"a":01},${good}]`, [good], 1],
      ["a bad escape", `[{"a":"\\x"},${good}]`, [good], 1],
      ["a bad code point", `[{"a":"\\u12G4"},${good}]`, [good], 1],
      ["a raw line break in a string", `[{"a":"x\ny"},${good}]`, [good], 1],
      ["a trailing comma in an object", `[{"a":1,},${good}]`, [good], 1],
      ["a bad element between good ones", `[${good},{"a":!},${good}]`, [good, good], 1],
      ["a bad last element", `[${good},{"a":!}]`, [good], 1],
      ["many bad elements", `[${"!,".repeat(100)}${good},${good}]`, [good, good], 1],
      ["superfluous commas", `[,,${good},,${good},]`, [good, good], 0],
      ["no array around it", good, [good], 0],
      ["newlines instead of an array", `${good}\n${good}\n`, [good, good], 0],
      ["no opening bracket", `${good},${good}]`, [good, good], 1],
      ["no closing bracket", `[${good},${good}`, [good, good], 0],
      ["something behind the array", `[${good}]\n\u0000`, [good], 1],
      ["nothing at all", "", [], 0],
      ["white space", " \n", [], 0],
      ["no JSON", "Internal Server Error", [], 1],
      ["framing behind a line that is cut", `[${good},{"type":"function","record":"a li}]`, [good], 1],
      ["framing behind an escape that is cut", `[${good},{"type":"function","record":"a \\}]`, [good], 1],
      ["framing behind an object that is cut", `[${good},{"record":{"a":[${good},{"a":1}]`, [good], 1],
      ["framing behind what looks like an event", `[${good},{"record":{"a":[1,${good.slice(0, -1)}}]`, [good], 1],
      ["a rest that looks like events", `[${envelope}e-1},${good},{"b":2},${good}]}},${good}]`, [good], 1],
      ["a rest that looks like an event", `[${envelope}le","x":${good},"y":[${good},${good}]}},${good}]`, [good], 1],
      ["a rest that looks like the end", `[${envelope}le"},${good}]}},${good},${good}]`, [good, good], 1],
      ["a rest that is only what looks like events", `[${envelope}le"},${good},${good}]}}]`, [], 1],
      ["a rest in the middle of a record", `[${envelope}1,${good},${good},"b":"c}]`, [], 1],
      ["a rest between whose brackets the record goes on", `[${envelope}e1,{"time":"2026","record":{}}]`, [], 1],
      ["a rest that is cut outside of what looks whole", `[${envelope}e1,${good.slice(0, -1)},"a":[1,${good}]`, [], 1],
      ["a rest that is a value", `[${envelope}2}},${good}]`, [good], 2],
      ["a rest that is a closing quote", `[${envelope}"},${good}]`, [good], 1]
    ]
    for (const [name, post, events, malformed] of found) {
      it.effect(`yields its complete events: ${name}`, () =>
        Effect.sync(() => assert.deepEqual(scan(Buffer.from(post)), { events: [...events], malformed })))
    }

    it.effect("yields what is left when the beginning is missing", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(Arbitraries.jsonString, fc.nat(), (line, at) => {
            // a line that is cut in the middle, as in DataDog/datadog-lambda-extension issue 1357
            const rest = Buffer.from(line).subarray(1 + at % (Buffer.byteLength(line) - 1))
            // what is an event by itself, as when a line was cut before "7},{", nobody can tell from one
            fc.pre(!beginsWithEvent(`${envelope}${rest}}`))
            const post = Buffer.concat([Buffer.from(`[${envelope}`), rest, Buffer.from(`},${good},${good}]`)])
            const { events, malformed } = scan(post)
            assert.deepEqual(events, [good, good])
            assert.isAtLeast(malformed, 1)
          }),
          { numRuns: 1000 }
        )
      ))
  })

  describe("work", () => {
    // Quadratic work on these would take minutes, beyond the time-out of any test.
    const hostile: ReadonlyArray<readonly [name: string, post: string]> = [
      ["broken elements", `[${"!,".repeat(500_000)}`],
      ["open objects", "{\"time\":".repeat(200_000)],
      ["open arrays", "[".repeat(1_000_000)],
      ["closing brackets", "}".repeat(1_000_000)],
      ["objects that begin and break", `[${"{\"a\":!,{\"time\":".repeat(60_000)}`],
      ["nested events that break at the end", `[${"{\"time\":[1,".repeat(80_000)}!`],
      ["quotes", "\",".repeat(500_000)],
      ["quotes in an array", `[${"\"!,{\"".repeat(150_000)}`],
      ["commas outside an array", ",".repeat(1_000_000)],
      ["beginnings of events", `[${",{\"time\":\"\",\"type\":\"".repeat(60_000)}`],
      ["nested events that are cut", `[!${",{\"time\":\"\",\"type\":\"\",\"record\":[1".repeat(40_000)}`],
      ["nested events that break", `[!${",{\"time\":\"\",\"type\":\"\",\"record\":[1".repeat(40_000)}!`],
      ["arrays that look like events", `[!${",{\"time\":\"\",\"type\":\"\"}]".repeat(60_000)}!`],
      ["framing", `[${"}]".repeat(500_000)}`],
      ["white space between commas", `[!${`,${" ".repeat(1000)}`.repeat(1000)}`]
    ]
    for (const [name, post] of hostile) {
      it.effect(`is bounded for a post that is nothing but ${name}`, () =>
        Effect.sync(() => assert.isAtLeast(scan(post).malformed, 1)))
    }
  })

  describe("members", () => {
    it.effect("are found in any order", () =>
      Effect.sync(() => {
        const { bytes, shape } = shapeOfFirst("[{\"record\":1,\"time\":2,\"type\":\"t\"}]")
        assert.isTrue(shape.isPlain)
        assert.strictEqual(shape.type && textOf(bytes, shape.type), "t")
        assert.strictEqual(shape.time && bytes.toString("utf8", shape.time.valueStart, shape.time.valueEnd), "2")
      }))

    it.effect("are found under escaped keys", () =>
      Effect.sync(() => {
        const { bytes, shape } = shapeOfFirst("[{\"\\u0074ime\":2,\"typ\\u0065\":\"a\\u0062\"}]")
        assert.isFalse(shape.isPlain)
        assert.strictEqual(shape.time?.valueEnd, "[{\"\\u0074ime\":2".length)
        assert.strictEqual(shape.type && textOf(bytes, shape.type), "ab")
      }))

    it.effect("count as the last one when repeated", () =>
      Effect.sync(() => {
        const { bytes, shape } = shapeOfFirst("[{\"type\":\"a\",\"type\":\"b\"}]")
        assert.isFalse(shape.isPlain)
        assert.strictEqual(shape.type && textOf(bytes, shape.type), "b")
      }))

    it.effect("have keys as text", () =>
      Effect.sync(() => {
        const { bytes, members } = shapeOfFirst("[{ \"a\\n\" : 1 , \"\\ud800\" : { \"b\" : 2 } }]")
        assert.deepEqual(members.map((member) => keyOf(bytes, member)), ["a\n", "\ufffd"])
        assert.deepEqual(members.map(({ depth }) => depth), [0, 1])
      }))

    it.effect("that are no strings have no text", () =>
      Effect.sync(() => {
        const { bytes, shape } = shapeOfFirst("[{\"type\":7}]")
        assert.strictEqual(shape.type && textOf(bytes, shape.type), "")
      }))
  })
})
