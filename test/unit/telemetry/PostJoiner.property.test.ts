import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { PostJoiner } from "../../../src/telemetry/PostJoiner.ts"
import { eventsOf as scannerOf } from "../../../src/telemetry/TelemetryEvent.ts"
import { takeBatch } from "../../../src/testing/lambda/Batch.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import { type CutEvent, cutPosts, placesOf } from "../../support/cutPosts.ts"
import { runs } from "../../support/fuzzing.ts"

const LIMIT = 1024 * 1024

const time = "2026-11-22T10:00:00.123Z"
const eventOf = (record: string, at = time) => `{"time":"${at}","type":"function","record":${record}}`
const before = eventOf("\"before\"", "2026-11-22T10:00:00.122Z")
const done = `{"time":"${time}","type":"platform.runtimeDone","record":{"requestId":"r1"}}`
const after = [eventOf("\"of the same moment\""), done]

/** Reads posts one after another as `Intake` does, letting go of what is held before those that come late. */
const read = (posts: ReadonlyArray<Uint8Array>, { late = [] as ReadonlyArray<number>, limit = LIMIT } = {}) => {
  const joiner = new PostJoiner(limit)
  const events: Array<string> = []
  let malformed = 0
  for (const [index, bytes] of posts.entries()) {
    if (late.includes(index)) joiner.drop()
    const arrived = Buffer.from(bytes)
    const post = joiner.join(arrived)
    if (post !== arrived) malformed--
    const scanner = scannerOf(post)
    while (scanner.next()) events.push(scanner.bytes.toString("utf8", scanner.start, scanner.end))
    malformed += scanner.malformed
    if (scanner.malformed > 0) joiner.hold(post)
  }
  return { events, malformed, heldBytes: joiner.heldBytes }
}

/** The events of a post that is whole. */
const eventsOf = (...events: ReadonlyArray<string>) => read([Buffer.from(`[${events.join()}]`)]).events

const whole = { malformed: 0, heldBytes: 0 }

describe("PostJoiner", () => {
  it.effect("joins the posts that production was seen to send", () =>
    Effect.sync(() => {
      const head = `[{"time":"2026-09-03T14:29:52.929Z","type":"function","record":{"message":"AAAA}]`
      const tail = `[{"time":"2026-09-03T14:29:52.929Z","type":"function","record":BBBB"}},${done}]`
      const joined = `{"time":"2026-09-03T14:29:52.929Z","type":"function","record":{"message":"AAAABBBB"}}`
      assert.deepStrictEqual(read([Buffer.from(head), Buffer.from(tail)]), { events: [joined, done], ...whole })
    }))

  it.effect("takes nothing of one post for the end of another, however short", () =>
    Effect.sync(() => {
      const cut = Buffer.from(`[${eventOf("\"\\ud83d\"").slice(0, -2)}}]`)
      for (let length = 1; length < 13; length++) {
        const short = Buffer.from("[{\"a\":\"\\uabcd").subarray(0, length)
        assert.deepStrictEqual(read([cut, short]).events, [], `${length} bytes`)
      }
    }))

  describe("joins, wherever it was cut,", () => {
    const lookAlike = `{"time":"${time}","type":"function","record":"no event"}`
    const records: ReadonlyArray<readonly [name: string, record: string]> = [
      ["a line", "\"a line with spaces\\n\""],
      ["a line with escapes", "\"\\\\ \\\" \\\\\\\" \\/ \\u0041 \\u00e9 \\t\""],
      ["a line with surrogates", "\"\\ud83d\\ude00 \\ud800 \\udc00 \\ud83d\\ud83d\\ude00\""],
      ["a line with characters of all lengths", "\"aéß日本語😀👩‍👩‍👧‍👦\u2028\""],
      ["a line that looks like events", JSON.stringify(`[${lookAlike},${lookAlike}] },${lookAlike}`)],
      ["an object", "{\"a\":1,\"b\":[true,null,-1.5e+10],\"c\":{\"d\":{}},\"e\":[[],[{\"f\":\"}\"}]]}"],
      ["an object that looks like events", `{"a":[${lookAlike},${lookAlike},2],"x":${lookAlike},"b":[${lookAlike}]}`],
      ["an object that holds a record", "{\"message\":{\"record\":\"x\",\"list\":[{\"record\":1}]}}"],
      ["an object with white space", "{ \"a\" : [ 1 , { \"b\" : 2 } ] , \"c\" : \"é\" }"]
    ]
    for (const [name, record] of records) {
      const event = eventOf(record)
      for (const isFramed of [true, false]) {
        it.effect(`${name}, ${isFramed ? "framed" : "not framed"}`, () =>
          Effect.sync(() => {
            // what a line says there cannot be told from framing
            const isAmbiguous = (place: number) =>
              !isFramed && record.startsWith("\"") && event.slice(0, place).endsWith("}]")
            const places = placesOf(event).filter((place) => !isAmbiguous(place))
            const expected = { events: eventsOf(before, event, ...after), ...whole }
            for (const place of places) {
              const posts = cutPosts({ before: [before], event, after, places: [place], isFramed })
              assert.deepStrictEqual(read(posts), expected, `cut at ${place}: ${posts.join(" ")}`)
            }
            for (const [index, place] of places.entries()) {
              const more = [place, places[index + 5], places[index + 12]].filter((place) => place !== undefined)
              const posts = cutPosts({ event, after, places: more, isFramed })
              assert.deepStrictEqual(
                read(posts),
                { events: eventsOf(event, ...after), ...whole },
                `cut at ${more}: ${posts.join(" ")}`
              )
            }
          }))
      }
    }

    it.effect("whatever a record is", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(anyCut, (cut) => {
            const { after = [], before = [], event } = cut
            assert.deepStrictEqual(read(cutPosts(cut)), { events: eventsOf(...before, event, ...after), ...whole })
          }),
          { numRuns: runs(200) }
        )
      ))

    it.effect("what the emulator cuts", () =>
      Effect.sync(() => {
        const texts = [before, eventOf(JSON.stringify("é1234567".repeat(30))), eventOf("\"small\""), done]
        let waiting = texts.map((json) => ({ json, bytes: Buffer.byteLength(json), sentBytes: 0 }))
        const posts: Array<Buffer> = []
        for (let n = 0; n < 100 && waiting.length > 0; n++) {
          const { batch, remainder, taken } = takeBatch(waiting, { maxBytes: 100, maxItems: 1000 }, true)
          posts.push(batch.body)
          waiting = [...remainder === undefined ? [] : [remainder], ...waiting.slice(taken)]
        }
        assert.strictEqual(posts.length, 5)
        assert.deepStrictEqual(read(posts), { events: eventsOf(...texts), ...whole })
      }))
  })

  it.effect("finds the place of the cut behind bytes that are no UTF-8", () =>
    Effect.sync(() => {
      const event = eventOf("\"日本語\"")
      for (const place of placesOf(event)) {
        const [head, rest] = cutPosts({ before: [before], event, after, places: [place], isFramed: true })
        head![head!.indexOf("before")] = 0xff
        const expected = { events: [before.replace("before", "\ufffdefore"), event, ...after], ...whole }
        assert.deepStrictEqual(read([head!, rest!]), expected)
      }
    }))

  describe("when a record cannot be joined", () => {
    const lookAlikes = `{"a":[2,${before},{"b":1},${before}],"c":"${"x".repeat(40)}"}`

    it.effect("holds what may go on, and uses what else is whole", () =>
      Effect.sync(() => {
        const event = eventOf("\"a line\"")
        for (const isFramed of [true, false]) {
          for (const place of placesOf(event)) {
            const [head] = cutPosts({ before: [before], event, places: [place], isFramed })
            const { heldBytes, ...found } = read([head!])
            assert.deepStrictEqual(found, { events: [before], malformed: 1 })
            assert.strictEqual(heldBytes, place + (isFramed ? 2 : 0))
          }
        }
      }))

    it.effect("does not hold what is cut before its record", () =>
      Effect.sync(() => {
        const event = eventOf("\"a line\"")
        for (let end = 1; end < event.indexOf("\"a line"); end++) {
          assert.deepStrictEqual(read([Buffer.from(`[${before},${event.slice(0, end)}`)]), {
            events: [before],
            malformed: 1,
            heldBytes: end === event.indexOf("\"a line") ? end : 0
          })
        }
      }))

    it.effect("takes no part of a rest that comes late for an event", () =>
      Effect.sync(() => {
        for (const event of [eventOf("\"a \\\"line\\\"\""), eventOf(lookAlikes)]) {
          for (const place of placesOf(event)) {
            const posts = cutPosts({ before: [before], event, after, places: [place], isFramed: true })
            const expected = { events: [before, ...after], heldBytes: 0 }
            const { malformed, ...found } = read(posts, { late: [1] })
            assert.deepStrictEqual(found, expected, `cut at ${place}: ${posts.join(" ")}`)
            assert.isAtLeast(malformed, 2)
          }
        }
      }))

    it.effect("takes no part of any rest for an event", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(anyCut, (cut) => {
            const { after = [], before = [] } = cut
            const posts = cutPosts({ ...cut, places: cut.places.slice(0, 1) })
            assert.deepStrictEqual(read(posts, { late: [1] }).events, eventsOf(...before, ...after))
          }),
          { numRuns: runs(200) }
        )
      ))

    it.effect("does not touch a post that does not go on with it", () =>
      Effect.sync(() => {
        const event = eventOf("\"a line\"", "2026-11-22T10:00:00.121Z")
        const [head] = cutPosts({ event, places: [placesOf(event)[3]!], isFramed: true })
        const [other, rest] = cutPosts({ event: eventOf("\"another\""), after, places: [place], isFramed: true })
        const posts: ReadonlyArray<readonly [post: string | Buffer, events: ReadonlyArray<string>]> = [
          [`[${after.join()}]`, after],
          [`[${eventOf("\"of the same moment\"", "2026-11-22T10:00:00.121Z")},${done}]`, [
            eventOf("\"of the same moment\"", "2026-11-22T10:00:00.121Z"),
            done
          ]],
          ["", []],
          ["[", []]
        ]
        for (const [post, events] of posts) {
          assert.deepStrictEqual(read([head!, Buffer.from(post)]), { events, malformed: 1, heldBytes: 0 })
        }
        // nor one that begins with the same envelope and is cut itself
        assert.deepStrictEqual(read([head!, other!, rest!]), {
          events: [eventOf("\"another\""), ...after],
          malformed: 1,
          heldBytes: 0
        })
        const [twin, twinsRest] = cutPosts({ event: event.replace("a line", "twin"), places: [place], isFramed: true })
        assert.deepStrictEqual(read([head!, twin!, twinsRest!]), {
          events: [event.replace("a line", "twin")],
          malformed: 1,
          heldBytes: 0
        })
      }))

    it.effect("looks for the rest in the next post only", () =>
      Effect.sync(() => {
        const event = eventOf("\"a line\"")
        const [head, rest] = cutPosts({ event, after, places: [place], isFramed: true })
        const { events, malformed } = read([head!, Buffer.from(`[${before}]`), rest!])
        assert.deepStrictEqual(events, [before, ...after])
        assert.isAtLeast(malformed, 2)
      }))

    it.effect("makes no record larger than its limit", () =>
      Effect.sync(() => {
        const event = eventOf(JSON.stringify("x".repeat(1000)))
        const places = placesOf(event)
        const cutInHalf = cutPosts({ event, after, places: [places[500]!], isFramed: true })
        assert.deepStrictEqual(read(cutInHalf, { limit: 1500 }), { events: [event, ...after], ...whole })
        assert.deepStrictEqual(read(cutInHalf, { limit: 1000 }), { events: after, malformed: 2, heldBytes: 0 })
        assert.deepStrictEqual(read(cutInHalf.slice(0, 1), { limit: 500 }), { events: [], malformed: 1, heldBytes: 0 })
      }))
  })
})

const place = placesOf(eventOf("\"a line\""))[3]!

/** A record of any kind that can be large, cut once or more. */
const anyCut: fc.Arbitrary<CutEvent> = fc.record({
  record: fc.oneof(
    Arbitraries.jsonString,
    Arbitraries.jsonValue.filter((text) => text.startsWith("{")),
    Arbitraries.usualPost.map(({ events }) => `{"list":[${events.join()}],"end":1}`)
  ).filter((record) => Buffer.byteLength(record) > 2),
  before: Arbitraries.usualPost,
  after: Arbitraries.usualPost,
  cuts: fc.array(fc.nat(), { minLength: 1, maxLength: 3 })
}).map(({ after, before, cuts, record }) => {
  const event = eventOf(record)
  const places = placesOf(event)
  return {
    before: before.events,
    event,
    after: [done, ...after.events],
    places: [...new Set(cuts.map((cut) => places[cut % places.length]!))].toSorted((a, b) => a - b),
    isFramed: true
  }
})
