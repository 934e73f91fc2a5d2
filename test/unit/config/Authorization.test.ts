/** Values of O2_AUTHORIZATION_HEADER that are not the usual one: what no server can take is wrong, the rest is odd. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { read, refusal } from "../../support/configFixtures.ts"

const base64 = (text: string) => Buffer.from(text).toString("base64")

const fine = [
  "Basic YTpi",
  "Basic YTo=",
  `Basic ${base64("me@example.com:o2oi_Dq7mX2vK9sLw4tRb8yNc3fHg6jPz1aEu")}`,
  `Basic ${base64("ä:ö")}`,
  "Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc-_",
  "Bearer o2oi_Dq7mX2vK9sLw4tRb8yNc3fHg6jPz1aEu",
  "o2oi_Dq7mX2vK9sLw4tRb8yNc3fHg6jPz1aEu",
  " Basic YTpi "
]

const odd = [
  ["YTpi", "lacks \"Basic \""],
  ["0123456789abcdef", "does not begin with \"Basic \""],
  ["Token abcdef", "does not begin with \"Basic \""],
  ["basic YTpi", "spells \"Basic\" in another way"],
  ["BASIC YTpi", "spells \"Basic\" in another way"],
  [`Basic ${Buffer.from("a:ÿþ").toString("base64url")}`, "the URL's alphabet"],
  ["Basic YTpi-_8=", "the URL's alphabet"],
  ["Basic YTpiYw", "lacks the padding"],
  ["Basic o2oi_Dq7mX2vK9sLw4tRb8yNc3fHg6jPz1aEu", "not in base64 together with a user"]
] as const

const wrong = [
  ["Basic YWI=", "without a colon"],
  ["basic YWI=", "without a colon"],
  ["Basic%20YTpi", "percent-encoded"],
  ["Basic+YTpi", "percent-encoded"],
  ["Basic YTo%3D", "percent-encoded"],
  ["Basic", "nothing behind \"Basic\""],
  ["Bearer ", "nothing behind \"Bearer\""],
  ["Basic Basic YTpi", "a blank within"],
  ["Basic YTpi YTpi", "a blank within"],
  ["Basic me@example.com:secret", "user and password as they are"],
  ["Basic YTpi!", "no base64"],
  ["Basic YTpiY", "no base64"],
  ["\"Basic YTpi\"", "quotation marks"],
  ["'Basic YTpi'", "quotation marks"],
  ["Authorization: Basic YTpi", "begins with the name of the header"]
] as const

describe("O2_AUTHORIZATION_HEADER", () => {
  for (const value of fine) {
    it.effect(`is fine: ${value}`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual((yield* read({ O2_AUTHORIZATION_HEADER: value })).warnings, [])
      }))
  }

  const assertSentence = (sentence: string | undefined, value: string, text: string) => {
    assert.include(sentence, `O2_AUTHORIZATION_HEADER `)
    assert.include(sentence, text)
    assert.match(String(sentence), /"Basic " followed by base64 of user:password or user:token$/)
    for (const part of value.split(" ").filter((part) => part.length > 6)) assert.notInclude(sentence, part)
  }

  for (const [value, text] of odd) {
    it.effect(`is warned of: ${value}`, () =>
      Effect.gen(function*() {
        const { warnings } = yield* read({ O2_AUTHORIZATION_HEADER: value })
        assert.strictEqual(warnings.length, 1)
        assertSentence(warnings[0], value, text)
      }))
  }

  for (const [value, text] of wrong) {
    it.effect(`is refused: ${value}`, () =>
      Effect.gen(function*() {
        const { problems } = yield* refusal({ O2_AUTHORIZATION_HEADER: value })
        assert.strictEqual(problems.length, 1)
        assertSentence(problems[0], value, text)
      }))
  }
})
