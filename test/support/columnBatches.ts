/** Records of batches that have too many columns together, as the encoder writes them. */
import * as fc from "fast-check"

/** An object of keys that begin with `name`, as JSON text; with spaces, escapes and a number that parsing would spoil. */
export const objectOf = (name: string, width: number): string =>
  `{${Array.from({ length: width }, (_, key) => `"${name}_${key}": ${values[key % values.length]}`).join(",")}}`

const values = [
  "9007199254740993",
  "1.50",
  "\"\\u00e9\\\"\\\\\"",
  "\"日\\n\"",
  "-0",
  "true",
  "[1, {\"a\":null}]",
  "1e400"
]

/** A record with this JSON text as `record`. */
export const recordOf = (timestamp: number, text: string): string =>
  `{"_timestamp":${timestamp},"type":"function","record":${text},"faas_name":"orders"}`

/** What a line may be, given its place in the batch. */
type Line = (index: number) => string

const usual: ReadonlyArray<Line> = [
  () => "\"text\"",
  (index) => `{"level":"INFO","message":"number ${index}"}`,
  (index) => objectOf(`shape${index % 3}`, 20),
  (index) => `{"level":"INFO","level":"WARN","headers":${objectOf("header", 30)},"id":${index}}`
]

/** Lines that have keys of their own: in themselves, in an object, in two, in many. */
const own = (width: number): ReadonlyArray<Line> => [
  (index) => objectOf(`own${index}`, width),
  (index) => `{"level":"INFO","headers":${objectOf(`own${index}`, width)},"message":"x"}`,
  (index) => `{"a":${objectOf(`a${index}`, width >> 1)},"own${index}":1,"b":${objectOf(`b${index}`, width >> 1)}}`,
  (index) => `{"level":"INFO","user${index}":${objectOf("of", 3)}}`,
  (index) => objectOf(`pair${index >> 1}`, width),
  (index) => objectOf(`few${index % 30}`, width)
]

/** Batches of lines, most of which are alike or have keys of their own. */
export const anyBatch: fc.Arbitrary<ReadonlyArray<string>> = fc.integer({ min: 1, max: 120 }).chain((width) =>
  fc.array(fc.oneof(fc.constantFrom(...usual), fc.constantFrom(...own(width))), { minLength: 1, maxLength: 6 })
    .chain((kinds) => fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 60 }))
).map((lines) => lines.map((line, index) => recordOf(index + 1, line(index))))
