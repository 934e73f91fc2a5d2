import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import type { EncodedPost } from "../../../src/logs/PostEncoder.ts"
import { flatten } from "../../../src/testing/openobserve/Flatten.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import { cases, runs } from "../../support/fuzzing.ts"
import {
  defaults,
  event,
  identity,
  makeEncoder,
  NOW_MICROS,
  post,
  recordsOf,
  requestBody
} from "../../support/encoderFixtures.ts"
import { type ExpectedRecord, makeOracle } from "../../support/recordOracle.ts"

const { NOW } = Arbitraries

const assertSame = (actual: Record<string, unknown>, { deep, fields }: ExpectedRecord) => {
  const readable = Object.fromEntries(
    Object.entries(actual).map(([key, value]) => [key, deep.has(key) ? JSON.parse(String(value)) : value])
  )
  assert.deepEqual(readable, fields)
}

const anyOptions = fc.record({
  types: fc.subarray(["platform", "function", "extension"], { minLength: 1 }).map((types) => new Set(types)),
  hasMetadata: fc.boolean(),
  preservesOrder: fc.boolean(),
  region: fc.constantFrom(undefined, "eu-west-1"),
  isManagedInstance: fc.boolean(),
  newInstanceId: fc.constant(() => "an id of its own")
})

describe("PostEncoder", () => {
  it.effect("writes the records that JSON.parse would lead to", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(anyOptions, fc.array(Arbitraries.post, { minLength: 1, maxLength: 3 }), (options, posts) => {
          const encoder = makeEncoder(options)
          const oracle = makeOracle(options, identity)
          encoder.identify()
          for (const text of posts) {
            const bytes = Buffer.from(text)
            const expected = oracle(bytes, NOW)
            const encoded = encoder.encode(bytes)
            const records = recordsOf(encoded)
            assert.strictEqual(records.length, expected.records.length)
            records.forEach((record, index) => assertSame(record, expected.records[index]!))
            assert.strictEqual(encoded.malformed, expected.malformed)
            assert.strictEqual(
              encoded.oldestTimestamp,
              Math.min(...records.map((record) => Number(record["_timestamp"])))
            )
          }
        }),
        { numRuns: cases(500) }
      )
    ))

  it.effect("writes the same by parts", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(anyOptions, fc.array(Arbitraries.post, { maxLength: 3 }), fc.nat(3000), (options, posts, size) => {
          const whole = makeEncoder(options)
          const encoder = makeEncoder({ ...options, maxPartBytes: size })
          for (const text of posts) {
            const expected = whole.encode(text)
            const records: Array<Record<string, unknown>> = []
            const parts: Array<EncodedPost> = []
            const take = (part: EncodedPost) => {
              parts.push(part)
              // valid until the next
              records.push(...recordsOf(part))
              return part.restBytes
            }
            for (let rest = take(encoder.encode(text)); rest > 0;) {
              const before = rest
              rest = take(encoder.more())
              assert.isBelow(rest, before)
            }
            assert.deepStrictEqual(records, recordsOf(expected))
            assert.deepStrictEqual(parts.flatMap(({ events }) => events), expected.events)
            assert.strictEqual(parts.at(-1)!.malformed, expected.malformed)
            assert.strictEqual(
              Math.min(...parts.map(({ oldestTimestamp }) => oldestTimestamp)),
              expected.oldestTimestamp
            )
          }
        }),
        { numRuns: cases(300) }
      )
    ))

  it.effect("writes nothing for which OpenObserve refuses a request or drops its connection", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(Arbitraries.post, (text) => {
          const encoded = makeEncoder({ types: new Set(["platform", "function", "extension"]) }).encode(text)
          if (encoded.ends.length === 0) return
          const body = requestBody(encoded)
          assert.isArray(body)
          for (const record of body as ReadonlyArray<SerdeJsonValue>) {
            const columns = flatten(record)
            assert.isTrue(columns !== undefined)
            assert.include(["string", "undefined"], typeof columns?.get("_id"))
            assert.isTrue(Number(columns?.get("_timestamp")) >= NOW_MICROS - 5 * 3600e6)
          }
        }),
        { numRuns: runs(500) }
      )
    ))

  it.effect("yields exactly the events before a cut", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(Arbitraries.usualPost, fc.nat(), ({ bytes, ends, events }, at) => {
          const cut = at % (bytes.length + 1)
          const complete = ends.filter((end) => end <= cut).length
          const options = { types: new Set(["platform", "function", "extension"]) }
          const encoded = makeEncoder(options).encode(bytes.subarray(0, cut))
          const expected = makeOracle({ ...defaults, ...options }, identity)(
            Buffer.from(`[${events.slice(0, complete).join(",")}]`),
            NOW
          )
          assert.deepEqual(recordsOf(encoded), expected.records.map(({ fields }) => fields))
          const isInside = cut > (ends[complete - 1] ?? 0) + 1 && cut < bytes.length - 1
          assert.strictEqual(encoded.malformed, isInside ? 1 : 0)
        }),
        { numRuns: runs(1000) }
      )
    ))

  it.effect("survives any damage, and the next post is not affected", () =>
    Effect.sync(() => {
      const good = post(event("function", "fine"), event("function", "fine, too"))
      const damage = fc.array(
        fc.record({
          at: fc.nat(),
          remove: fc.integer({ min: 0, max: 20 }),
          insert: fc.oneof(
            fc.uint8Array({ maxLength: 4 }),
            fc.constantFrom("\"", "\\", "{", "}", "[", "]", ",", ":", "},{", "\u0000").map((text) => Buffer.from(text))
          )
        }),
        { minLength: 1, maxLength: 4 }
      )
      fc.assert(
        fc.property(Arbitraries.post, damage, (text, damages) => {
          let bytes = Buffer.from(text)
          for (const { at, insert, remove } of damages) {
            const from = at % (bytes.length + 1)
            bytes = Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + remove)])
          }
          const encoder = makeEncoder({ preservesOrder: false })
          const encoded = encoder.encode(bytes)
          if (encoded.ends.length > 0) requestBody(encoded)
          assert.strictEqual(encoded.ends.at(-1) ?? 0, encoded.bytes.length)
          assert.deepEqual(encoder.records(good).map(({ record }) => record), ["fine", "fine, too"])
        }),
        { numRuns: runs(1000) }
      )
    }))
})

type SerdeJsonValue = Parameters<typeof flatten>[0]
