/**
 * What OpenObserve would refuse, drop or crash on, as a function or Lambda can write it: as it is the server does not
 * store it, encoded and rewritten it does.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { MAX_COLUMNS } from "../../../src/openobserve/ColumnCounter.ts"
import { fitColumns } from "../../../src/openobserve/FitColumns.ts"
import { splitByColumns } from "../../../src/openobserve/SplitByColumns.ts"
import { collapseObjects } from "../../../src/openobserve/CollapseObjects.ts"
import { restamp } from "../../../src/openobserve/Restamp.ts"
import { truncate } from "../../../src/openobserve/Truncate.ts"
import { OpenObserveDouble, type OpenObserveDoubleOptions } from "../../../src/testing/OpenObserveDouble.ts"
import * as AcceptedTime from "../../../src/openobserve/AcceptedTime.ts"
import { bodyOf, encodedTexts } from "../../support/bodyFixtures.ts"
import { call } from "../../testing/OpenObserveClient.ts"

/** Members of an event behind `time`, and its distance from the moment of receipt. */
interface Event {
  readonly members: string | Uint8Array
  readonly offsetMillis?: number
}

interface Hazard {
  readonly name: string
  readonly events: ReadonlyArray<Event>
  /** What the server makes of it as it is: a beginning of its answer, or the socket's error. */
  readonly refusal: string
  /** Fields of the stored records, in order of `_timestamp`. */
  readonly stored: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** How the encoded body is made ready. Without it encoding suffices, and what is refused is the event as it came. */
  readonly rewrite?: (body: Buffer, nowMicros: number) => ReadonlyArray<{ readonly body: Buffer }>
  /** How long ago the post was received and encoded. */
  readonly ageMillis?: number
  readonly double?: OpenObserveDoubleOptions
}

const HOUR_MS = 3_600_000

const line = (record: string, offsetMillis = 0): Event => ({
  members: `"type":"function","record":${record}`,
  offsetMillis
})
const neighbour = line("\"neighbour\"")
const withMember = (key: string, value: string): Event => ({
  members: `"type":"function","record":"text",${JSON.stringify(key)}:${value}`
})
const bytesOf = (...parts: ReadonlyArray<string | Array<number>>) =>
  Buffer.concat(parts.map((part) => typeof part === "string" ? Buffer.from(part) : Buffer.from(part)))

/** An object of `width` members as JSON text. */
const wide = (prefix: string, width: number) =>
  JSON.stringify(
    Object.fromEntries(Array.from({ length: width }, (_, index) => [`${prefix}${index}`, `value ${index}`]))
  )

const nested = (depth: number) => `${"{\"a\":".repeat(depth)}1${"}".repeat(depth)}`
const nestedArrays = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`

const BAD_REQUEST = "400 {\"code\":400,\"message\":\"SerdeJsonError# "
const RESET = "ECONNRESET"
const DROPPED = "200 {\"code\":200,\"status\":[{\"name\":\"unprepared\",\"successful\":0,\"failed\":0}]}"

const unreadable: ReadonlyArray<Hazard> = [
  {
    name: "half a surrogate pair in a value",
    events: [line("\"before\\ud83dafter\""), neighbour],
    refusal: `${BAD_REQUEST}unexpected end of hex escape`,
    stored: [{ record: "before\ufffdafter" }, { record: "neighbour" }]
  },
  {
    name: "the other half in a value of a JSON line",
    events: [line("{\"message\":\"before\\uDE00after\"}"), neighbour],
    refusal: `${BAD_REQUEST}lone leading surrogate in hex escape`,
    stored: [{ record_message: "before\ufffdafter" }, { record: "neighbour" }]
  },
  {
    name: "half a surrogate pair in a key",
    events: [line("{\"key\\ud83d\":\"value\"}"), neighbour],
    refusal: `${BAD_REQUEST}unexpected end of hex escape`,
    stored: [{ record_key_: "value" }, { record: "neighbour" }]
  },
  {
    name: "a byte that is not UTF-8",
    events: [{ members: bytesOf("\"type\":\"function\",\"record\":\"before", [0xff], "after\"") }, neighbour],
    refusal: `${BAD_REQUEST}invalid unicode code point`,
    stored: [{ record: "before\ufffdafter" }, { record: "neighbour" }]
  },
  {
    name: "a surrogate in UTF-8",
    events: [
      { members: bytesOf("\"type\":\"function\",\"record\":\"before", [0xed, 0xa0, 0x80], "after\"") },
      neighbour
    ],
    refusal: `${BAD_REQUEST}invalid unicode code point`,
    stored: [{ record: "before\ufffd\ufffd\ufffdafter" }, { record: "neighbour" }]
  },
  {
    name: "objects nested too deep",
    events: [line(nested(126)), neighbour],
    refusal: `${BAD_REQUEST}recursion limit exceeded`,
    stored: [{ record: nested(126) }, { record: "neighbour" }]
  },
  {
    name: "arrays nested too deep",
    events: [line(`{"list":${nestedArrays(200)}}`), neighbour],
    refusal: `${BAD_REQUEST}recursion limit exceeded`,
    stored: [{ record: `{"list":${nestedArrays(200)}}` }, { record: "neighbour" }]
  }
]

const crashing: ReadonlyArray<Hazard> = [
  ...[
    ["_id", "5", 5],
    ["_id", "null", undefined],
    ["_ID", "1.5", 1.5],
    ["$id", "true", true],
    ["@id", "-7", -7],
    [".id", "false", false],
    ["日id", "0", 0]
  ].map(([key, json, value]): Hazard => ({
    name: `${String(json)} as ${String(key)}`,
    events: [withMember(String(key), String(json)), neighbour],
    refusal: RESET,
    stored: [{ record: "text", ...(value !== undefined && { event_id: value }) }, { record: "neighbour" }]
  })),
  {
    name: "a number as id below an empty key",
    events: [withMember("", "{\"id\":5}"), neighbour],
    refusal: RESET,
    stored: [{ record: "text", event_id: 5 }, { record: "neighbour" }]
  }
]

const misplaced: ReadonlyArray<Hazard> = [
  {
    name: "an event that is too old on arrival",
    events: [line("\"old\"", -6 * HOUR_MS), neighbour],
    refusal:
      "200 {\"code\":200,\"status\":[{\"name\":\"unprepared\",\"successful\":1,\"failed\":1,\"error\":\"Too old data",
    stored: [{ record: "old" }, { record: "neighbour" }]
  },
  {
    name: "an event of the day after tomorrow",
    events: [line("\"early\"", 30 * HOUR_MS), neighbour],
    refusal:
      "200 {\"code\":200,\"status\":[{\"name\":\"unprepared\",\"successful\":1,\"failed\":1,\"error\":\"Too far data",
    stored: [{ record: "early" }, { record: "neighbour" }]
  },
  {
    name: "records that waited for six hours",
    events: [line("\"first\"", -1), line("\"second\""), line("\"third\""), line("\"fourth\"", 1)],
    ageMillis: 6 * HOUR_MS,
    rewrite: (body, nowMicros) => [
      restamp(body, nowMicros, (micros) => !AcceptedTime.isAccepted(micros, nowMicros))
    ],
    refusal:
      "200 {\"code\":200,\"status\":[{\"name\":\"unprepared\",\"successful\":0,\"failed\":4,\"error\":\"Too old data",
    stored: [{ record: "first" }, { record: "second" }, { record: "third" }, { record: "fourth" }]
  }
]

const oversized: ReadonlyArray<Hazard> = [
  {
    name: "a line that is too long for what lies in between",
    events: [line(JSON.stringify("x".repeat(10_000)))],
    double: { payloadLimitBytes: 4096 },
    rewrite: (body) => [truncate(body, 4000)],
    refusal: "413 Failed to buffer the request body: length limit exceeded",
    stored: [{ type: "function" }]
  },
  {
    name: "too many columns in one record",
    events: [line(wide("key", 1000))],
    rewrite: (body) => [collapseObjects(body, MAX_COLUMNS)],
    refusal: DROPPED,
    stored: [{ record: wide("key", 1000), type: "function" }]
  },
  {
    name: "too many columns in one record for OpenObserve Cloud",
    events: [line(`{"level":"INFO","message":"text","data":${wide("key", 200)}}`), neighbour],
    double: { flavour: "cloud" },
    rewrite: (body) => [collapseObjects(body, MAX_COLUMNS)],
    refusal: DROPPED,
    stored: [
      { record_level: "INFO", record_message: "text", record_data: wide("key", 200) },
      { record: "neighbour" }
    ]
  },
  {
    name: "too many columns in the union of a batch",
    events: Array.from({ length: 10 }, (_, index) => line(wide(`of_${index}_`, 120))),
    rewrite: (body) => splitByColumns(body, MAX_COLUMNS),
    refusal: DROPPED,
    stored: Array.from({ length: 10 }, (_, index) => ({ [`record_of_${index}_119`]: "value 119" }))
  },
  {
    name: "too many columns in the union of a batch for OpenObserve Cloud",
    events: [line(wide("one", 150)), neighbour, line(wide("other", 150)), line(wide("one", 150))],
    double: { flavour: "cloud" },
    rewrite: (body) => splitByColumns(body, MAX_COLUMNS),
    refusal: DROPPED,
    stored: [
      { record_one149: "value 149" },
      { record: "neighbour" },
      { record_other149: "value 149" },
      { record_one149: "value 149" }
    ]
  },
  {
    name: "lines with many keys of their own for OpenObserve Cloud, in one request",
    events: Array.from({ length: 60 }, (_, index) => line(`{"level":"INFO","data":${wide(`of_${index}_`, 100)}}`)),
    double: { flavour: "cloud" },
    rewrite: (body) => {
      const { bodies } = fitColumns(body, MAX_COLUMNS)
      assert.strictEqual(bodies.length, 1)
      return bodies
    },
    refusal: DROPPED,
    stored: Array.from({ length: 60 }, (_, index) => ({
      record_level: "INFO",
      record_data: wide(`of_${index}_`, 100)
    }))
  }
]

const post = Effect.fnUntraced(function*(stream: string, body: Uint8Array) {
  const double = yield* OpenObserveDouble
  return yield* call(`${double.url}/api/default/${stream}/_json`, {
    headers: { authorization: double.authorization },
    body
  }).pipe(Effect.match({
    onSuccess: ({ body, status }) => `${status} ${body}`,
    onFailure: ({ code }) => code
  }))
})

const iso = (millis: number) => new Date(millis).toISOString()

/** The post that Lambda would send. */
const posted = ({ events }: Hazard, nowMillis: number): Buffer =>
  joined(events, (offsetMillis) => `"time":"${iso(nowMillis + offsetMillis)}"`)

/** The same events with nothing done to them but what gives them their time. */
const naive = ({ events }: Hazard, nowMillis: number): Buffer =>
  joined(events, (offsetMillis) => `"_timestamp":${(nowMillis + offsetMillis) * 1000}`)

const joined = (events: ReadonlyArray<Event>, first: (offsetMillis: number) => string): Buffer => {
  const parts = events.map(({ members, offsetMillis = 0 }) =>
    Buffer.concat([Buffer.from(`{${first(offsetMillis)},`), Buffer.from(members), Buffer.from("}")])
  )
  const separated = parts.flatMap((part, index) => index === 0 ? [part] : [Buffer.from(","), part])
  return Buffer.concat([Buffer.from("["), ...separated, Buffer.from("]")])
}

const prove = (hazard: Hazard) =>
  Effect.gen(function*() {
    const { ageMillis = 0, events, refusal, rewrite, stored } = hazard
    const double = yield* OpenObserveDouble
    const now = yield* Clock.currentTimeMillis
    const receivedAt = now - ageMillis
    const encoded = bodyOf(encodedTexts(posted(hazard, receivedAt), {}, receivedAt))

    const answer = yield* post("unprepared", rewrite === undefined ? naive(hazard, now) : encoded)
    assert.strictEqual(answer.slice(0, refusal.length), refusal)
    assert.isBelow((yield* double.records("unprepared")).length, events.length)

    for (const { body } of rewrite?.(encoded, now * 1000) ?? [{ body: encoded }]) {
      assert.include(yield* post("prepared", body), "\"failed\":0}")
    }
    const records = yield* double.records("prepared")
    assert.strictEqual(records.length, events.length)
    for (const [index, fields] of stored.entries()) assert.deepInclude(records[index], fields)
    return { records, now, receivedAt }
  }).pipe(Effect.provide(OpenObserveDouble.layer(hazard.double)))

describe("Prevention", () => {
  for (const hazard of [...unreadable, ...crashing, ...misplaced, ...oversized]) {
    it.live(`stores ${hazard.name}`, () => prove(hazard))
  }

  it.live("keeps the time of an event that OpenObserve would not have taken", () =>
    Effect.gen(function*() {
      for (const hazard of misplaced.slice(0, 2)) {
        const { now, records } = yield* prove(hazard)
        assert.strictEqual(records[0]?.["time"], iso(now + (hazard.events[0]?.offsetMillis ?? 0)))
        assert.isUndefined(records[1]?.["time"])
      }
    }))

  it.live("keeps the times of records that waited", () =>
    Effect.gen(function*() {
      const [, , waited] = misplaced
      const { receivedAt, records } = yield* prove(waited!)
      const times = [iso(receivedAt - 1), iso(receivedAt), iso(receivedAt).replace("Z", "001Z"), iso(receivedAt + 1)]
      assert.deepEqual(records.map(({ time }) => time), times)
    }))

  it.live("says in a long line what is left out", () =>
    Effect.gen(function*() {
      const { records } = yield* prove(oversized[0]!)
      const [, kept = "", left] =
        /^(x+)… \[cut: (\d+) of 10000 bytes are left out\]$/.exec(String(records[0]?.["record"])) ?? []
      assert.strictEqual(kept.length + Number(left), 10_000)
      assert.isAbove(kept.length, 3800)
    }))
})
