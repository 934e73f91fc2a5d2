/**
 * Holds the engine's native way of encoding lines, and of walking JSON, to the program's own, byte for byte, over random
 * posts: ordinary lines between all that is not. Runs in the engine: `npm run engine && dist/engine/lines-fuzz [posts] [seed]`.
 */
import { JsonScanner as EngineScanner } from "../../layer/engine/js/jsonScanner.ts"
import { INVALID, JsonScanner } from "../../src/json/JsonScanner.ts"
import { type EncodedPost, PostEncoder, type PostEncoderOptions } from "../../src/logs/PostEncoder.ts"
import { MAX_COLUMNS } from "../../src/openobserve/ColumnCounter.ts"
import { type NativeLines, nativeLines } from "../../src/platform/NativeLines.ts"

const posts = Number(process.argv[2] ?? 100_000)
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000)

/** Mulberry32. */
let state = seed
const random = (): number => {
  state = state + 0x6d2b79f5 | 0
  let mixed = Math.imul(state ^ state >>> 15, 1 | state)
  mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed
  return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
}
const below = (limit: number): number => Math.floor(random() * limit)
const oneOf = <A>(values: ReadonlyArray<A>): A => values[below(values.length)]!
const often = (usual: () => string, others: ReadonlyArray<() => string>): string =>
  random() < 0.85 ? usual() : oneOf(others)()

const NOW = Date.UTC(2026, 10, 28, 4)
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

const value = (depth: number): string => {
  const kind = random()
  if (kind < 0.45) return `"${text()}"`
  if (kind < 0.7) return oneOf(NUMBERS)
  if (kind < 0.8) return oneOf(["true", "false", "null"])
  if (kind < 0.803) return oneOf(NO_NUMBERS)
  if (kind < 0.806) return "[".repeat(97 + below(6)) + "]".repeat(97 + below(6))
  if (kind < 0.808) return "{\"a\":".repeat(97 + below(6)) + "1" + "}".repeat(97 + below(6))
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

const record = (): string => {
  const kind = random()
  if (kind < 0.4) return `"${text()}"`
  if (kind < 0.7) return logged()
  return kind < 0.97 ? object(0, below(8)) : oneOf(["1", "null", "[[[]]]", "[{}]", "{}", "-", "", "\"cut"])
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

const post = (): Uint8Array => {
  const lines = Array.from({ length: 1 + below(12) }, line)
  const joined = often(() => `[${lines.join(",")}]`, [
    () => `[${lines.join(", ")}]`,
    () => lines.join(oneOf(["", "\n", ","])),
    () => `[${lines.join(",,")}]\n`,
    () => `\ufeff[${lines.join(",")}`
  ])
  const bytes = Buffer.from(joined)
  return random() < 0.9 ? bytes : bytes.subarray(below(4), bytes.length - below(40))
}

const USUAL: PostEncoderOptions = {
  types: new Set(["platform", "function", "extension"]),
  hasMetadata: true,
  region: "eu-central-1",
  isManagedInstance: false,
  preservesOrder: false
}

/** What differs; the engine has one order of records for all, so only one may keep it. */
const DIFFERENT: ReadonlyArray<Partial<PostEncoderOptions>> = [
  { preservesOrder: true, maxPartBytes: 2000 },
  { isManagedInstance: true },
  { hasMetadata: false, types: new Set(["function"]) }
]

const encoder = (options: PostEncoderOptions) => {
  const encoder = new PostEncoder(options)
  encoder.identify({ functionName: "f", functionVersion: "1" })
  return encoder
}

/** All that comes of a post, as text. */
const encoded = (encoder: PostEncoder, post: Uint8Array): string => {
  const parts: Array<unknown> = []
  let part: EncodedPost = encoder.encode(Uint8Array.from(post), NOW)
  for (;; part = encoder.more()) {
    const { bytes, ends, oldestTimestamp, columns, events, malformed, restBytes } = part
    // what counts of columns that are too many is that they are
    const counted = columns.size > MAX_COLUMNS ? "too many" : [...columns]
    parts.push([Buffer.from(bytes).toString(), ends, oldestTimestamp, counted, events, malformed, restBytes])
    if (restBytes === 0) return JSON.stringify(parts)
  }
}

const VALUES = [
  "-",
  "0",
  "01",
  "1.",
  "1.5e",
  "1e+9",
  "-0.0E-1x",
  "tru",
  "true",
  "falsy",
  "nul",
  "null]",
  "\"",
  "\"\\u12",
  "[1,]"
]

/** What a scanner says of the value at an offset, and what it leaves of the bytes. */
const scanned = (Scanner: typeof JsonScanner, post: Uint8Array, from: number): string => {
  const bytes = Buffer.from(post)
  const scanner = new Scanner(bytes)
  const end = scanner.value(from)
  return JSON.stringify([
    end,
    end >= 0 ? scanner.depth : end === INVALID ? scanner.errorAt : 0,
    bytes.toString("latin1")
  ])
}

/** Whether both scanners say the same of values in a post, and of some alone. */
const scansAlike = (post: Uint8Array): boolean =>
  [post, Buffer.from(oneOf(VALUES)), Buffer.from(`[${oneOf(VALUES)},{"a" : ${oneOf(VALUES)}}]`)].every((bytes) => {
    const from = random() < 0.5 ? 0 : below(bytes.length)
    return scanned(JsonScanner, bytes, from) === scanned(EngineScanner, bytes, from)
  })

const end = (line: string, code: number): void => {
  process.stdout.write(`${line}\n`, () => process.exit(code))
}

let taken = 0

/** The engine's way, with a count of what it takes. */
const counting = ({ encode, forgetShapes, next }: NativeLines): NativeLines => ({
  next,
  forgetShapes,
  encode: (...values) => {
    const result = encode(...values)
    taken += result[1].length
    return result
  }
})

const check = (): void => {
  // the order of records without native code begins with the process, as that of the engine does
  const pairs = DIFFERENT.map((different) =>
    [nativeLines && counting(nativeLines), undefined].map((native) => encoder({ ...USUAL, ...different, native }))
  )
  for (let count = 0; count < posts; count++) {
    const bytes = post()
    const [ours, theirs] = pairs[Math.max(0, count % 6 - 3)]!.map((encoder) => encoded(encoder, bytes))
    if (ours === theirs && scansAlike(bytes)) continue
    return end(`seed ${seed}, post ${count}: ${JSON.stringify(Buffer.from(bytes).toString())}\n${ours}\n${theirs}`, 1)
  }
  end(`${posts} posts, seed ${seed}: the same both ways, ${taken} lines taken by the engine`, taken > 0 ? 0 : 1)
}

check()
