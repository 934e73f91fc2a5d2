/** Generators shared by the property tests: JSON as text, and telemetry as Lambda might post it at its strangest. */
import * as fc from "fast-check"

/** The moment at which generated posts are received; generated times lie around it. Epoch ms. */
export const NOW = Date.UTC(2026, 10, 22, 14, 31, 14, 111)

const HOUR_MS = 3_600_000

// --- JSON text ---------------------------------------------------------------

/** White space where JSON allows it: mostly none, as Lambda writes it. */
const space = fc.constantFrom("", "", "", "", "", " ", "\n  ", "\t", "\r\n")

/** Pieces of a JSON string as they stand between its quotes; what looks like structure must not be taken for it. */
const stringPiece = fc.oneof(
  fc.constantFrom(
    "},{\\\"time\\\":\\\"",
    "}]",
    "},{",
    "[{",
    "{\\\"type\\\":\\\"function\\\"}",
    ",",
    ":",
    "\\\\",
    "\\\"",
    "\\/",
    "\\n",
    "\\u0000",
    "\\u0041",
    "\\u00E9",
    "\\ud800",
    "\\uDFFF",
    "\\ud83d\\ude00",
    "\\uD83D\\uDE00",
    "\\ud83d\\ud83d\\ude00",
    "é",
    "日",
    "😀",
    "\u2028",
    "\u007f",
    "\ufeff"
  ),
  fc.string({ unit: "grapheme", maxLength: 8 }).map((text) => JSON.stringify(text).slice(1, -1)),
  fc.string({ unit: "binary", maxLength: 8 }).map((text) => JSON.stringify(text).slice(1, -1))
)

/** A JSON string, as text. */
export const jsonString = fc.array(stringPiece, { maxLength: 5 }).map((pieces) => `"${pieces.join("")}"`)

/** A JSON number in every form that the grammar has, as text. */
const jsonNumber = fc.oneof(
  fc.constantFrom("0", "-0", "-1", "1.5", "1e3", "1E+3", "10e-3", "0.10", "1e400", "-1E400", "9007199254740993"),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value))
)

const jsonScalar = fc.oneof(jsonString, jsonNumber, fc.constantFrom("true", "false", "null", "{}", "[]", "{ }", "[\n]"))

/** The text of an array of the given elements. */
const arrayOf = (elements: fc.Arbitrary<string>, maxLength: number) =>
  fc.array(fc.tuple(space, elements, space).map((parts) => parts.join("")), { maxLength })
    .map((parts) => `[${parts.join(",")}]`)

/** The text of an object of the given members. */
const objectOf = (members: fc.Arbitrary<ReadonlyArray<readonly [key: string, value: string]>>) =>
  fc.tuple(members, fc.array(space, { minLength: 4, maxLength: 4 })).map(([members, [a, b, c, d]]) =>
    `{${members.map(([key, value]) => `${a}${key}${b}:${c}${value}${d}`).join(",")}}`
  )

const nestedKey = fc.oneof(jsonString, fc.constantFrom("\"time\"", "\"type\"", "\"record\"", "\"__proto__\"", "\"\""))

/** A JSON value of any kind, as text. */
export const jsonValue: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    jsonScalar,
    arrayOf(tie("value"), 4),
    objectOf(fc.array(fc.tuple(nestedKey, tie("value")), { maxLength: 4 }))
  )
})).value

/** Nested deeper than OpenObserve's parser allows. */
const jsonDeep = fc.tuple(fc.integer({ min: 95, max: 140 }), fc.boolean()).map(([depth, isObject]) =>
  isObject ? `${"{\"a\":".repeat(depth)}1${"}".repeat(depth)}` : `${"[".repeat(depth)}${"]".repeat(depth)}`
)

// --- Events ------------------------------------------------------------------

/** Moments that OpenObserve accepts, often the same millisecond, and some that it does not. Epoch ms. */
const moment = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 3 }).map((offset) => NOW + offset) },
  { weight: 2, arbitrary: fc.integer({ min: -4 * HOUR_MS, max: 4 * HOUR_MS }).map((offset) => NOW + offset) },
  { weight: 1, arbitrary: fc.constantFrom(NOW - 6 * HOUR_MS, NOW + 30 * HOUR_MS, 0, Date.UTC(1969, 0, 1)) }
)

const isoForms: ReadonlyArray<(iso: string) => string> = [
  (iso) => iso,
  (iso) => iso,
  (iso) => iso.toLowerCase(),
  (iso) => iso.replace("Z", ""),
  (iso) => iso.replace("Z", "456Z"),
  (iso) => iso.replace("Z", "456789123Z"),
  (iso) => iso.replace(/\.\d+/, ""),
  (iso) => iso.replace(/\.\d+/, ",5"),
  (iso) => iso.replace(/:\d\d\.\d+/, ""),
  (iso) => iso.replace("T", " "),
  (iso) => iso.replace("Z", "+00:00"),
  (iso) => iso.replace("Z", "-01:30"),
  (iso) => iso.replace("Z", "+0200"),
  (iso) => iso.replace("Z", "+02")
]

/** A `time` as Lambda or somebody else might write it, as JSON text. */
const jsonTime = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(moment, fc.constantFrom(...isoForms)).map(([moment, form]) =>
      JSON.stringify(form(new Date(moment).toISOString()))
    )
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("null", String(NOW), "\"\"", "\"now\"", "\"2026-13-01T00:00:00.000Z\"", "{}")
  },
  { weight: 1, arbitrary: jsonString }
)

const requestId = fc.constantFrom("r1", "r2", "r\\ud800")

const lifecycle = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      "platform.initReport",
      "platform.start",
      "platform.start",
      "platform.runtimeDone",
      "platform.report",
      "platform.other"
    ),
    requestId.map((id) => `{"requestId":"${id}","status":"success","metrics":{"durationMs":1.5}}`)
  ),
  fc.tuple(
    fc.constantFrom("platform.initStart", "platform.restoreStart"),
    fc.constantFrom("{\"phase\":\"init\",\"instanceId\":\"i-1\"}", "{\"instanceId\":7}", "{}")
  ),
  fc.tuple(fc.constantFrom("platform.start", "platform.report", "platform.initStart"), jsonValue)
)

const line = fc.tuple(
  fc.constantFrom("function", "function", "function", "extension", "custom", ""),
  fc.oneof(
    jsonString,
    jsonValue,
    requestId.map((id) => `{"level":"INFO","requestId":"${id}"}`),
    requestId.map((id) => `{"requestId":5,"AWSRequestId":"${id}"}`),
    fc.constantFrom(
      "{\"extension\":\"o2-lambda-extension\",\"message\":\"ours\"}",
      "\"{\\\"extension\\\":\\\"o2-lambda-extension\\\",\\\"message\\\":\\\"ours\\\"}\\n\"",
      "{\"extension\":\"another\"}"
    )
  )
)

/** Keys that nobody has announced, among them all that OpenObserve or this extension gives a meaning. */
const unknownKey = fc.oneof(
  fc.constantFrom("_id", "@id", "_ID", "日id", "_timestamp", "@timestamp", "event_timestamp", "event_id", "", "event"),
  fc.constantFrom("faas_name", "FAAS_NAME", "faas.coldstart", "requestId", "requestid", "tenantId", "__proto__", "1"),
  fc.constantFrom("time", "type", "record", "Time"),
  fc.string({ unit: "grapheme", maxLength: 4 })
)

/** The key as JSON text, some of its letters escaped. */
const escapedKey = (key: string) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 2 }).map((places) =>
    Array.from(JSON.stringify(key), (letter, index) =>
      places.includes(index) && /[a-z]/i.test(letter)
        ? `\\u00${letter.charCodeAt(0).toString(16)}`
        : letter).join("")
  )

/** An event as Lambda writes it. */
const usualEvent = fc.tuple(jsonTime, fc.oneof(lifecycle, line)).map(([time, [type, record]]) =>
  `{"time":${time},"type":${JSON.stringify(type)},"record":${record}}`
)

/** An event with anything missing, repeated, reordered, misspelt or of another kind than usual. */
const oddEvent = objectOf(
  fc.tuple(
    fc.option(jsonTime),
    fc.option(fc.oneof(lifecycle, line)),
    fc.array(fc.tuple(unknownKey, fc.oneof({ weight: 5, arbitrary: jsonValue }, { weight: 1, arbitrary: jsonDeep })), {
      maxLength: 4
    }),
    fc.option(jsonDeep, { freq: 8 }),
    fc.option(jsonValue, { freq: 8 })
  ).map(([time, typed, others, deep, wrongType]) =>
    others.concat(
      time === null ? [] : [["time", time]],
      typed === null ? [] : [["type", wrongType ?? JSON.stringify(typed[0])], ["record", typed[1]]],
      deep === null ? [] : [["record", deep]]
    )
  ).chain((members) => fc.shuffledSubarray(members, { minLength: members.length })).chain((members) =>
    fc.tuple(...members.map(([key, value]) => fc.tuple(escapedKey(key), fc.constant(value))))
  )
)

/** An array element of any kind. */
const element = fc.oneof(
  { weight: 6, arbitrary: usualEvent },
  { weight: 4, arbitrary: oddEvent },
  { weight: 1, arbitrary: fc.oneof(jsonScalar, arrayOf(jsonValue, 3)) }
)

/** A valid post, as text. */
export const post = fc.tuple(space, arrayOf(element, 12), space).map((parts) => parts.join(""))

/** A valid post of events such as Lambda sends, and where each event ends (an offset into its UTF-8). */
export const usualPost = fc.array(usualEvent, { minLength: 1, maxLength: 8 }).map((events) => {
  const ends: Array<number> = []
  let text = "["
  for (const event of events) {
    text += `${ends.length === 0 ? "" : ","}${event}`
    ends.push(Buffer.byteLength(text))
  }
  return { events, bytes: Buffer.from(`${text}]`), ends }
})
