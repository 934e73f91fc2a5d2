/**
 * Holds the engine's native way of encoding lines, and of walking JSON, to the program's own, byte for byte, over random
 * posts: ordinary lines between all that is not. Runs in the engine: `npm run engine && dist/engine/lines-fuzz [posts] [seed]`.
 */
import { JsonScanner as EngineScanner } from "../../layer/engine/js/jsonScanner.ts"
import { INVALID, JsonScanner } from "../../src/json/JsonScanner.ts"
import { type EncodedPost, PostEncoder } from "../../src/logs/PostEncoder.ts"
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

const record = (): string =>
  often(() => `"${text()}"`, [
    () => `{"message":"${text()}","requestId":"r${below(3)}"}`,
    () => oneOf(["1", "null", "[[[]]]", "{}", "-", "", "\"cut"])
  ])

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

const encoder = (native: typeof nativeLines, preservesOrder: boolean, maxPartBytes: number) => {
  const encoder = new PostEncoder({
    types: new Set(["platform", "function", "extension"]),
    hasMetadata: true,
    region: "eu-central-1",
    isManagedInstance: false,
    preservesOrder,
    maxPartBytes,
    native
  })
  encoder.identify({ functionName: "f", functionVersion: "1" })
  return encoder
}

/** All that comes of a post, as text. */
const encoded = (encoder: PostEncoder, post: Uint8Array): string => {
  const parts: Array<unknown> = []
  let part: EncodedPost = encoder.encode(Uint8Array.from(post), NOW)
  for (;; part = encoder.more()) {
    const { bytes, ends, oldestTimestamp, columns, events, malformed, restBytes } = part
    parts.push([Buffer.from(bytes).toString(), ends, oldestTimestamp, columns, events, malformed, restBytes])
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
const counting = ({ encode, next }: NativeLines): NativeLines => ({
  next,
  encode: (...values) => {
    const result = encode(...values)
    taken += result[1].length
    return result
  }
})

const check = (): void => {
  // the order of records without native code begins with the process, as that of the engine does
  const pairs = [[true, 2000], [false, 1_000_000]].map(([order, bytes]) =>
    [nativeLines && counting(nativeLines), undefined].map((native) => encoder(native, Boolean(order), Number(bytes)))
  )
  for (let count = 0; count < posts; count++) {
    const bytes = post()
    const [ours, theirs] = pairs[count % 4 === 0 ? 1 : 0]!.map((encoder) => encoded(encoder, bytes))
    if (ours === theirs && scansAlike(bytes)) continue
    return end(`seed ${seed}, post ${count}: ${JSON.stringify(Buffer.from(bytes).toString())}\n${ours}\n${theirs}`, 1)
  }
  end(`${posts} posts, seed ${seed}: the same both ways, ${taken} lines taken by the engine`, taken > 0 ? 0 : 1)
}

check()
