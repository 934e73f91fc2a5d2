import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Processor from "../../../src/processors/Processor.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import { cases, runs } from "../../support/fuzzing.ts"
import { canonical, processOne, recordTextsOf } from "../../support/processorFixtures.ts"

/** A character as it may stand in a JSON string. */
const writtenAs = (character: string, isEscaped: boolean): string =>
  isEscaped
    ? Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`
    ).join("")
    : JSON.stringify(character).slice(1, -1).replace("/", "\\/")

/** A text in JSON, some of its characters written by their numbers. */
const written = (text: string) =>
  fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length }).map((escapes) =>
    Array.from(text, (character, index) => writtenAs(character, escapes[index] === true)).join("")
  )

/** A secret in text, of characters that nothing else here has, between those that are hard to see. */
const secret = fc.tuple(
  fc.constantFrom("", "\"", "\\", "\n", "/", "😀"),
  fc.constantFrom("", "\t", "é", "日", "\u2028")
).map(([one, other]) => `S${one}3${other}CR3T`)

/** A key to be hidden, in any case. */
const FIELDS = ["passWord", "x-api.key", "ключ", "a/b", ""]

const key = fc.constantFrom(...FIELDS).chain((name) =>
  fc.constantFrom(name, name.toLowerCase(), name.toUpperCase()).chain(written)
).map((text) => `"${text}"`)

/** JSON that has secrets in it, in values and behind keys, among all else. */
const planted = (secret: string) =>
  fc.letrec<{ value: string; member: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      Arbitraries.jsonValue,
      fc.tuple(Arbitraries.jsonString, written(secret), Arbitraries.jsonString).map(([before, text, behind]) =>
        `"${before.slice(1, -1)}${text}${behind.slice(1, -1)}"`
      ),
      fc.array(tie("value"), { maxLength: 3 }).map((elements) => `[${elements.join(" , ")}]`),
      fc.array(tie("member"), { maxLength: 4 }).map((members) => `{ ${members.join(",")}}`)
    ),
    member: fc.tuple(fc.oneof(key, Arbitraries.jsonString), fc.constantFrom("", " ", "\n"), tie("value")).map((
      [key, space, value]
    ) => `${key}${space}:${space}${value}`)
  })).value

const isHidden = (key: string): boolean => FIELDS.some((name) => name.toLowerCase() === key.toLowerCase())

/** The same, by the simplest means. */
const redactedSlowly = (value: unknown, secret: string, hasFields: boolean): unknown => {
  if (typeof value === "string") return value.replaceAll(secret, "#")
  if (Array.isArray(value)) return value.map((element) => redactedSlowly(element, secret, hasFields))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      hasFields && isHidden(key) ? "#" : redactedSlowly(member, secret, hasFields)
    ])
  )
}

/** Each string of a record, decoded, and what stands behind it when it is a key. */
const stringsIn = (json: string): ReadonlyArray<readonly [text: string, behind: string | undefined]> =>
  [...json.matchAll(/("(?:[^"\\]|\\.)*")(?=\s*:\s*(.{1,3})|)/gsu)].map((
    [, text = "", behind]
  ) => [JSON.parse(text), behind])

describe("Processor.redact", () => {
  it.effect("hides what a slow walk hides, and leaves the rest as it is written", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(
          secret.chain((secret) => fc.tuple(fc.constant(secret), planted(secret))),
          fc.boolean(),
          fc.boolean(),
          ([secret, value], hasFields, isExpression) => {
            const [before] = recordTextsOf(`[{"type":"function","record":${value},"a.b":1e400}]`)
            const pattern = isExpression ? new RegExp(quoted(secret), "y") : secret
            const { failures, json } = processOne([
              Processor.redact({ patterns: [pattern], fields: hasFields ? FIELDS : [], replacement: "#" })
            ], before!)
            assert.strictEqual(failures, 0)
            assert.deepStrictEqual(
              canonical(JSON.parse(json!)),
              canonical(redactedSlowly(JSON.parse(before!), secret, hasFields))
            )
            for (const [text, behind] of stringsIn(json!)) {
              if (behind === undefined) assert.notInclude(text, secret)
              // members that stand twice, too
              else if (hasFields && isHidden(text)) assert.strictEqual(behind, "\"#\"")
            }
          }
        ),
        { numRuns: cases(1000) }
      )
    ))

  it.effect("changes nothing where there is nothing to be hidden", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(Arbitraries.post, (text) => {
          const processors = [
            Processor.redact({ patterns: ["§nowhere§", /§nowhere§/u], fields: ["§nowhere§", "no/where"] }),
            Processor.redact({ fields: ["nowhere"] })
          ]
          for (const before of recordTextsOf(text)) assert.strictEqual(processOne(processors, before).json, before)
        }),
        { numRuns: runs(300) }
      )
    ))

  it.effect("leaves nothing of a secret, whatever the order of processors, and whichever of them fails", () =>
    Effect.sync(() => {
      const fail = (): never => {
        throw new Error("no")
      }
      const others: ReadonlyArray<Processor.Processor> = [
        Processor.map((fields) => ({ ...fields, added: { text: "S3CR3T", password: ["S3CR3T"] } })),
        Processor.map((fields) => ({ ...fields, copy: fields["record"], deep: { er: fields["record"] } })),
        Processor.map(({ record, ...fields }) => ({ lines: JSON.stringify(record), ...fields })),
        Processor.map(fail),
        Processor.map(() => null as unknown as Record<string, unknown>),
        Processor.filter(fail),
        Processor.filter(() => true),
        Processor.route(["other"], () => "other"),
        Processor.route(["other"], () => "another" as "other"),
        Processor.when(fail, Processor.filter(() => false))
      ]
      const redactions = [
        Processor.redact({ patterns: ["S3CR3T"], fields: ["password"] }),
        Processor.when(() => true, Processor.redact({ patterns: [/S3CR3T/], fields: ["password"] })),
        Processor.when(fail, Processor.redact({ patterns: [/S3CR3T/], fields: ["PASSWORD"] }))
      ]
      fc.assert(
        fc.property(
          planted("S3CR3T"),
          fc.array(fc.constantFrom(...others), { maxLength: 4 }),
          fc.constantFrom(...redactions),
          // these add nothing
          fc.array(fc.constantFrom(...others.slice(3)), { maxLength: 3 }),
          (value, before, redaction, behind) => {
            const [text] = recordTextsOf(`[{"type":"function","record":${value}}]`)
            const { json } = processOne([...before, redaction, ...behind], text!)
            for (const [text, next] of stringsIn(json!)) {
              if (next === undefined) assert.notInclude(text, "S3CR3T")
              else if (text.toLowerCase() === "password") assert.strictEqual(next, "\"[R")
            }
          }
        ),
        { numRuns: cases(500) }
      )
    }))
})

const quoted = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")
