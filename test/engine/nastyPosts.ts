/**
 * Random posts: ordinary lines between all that is not, and what only just is. Lines of text and objects, of few shapes and
 * of many, at many times or nearly the same, of calls that begin and end.
 */
import { below, often, oneOf, random } from "./random.ts"

/** When the posts come. */
export const NOW = Date.UTC(2026, 10, 28, 4)
const timeOf = (millis: number): string => new Date(millis).toISOString()

const time = (): string =>
  often(() => timeOf(NOW + below(400)), [
    () => timeOf(NOW - below(10) * 3_600_000),
    () => timeOf(NOW + below(30) * 3_600_000),
    () => timeOf(NOW - 4.9 * 3_600_000 - oneOf([-1, 0, 1])),
    () => timeOf(NOW + 23.9 * 3_600_000 + oneOf([-1, 0, 1])),
    () => "2026-11-28T04:00:00.123456Z",
    () => "2026-11-28T04:00:00Z",
    () => "2026-11-28T05:00:00.123+01:00",
    () => "2026-11-31T04:00:00.000Z",
    () => "2026-11-28T03:59:60.000Z",
    () =>
      oneOf([
        "2026-13-01T00:00:00.000Z",
        "2026-11-28T24:00:00.000Z",
        "2026-11-28T04:00:00.00:Z",
        "2026-11-28T04:00:00/000Z"
      ]),
    () => oneOf(["", "never", "0026-11-28T04:00:00.000Z", "2026-11-28t04:00:00.000z", "\\u0032026-11-28T04:00:00.000Z"])
  ])

const PIECES = ["a", "some words of a line ", "é", "😀", " ", "\x7f", "{}[],:", "  ", "12345678"]
const ESCAPES = [
  "\\n",
  "\\\"",
  "\\\\",
  "\\/",
  "\\u0041",
  "\\u20ac",
  "\\ud7ff",
  "\\ue000",
  "\\D",
  "\\u12",
  "\\uDBFF\\uDFFF"
]
const NASTY = ["\\ud800", "\\uDC00", "\\ud83d\\ude00", "\\ud83dx", "\n", "\0", "\"", "\\x", "\ufeff"]

const text = (): string => {
  let text = ""
  for (let count = below(8); count > 0; count--) {
    const kind = random()
    text += oneOf(kind < 0.8 ? PIECES : kind < 0.98 ? ESCAPES.slice(0, 8) : [...ESCAPES, ...NASTY])
  }
  return text
}

const NUMBERS = ["0", "-0", "12", "1.50", "1e5", "-1E+05", "0.1e-7", "12345678901234567890", "1e999"]
const NO_NUMBERS = ["01", "1.", "-", "+1", ".5", "1e", "0x1", "NaN", "tru", "nulL", "'a'", "", "1 2", "\x0b1"]

const KEYS = [
  "level",
  "message",
  "a",
  "A",
  "b_c",
  "_id",
  "_timestamp",
  "time",
  "type",
  "record",
  "x".repeat(70),
  "",
  "日本"
]
const ID_KEYS = ["requestId", "AWSRequestId"]
const NASTY_KEYS = [
  "request\\u0049d",
  "\\u0061",
  "\\\"}",
  "requestid",
  "__proto__",
  "a\\\\",
  "\\ud800",
  "\n",
  "k\"",
  "a\":1,\"b"
]

const key = (): string => {
  const kind = random()
  // a few keys of their own, so that shapes are many
  if (kind < 0.03) return `k${below(1000)}`
  return oneOf(kind < 0.85 ? KEYS : kind < 0.95 ? ID_KEYS : kind < 0.98 ? NASTY_KEYS.slice(0, 6) : NASTY_KEYS)
}

const gap = (): string => random() < 0.95 ? "" : oneOf([" ", "\t\n", "\r ", "\f", "\u00a0"])

const idValue = (): string =>
  oneOf([`"r${below(3)}"`, "\"\"", "1", "null", "{}", "\"r\\u0041\"", "\"é\\/\"", "\"日\x7f\"", "[\"r\"]"])

/** About as deep as is sent as it is. */
const deep = (): string => {
  const levels = 97 + below(5)
  return random() < 0.5
    ? "[".repeat(levels) + "]".repeat(levels)
    : `${"{\"a\":".repeat(levels)}1${"}".repeat(levels)}`
}

const value = (depth: number): string => {
  const kind = random()
  if (kind < 0.45) return `"${text()}"`
  if (kind < 0.7) return oneOf(NUMBERS)
  if (kind < 0.8) return oneOf(["true", "false", "null"])
  if (kind < 0.803) return oneOf(NO_NUMBERS)
  if (kind < 0.807) return deep()
  if (depth > 5) return "{}"
  return kind < 0.87 ? array(depth) : object(depth, below(5))
}

const array = (depth: number): string =>
  `[${gap()}${Array.from({ length: below(4) }, () => value(depth + 1)).join(`${gap()},${gap()}`)}${gap()}]`

const object = (depth: number, size: number): string => {
  const members = Array.from({ length: size }, () => {
    const name = key()
    return `"${name}"${gap()}:${gap()}${ID_KEYS.includes(name) ? idValue() : value(depth + 1)}`
  })
  return often(() => `{${gap()}${members.join(`${gap()},${gap()}`)}${gap()}}`, [
    () => `{${members.join(",")}}`.slice(0, random() < 0.2 ? -1 : undefined),
    () => `{${members.join(",")}${oneOf([",", "]", "}", ":", "", ""])}}`,
    // as wide as a batch may be, and wider
    () => random() < 0.95 ? "{}" : `{${Array.from({ length: 150 + below(100) }, (_, i) => `"w${i}":${i}`).join()}}`
  ])
}

/** An object of a few shapes, as a function writes them again and again. */
const logged = (): string =>
  `{"level":"INFO","message":"${text()}","n":${oneOf(NUMBERS)}${
    oneOf(["", ",\"requestId\":\"r1\"", ",\"AWSRequestId\":\"r2\"", ",\"requestId\":\"\",\"AWSRequestId\":\"r0\""])
  },"o":{"a":{"b":[${below(9)}]},"c":"${text()}"}${oneOf(["", ",\"e\":{}", ",\"p\":{\"q\":{}}"])}}`

const RECENT = 30
const recent: Array<string> = []

/** An object of any shape, or one once more: a shape is taken by the engine when it has come before. */
const anyObject = (): string => {
  if (recent.length > 0 && random() < 0.5) return oneOf(recent)
  const made = object(0, below(8))
  if (recent.length < RECENT) recent.push(made)
  else recent[below(RECENT)] = made
  return made
}

const record = (): string => {
  const kind = random()
  if (kind < 0.35) return `"${text()}"`
  if (kind < 0.5) return logged()
  return kind < 0.97 ? anyObject() : oneOf(["1", "null", "[[[]]]", "[{}]", "{}", "-", "", "\"cut"])
}

const line = (): string => {
  const [t, r] = [time(), record()]
  return often(() => `{"time":"${t}","type":"function","record":${r}}`, [
    () => `{ "time":"${t}","type":"function","record":${r}}`,
    () => `{"time":"${t}","type":"function","record":${r} }`,
    () => `{"type":"function","time":"${t}","record":${r}}`,
    () => `{"time":"${t}","type":"extension","record":${r}}`,
    () => `{"time":"${t}","type":"function","record":${r},"more":1}`,
    () => `{"time":"${t}","type":"function","record":${r},"time":"x"}`,
    () => `{"time":"${t}","type":"function","record":${r}}}`,
    () => `{"time":"${t}","type":"platform.start","record":{"requestId":"r${below(3)}","version":"1"}}`,
    () =>
      `{"time":"${t}","type":"platform.report","record":{"requestId":"r${below(3)}","status":"success","metrics":{}}}`,
    () => oneOf(["{}", "1", "", "nothing", "{\"time\":\"", "]", "[", "}"])
  ])
}

/** A post of a few events. */
export const post = (): Uint8Array => {
  const lines = Array.from({ length: 1 + below(12) }, line)
  const joined = often(() => `[${lines.join(",")}]`, [
    () => `[${lines.join(", ")}]`,
    () => lines.join(oneOf(["", "\n", ","])),
    () => `[${lines.join(oneOf(["[", ",[", "],["]))}]`,
    () => `[${lines.join(",,")}]\n`,
    () => `\ufeff[${lines.join(",")}`
  ])
  const bytes = Buffer.from(joined)
  return random() < 0.9 ? bytes : bytes.subarray(below(4), bytes.length - below(40))
}
