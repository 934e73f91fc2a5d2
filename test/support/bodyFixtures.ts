/** Bodies of requests for tests, and what the double's rules say of them. */
import * as Result from "effect/Result"
import * as fc from "fast-check"
import type { PostEncoderOptions } from "../../src/logs/PostEncoder.ts"
import { ObjectScanner } from "../../src/json/ObjectScanner.ts"
import * as Columns from "../../src/testing/openobserve/Columns.ts"
import { flatten } from "../../src/testing/openobserve/Flatten.ts"
import type { JsonValue } from "../../src/testing/openobserve/JsonValue.ts"
import * as SerdeJson from "../../src/testing/openobserve/SerdeJson.ts"
import * as Arbitraries from "./arbitraries.ts"
import { makeEncoder } from "./encoderFixtures.ts"

/** A body of these records. */
export const bodyOf = (records: ReadonlyArray<string>): Buffer => Buffer.from(`[${records.join(",")}]`)

/** The records that a post is encoded to, as text. */
export const encodedTexts = (
  post: string | Uint8Array,
  overrides: Partial<PostEncoderOptions> = {},
  now?: number
): Array<string> => {
  const encoder = makeEncoder(overrides)
  encoder.identify()
  const { bytes, ends } = encoder.encode(post, now)
  return ends.map((end, index) => bytes.toString("utf8", ends[index - 1] ?? 0, end - 1))
}

/** The records of a body, as text. */
export const textsOf = (body: Buffer): Array<string> => {
  const records = new ObjectScanner(body)
  const texts: Array<string> = []
  while (records.next()) texts.push(records.bytes.toString("utf8", records.start, records.end))
  return texts
}

/** A body as OpenObserve reads it; throws when it would refuse it. */
export const serdeRecords = (body: Buffer): ReadonlyArray<JsonValue> =>
  Result.getOrThrow(SerdeJson.parse(body)) as ReadonlyArray<JsonValue>

/** The columns of records together, as the double counts them. */
export const unionOf = (records: ReadonlyArray<JsonValue>): Set<string> =>
  new Set(Columns.widen(new Map(), records.map((record) => flatten(record)!)).keys())

/** The columns of a record, as the double counts them. */
export const columnsOfText = (text: string): Set<string> => unionOf(serdeRecords(bodyOf([text])))

const wideKey = fc.oneof(
  { weight: 6, arbitrary: fc.nat(30).map((index) => `"k${index}"`) },
  { weight: 1, arbitrary: fc.constantFrom("\"a.b\"", "\"a_b\"", "\"A\"", "\"\"", "\"\\u0061\"", "\"ключ\"", "\"_id\"") }
)

const members = (value: fc.Arbitrary<string>, maxLength: number) =>
  fc.array(fc.tuple(wideKey, value).map(([key, value]) => `${key}:${value}`), { maxLength })
    .map((members) => `{${members.join(",")}}`)

const small = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("1", "\"x\"", "null", "[]", "{}", "{ }", "[ ]", "9007199254740993", "1.50") },
  { weight: 1, arbitrary: Arbitraries.jsonValue }
)

/** An object of many members on several levels, as JSON text. */
export const wideObject = members(
  fc.oneof(
    { weight: 6, arbitrary: small },
    { weight: 2, arbitrary: members(fc.oneof(small, members(small, 3)), 12) },
    { weight: 1, arbitrary: fc.array(members(small, 3), { maxLength: 3 }).map((parts) => `[${parts.join(" , ")}]`) }
  ),
  14
)

const wideEvent = fc.tuple(fc.nat(9), wideObject).map(([offset, record]) =>
  `{"time":"${new Date(Arbitraries.NOW + offset).toISOString()}","type":"function","record":${record}}`
)

/** A post of lines, most of them wide objects. */
export const widePost = fc.array(
  fc.oneof(wideEvent, fc.constant("{\"type\":\"function\",\"record\":\"text\"}")),
  { maxLength: 12 }
).map((events) => `[${events.join(",")}]`)

/** Records as the encoder writes them: whatever Lambda might post, and wide ones. */
export const anyTexts: fc.Arbitrary<Array<string>> = fc.oneof(Arbitraries.post, widePost)
  .map((post) => encodedTexts(post))
