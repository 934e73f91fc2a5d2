import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Processor from "../../../src/processors/Processor.ts"
import { processOne, recordText, recordTextOf } from "../../support/processorFixtures.ts"

interface Case {
  readonly name: string
  readonly options: Processor.RedactOptions
  /** A member of a record, written as it is. */
  readonly record: string
  readonly becomes: string
}

const cases: ReadonlyArray<Case> = [
  {
    name: "text that is written by numbers",
    options: { patterns: ["secret"] },
    record: "\"a \\u0073ecr\\u0065t b\"",
    becomes: "\"a [REDACTED] b\""
  },
  {
    name: "an emoji, written either way",
    options: { patterns: [/😀+/u, "🔑"] },
    record: "[\"a\\ud83d\\ude00😀b\",\"\\uD83D\\uDD11\",\"🔑\"]",
    becomes: "[\"a[REDACTED]b\",\"[REDACTED]\",\"[REDACTED]\"]"
  },
  {
    name: "half an emoji",
    options: { patterns: [/\ud83d/], replacement: "#" },
    record: "\"a😀b\"",
    becomes: "\"a#\ufffdb\""
  },
  {
    name: "quotes, line breaks and slashes",
    options: { patterns: ["\"a\"\n", /p\/w/] },
    record: "\"x \\\"a\\\"\\n p\\/w p/w\"",
    becomes: "\"x [REDACTED] [REDACTED] [REDACTED]\""
  },
  {
    name: "values at any depth, and no keys",
    options: { patterns: ["secret"] },
    record: "{\"secret\":[{\"secret\":\"secret\"},\"a secret\",1.0]}",
    becomes: "{\"secret\":[{\"secret\":\"[REDACTED]\"},\"a [REDACTED]\",1.0]}"
  },
  {
    name: "nothing where a pattern finds nothing",
    options: { patterns: [/(?:)/, /x*/, "", /(?=b)/] },
    record: "\"abc\"",
    becomes: "\"abc\""
  },
  {
    name: "what a pattern finds besides nothing",
    options: { patterns: [/[78]*/] },
    record: "\"a78b7\"",
    becomes: "\"a[REDACTED]b[REDACTED]\""
  },
  {
    name: "without a meaning of dollars, and with what JSON has to escape",
    options: { patterns: [/(?<all>secret)/], replacement: "$& $1 $<all> $$ \"\\\n" },
    record: "\"a secret\"",
    becomes: "\"a $& $1 $<all> $$ \\\"\\\\\\n\""
  },
  {
    name: "with half a surrogate pair, which OpenObserve does not take",
    options: { patterns: ["secret"], fields: ["a"], replacement: "\ud83d" },
    record: "{\"a\":1,\"b\":\"secret\"}",
    becomes: "{\"a\":\"\ufffd\",\"b\":\"\ufffd\"}"
  },
  {
    name: "by every flag",
    options: { patterns: [/a.b/is, /\p{Script=Greek}/iu, /[\p{L}--[a-z]]x/v, /^c/m, /d/y, /e/gd] },
    record: "\"A\\nB ω Öx bx\\nc d e\"",
    becomes: "\"[REDACTED] [REDACTED] [REDACTED] bx\\n[REDACTED] [REDACTED] [REDACTED]\""
  },
  {
    name: "all of what several patterns find",
    options: { patterns: ["abc", /cde/, "bcd", "REDACTED"], fields: [] },
    record: "\"x abcdef abc\"",
    becomes: "\"x [REDACTED]f [REDACTED]\""
  },
  {
    name: "members by their names, in any case and any spelling, at any depth",
    options: { fields: ["Password", "x-api.key", "КЛЮЧ"] },
    record:
      "{\"PASSWORD\":1,\"a\":[{\"pass\\u0077ord\" : {\"b\":[\"]}\"]} }],\"X-API.Key\":null,\"password2\":2.0,\"x-api_key\":3.0,\"ключ\":true}",
    becomes:
      "{\"PASSWORD\":\"[REDACTED]\",\"a\":[{\"pass\\u0077ord\" : \"[REDACTED]\" }],\"X-API.Key\":\"[REDACTED]\",\"password2\":2.0,\"x-api_key\":3.0,\"ключ\":\"[REDACTED]\"}"
  },
  {
    name: "members by their names without escapes",
    options: { fields: ["Password", "token"] },
    record:
      "{\"PASSWORD\":-1.5e3,\"a\":[{\"password\" :\n{\"b\":[\"]}\\\"\"]} }],\"Token\" : \"a \\\"token\\\":1\",\"b\":1.0}",
    becomes:
      "{\"PASSWORD\":\"[REDACTED]\",\"a\":[{\"password\" :\n\"[REDACTED]\" }],\"Token\" : \"[REDACTED]\",\"b\":1.0}"
  },
  {
    name: "every member of a name",
    options: { fields: ["a"] },
    record: "{\"a\":1,\"b\":2.0,\"a\":{\"a\":3},\"A\":4}",
    becomes: "{\"a\":\"[REDACTED]\",\"b\":2.0,\"a\":\"[REDACTED]\",\"A\":\"[REDACTED]\"}"
  },
  {
    name: "nothing that only looks like a member",
    options: { fields: ["password"] },
    record:
      "{\"m\":\"{\\\"password\\\":\\\"x\\\"}\",\"\\\"password\":1.0,\"password\\\"\":\"password\",\"l\":[\"password\",\"password\"]}",
    becomes:
      "{\"m\":\"{\\\"password\\\":\\\"x\\\"}\",\"\\\"password\":1.0,\"password\\\"\":\"password\",\"l\":[\"password\",\"password\"]}"
  },
  {
    name: "no member whose name only ends like one",
    options: { fields: ["password"] },
    record: "{\"\\\"password\":1.0,\"a\":\"\\\\\",\"password\":1}",
    becomes: "{\"\\\"password\":1.0,\"a\":\"\\\\\",\"password\":\"[REDACTED]\"}"
  },
  {
    name: "members with names that look like JSON",
    options: { fields: ["", ",", "\"", "a\"b", ":", ".*"] },
    record: "{\"\":1,\"x\":\",\",\",\":2,\"\\\"\":3,\"a\\\"b\":4,\":\":5,\"y\":\"::\",\"z\":6}",
    becomes:
      "{\"\":\"[REDACTED]\",\"x\":\",\",\",\":\"[REDACTED]\",\"\\\"\":\"[REDACTED]\",\"a\\\"b\":\"[REDACTED]\",\":\":\"[REDACTED]\",\"y\":\"::\",\"z\":6}"
  },
  {
    name: "JSON in a line of text by patterns, and not by names",
    options: { fields: ["password"], patterns: [/(?<="token":")[^"]*/] },
    record: "\"{\\\"password\\\":\\\"x\\\",\\\"token\\\":\\\"y\\\"}\\n\"",
    becomes: "\"{\\\"password\\\":\\\"x\\\",\\\"token\\\":\\\"[REDACTED]\\\"}\\n\""
  }
]

const throwing = (): never => {
  throw new Error("the processor's")
}

describe("Processor.redact hides", () => {
  for (const { becomes, name, options, record } of cases) {
    it.effect(name, () =>
      Effect.sync(() => {
        const processor = Processor.redact(options)
        // what a pattern has found before does not matter
        for (let round = 0; round < 3; round++) {
          const { failures, json } = processOne([processor], recordText(record))
          assert.strictEqual(json, recordText(becomes))
          assert.strictEqual(failures, 0)
        }
      }))
  }

  it.effect("nothing of the time", () =>
    Effect.sync(() => {
      const processors = [
        Processor.redact({ fields: ["_timestamp", "_TIMESTAMP"], patterns: [/\d/], replacement: "#" })
      ]
      assert.strictEqual(
        processOne(processors, "{\"_timestamp\":17,\"a\":{\"_timestamp\":5},\"b\":\"1\"}").json,
        "{\"_timestamp\":17,\"a\":{\"_timestamp\":\"#\"},\"b\":\"#\"}"
      )
      assert.strictEqual(processOne(processors, "{\"_timestamp\":17}").json, "{\"_timestamp\":17}")
    }))

  it.effect("what the user's own use of a pattern has not to do with", () =>
    Effect.sync(() => {
      const pattern = /secret/g
      const processors = [Processor.redact({ patterns: [pattern] })]
      pattern.lastIndex = 9
      assert.strictEqual(processOne(processors, recordText("\"secret\"")).json, recordText("\"[REDACTED]\""))
      assert.strictEqual(pattern.lastIndex, 9)
    }))

  it.effect("also in what was nested too deep to be sent as JSON", () =>
    Effect.sync(() => {
      const deep: unknown = JSON.parse(`${"[".repeat(150)}"\\u0073ecret"${"]".repeat(150)}`)
      const record = { Password: ["hunter2"], deep, text: "a secret", inner: { token: { a: "hunter2" } } }
      const before = recordTextOf({ type: "function", record })
      assert.include(before, "\"record\":\"{\\\"Password\\\"")
      const { json } = processOne([Processor.redact({ fields: ["password", "token"], patterns: ["secret"] })], before)
      assert.notMatch(json!, /hunter2|secret/)
      const fields = JSON.parse(json!) as { readonly record: string }
      assert.deepStrictEqual(JSON.parse(fields.record), {
        Password: "[REDACTED]",
        deep: JSON.parse(`${"[".repeat(150)}"[REDACTED]"${"]".repeat(150)}`) as unknown,
        text: "a [REDACTED]",
        inner: { token: "[REDACTED]" }
      })
    }))

  it.effect("all of a string over which a pattern fails, and everything else", () =>
    Effect.sync(() => {
      // takes more stack than there is
      const hungry = /(?:(a)|b)*$/
      const text = `{"x":"hunter2","long":"${"a".repeat(8_000_000)}","password":1}`
      assert.throws(() => hungry.test(text), RangeError)
      const { failures, json } = processOne(
        [Processor.redact({ patterns: ["hunter2", hungry], fields: ["password"] })],
        recordText(text)
      )
      assert.strictEqual(
        json,
        recordText("{\"x\":\"[REDACTED]\",\"long\":\"[REDACTED]\",\"password\":\"[REDACTED]\"}")
      )
      assert.strictEqual(failures, 1)
    }))

  it.effect("what a condition means that fails", () =>
    Effect.sync(() => {
      const redaction = Processor.redact({ patterns: ["secret"] })
      for (
        const processor of [
          Processor.when(throwing, redaction),
          Processor.when(() => true, Processor.when(throwing, redaction)),
          Processor.when(throwing, Processor.when(() => false, redaction))
        ]
      ) {
        const { failures, json } = processOne([processor], recordText("\"secret\""))
        assert.strictEqual(json, recordText("\"[REDACTED]\""))
        assert.strictEqual(failures, 1)
      }
      const { json } = processOne([Processor.when(() => false, redaction)], recordText("\"secret\""))
      assert.strictEqual(json, recordText("\"secret\""))
    }))

  it.effect("is not to be had without anything to hide", () =>
    Effect.sync(() => {
      assert.throws(() => Processor.redact({}), /neither patterns nor fields/)
      assert.throws(() => Processor.redact({ fields: [/password/ as never] }), /are names, not \/password\//)
    }))
})
