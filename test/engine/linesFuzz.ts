/**
 * Holds the engine's native way of encoding lines, and of walking JSON, to the program's own, byte for byte, over random
 * posts: ordinary lines between all that is not. Runs in the engine: `npm run layer && dist/engine/lines-fuzz [posts] [seed]`.
 */
import { JsonScanner as EngineScanner } from "../../layer/engine/js/jsonScanner.ts"
import { INVALID, JsonScanner } from "../../src/json/JsonScanner.ts"
import { type EncodedPost, PostEncoder, type PostEncoderOptions } from "../../src/logs/PostEncoder.ts"
import { ColumnCounter, MAX_COLUMNS } from "../../src/openobserve/ColumnCounter.ts"
import { type NativeLines, nativeLines } from "../../src/platform/NativeLines.ts"
import { eventsOf } from "../../src/telemetry/TelemetryEvent.ts"
import { NOW, post } from "./nastyPosts.ts"
import { below, oneOf, random, seedWith } from "./random.ts"

const posts = Number(process.argv[2] ?? 100_000)
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000)
seedWith(seed)

const USUAL: PostEncoderOptions = {
  types: new Set(["platform", "function", "extension"]),
  hasMetadata: true,
  region: "eu-central-1",
  isManagedInstance: false,
  // else each has a name of its own
  newInstanceId: () => "an instance",
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
  "[1,]",
  "\"a\" :\t1",
  "\"a\\u0041\"1",
  "\"\\ud800\":"
]

/** What a scanner says of the value at an offset, and what it leaves of the bytes. */
const scanned = (Scanner: typeof JsonScanner, post: Uint8Array, from: number): string => {
  const bytes = Buffer.from(post)
  const scanner = new Scanner(bytes)
  const valueStart = scanner.key(from)
  const keyErrorAt = valueStart === INVALID ? scanner.errorAt : 0
  const end = scanner.value(from)
  return JSON.stringify([
    valueStart,
    keyErrorAt,
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
let wrongShapes = 0

const counter = new ColumnCounter(Infinity, [])

/** Whether the engine has the counter's hashes for the object behind a comma: with others, it would only be slow. */
const isShape = (post: Uint8Array, at: number, hashes: readonly [a: number, b: number]): boolean => {
  const event = eventsOf(post.subarray(at + 1))
  event.next()
  counter.add(event.bytes, event.members)
  return counter.addKnown(...hashes)
}

/** The engine's way, with a count of what it takes, and some of its shapes looked at. */
const counting = ({ encode, forgetShapes, next }: NativeLines): NativeLines => ({
  next,
  forgetShapes,
  encode: (...values) => {
    const result = encode(...values)
    const [, ends, at, , newShape] = result
    taken += ends.length
    if (newShape !== undefined && random() < 0.05 && !isShape(values[0], at, newShape)) wrongShapes++
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
    if (ours === theirs && wrongShapes === 0 && scansAlike(bytes)) continue
    return end(`seed ${seed}, post ${count}: ${JSON.stringify(Buffer.from(bytes).toString())}\n${ours}\n${theirs}`, 1)
  }
  end(`${posts} posts, seed ${seed}: the same both ways, ${taken} lines taken by the engine`, taken > 0 ? 0 : 1)
}

check()
