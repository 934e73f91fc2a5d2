import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as FastCheck from "fast-check"
import { stringify, stringifyDouble } from "../../src/testing/openobserve/JsonText.ts"
import { parse } from "../../src/testing/openobserve/SerdeJson.ts"

const parseText = (text: string) => parse(Buffer.from(text))

// Texts of serde_json 1.0.151 that the observed probes do not reach.
const ERRORS: ReadonlyArray<readonly [string, string]> = [
  ["", "EOF while parsing a value at line 1 column 0"],
  ["  \n ", "EOF while parsing a value at line 2 column 1"],
  ["nul", "EOF while parsing a value at line 1 column 3"],
  ["nulx", "expected ident at line 1 column 4"],
  ["-", "EOF while parsing a value at line 1 column 1"],
  ["-a", "invalid number at line 1 column 2"],
  ["01", "invalid number at line 1 column 2"],
  ["1.", "EOF while parsing a value at line 1 column 2"],
  ["1.x", "invalid number at line 1 column 3"],
  ["1e", "EOF while parsing a value at line 1 column 2"],
  ["1ex", "invalid number at line 1 column 3"],
  ["[1 2]", "expected `,` or `]` at line 1 column 4"],
  ["[1,", "EOF while parsing a value at line 1 column 3"],
  ["{\"a\" 1}", "expected `:` at line 1 column 6"],
  ["{\"a\"", "EOF while parsing an object at line 1 column 4"],
  ["{\"a\":1 \"b\":2}", "expected `,` or `}` at line 1 column 8"],
  ["{\"a\":1,}", "trailing comma at line 1 column 8"],
  ["{\"a\":1,", "EOF while parsing a value at line 1 column 7"],
  ["{1:2}", "key must be a string at line 1 column 2"],
  ["\"a", "EOF while parsing a string at line 1 column 2"],
  ["\"\\u12", "EOF while parsing a string at line 1 column 5"],
  ["\"\\u12x4\"", "invalid escape at line 1 column 7"],
  ["\"\\ud800\\n\"", "unexpected end of hex escape at line 1 column 9"],
  ["\"\\ud800\\u0041\"", "lone leading surrogate in hex escape at line 1 column 13"],
  ["[\n1,\n\n x]", "expected value at line 4 column 2"]
]

describe("SerdeJson", () => {
  for (const [text, message] of ERRORS) {
    it(`${JSON.stringify(text)}: ${message}`, () => {
      assert.strictEqual(Result.merge(Result.mapError(parseText(text), (error) => error.message)), message)
    })
  }

  it("reads what JSON.stringify writes", () => {
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value)
      const parsed = Result.getOrThrow(parseText(text))
      assert.deepEqual(JSON.parse(stringify(parsed)), JSON.parse(text))
    }))
  })

  it("accepts no text that JSON.parse refuses", () => {
    const fragments = FastCheck.constantFrom(
      "[",
      "]",
      "{",
      "}",
      ",",
      ":",
      "\"",
      "\\",
      "1",
      "-",
      ".",
      "e",
      "a",
      "null",
      " "
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(fragments, { maxLength: 12 }), (parts) => {
        const text = parts.join("")
        const isJson = Result.isSuccess(Result.try(() => JSON.parse(text)))
        assert.strictEqual(Result.isSuccess(parseText(text)), isJson, text)
      }),
      { numRuns: 2000 }
    )
  })

  it("writes doubles as serde_json does", () => {
    const texts = [1, 1.5, -0.25, 1e15, 1e16, 18446744073709552000, 1e300].map(stringifyDouble)
    assert.deepEqual(texts, ["1.0", "1.5", "-0.25", "1000000000000000.0", "1e16", "1.8446744073709552e19", "1e300"])
  })
})
