import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { keyOf, type Member, ObjectScanner } from "../../../src/json/ObjectScanner.ts"
import { JsonScanner } from "../../../src/json/JsonScanner.ts"
import * as Processor from "../../../src/processors/Processor.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import { cases, runs } from "../../support/fuzzing.ts"
import { canonical, processOne, recordText, recordTextsOf } from "../../support/processorFixtures.ts"

// --- Edits -------------------------------------------------------------------

/** A change at some place: where it leads is chosen by numbers, as far as the value goes. */
interface Edit {
  readonly path: ReadonlyArray<number>
  readonly kind: "set" | "add" | "remove" | "insert" | "again"
  readonly key: string
  readonly value: unknown
}

const edit: fc.Arbitrary<Edit> = fc.record({
  path: fc.array(fc.nat(5), { maxLength: 3 }),
  kind: fc.constantFrom("set", "add", "remove", "insert", "again"),
  key: fc.oneof(
    fc.constantFrom("added", "a b", "\"", "1", "record", "type"),
    fc.string({ unit: "grapheme", maxLength: 3 })
  ),
  value: fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(undefined, {}, [], new Date(0), -0))
})

const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const keysOf = (container: object): ReadonlyArray<string> =>
  Object.keys(container).filter((key) => key !== "_timestamp")

/** Changes what it is given in place. */
const applyEdit = (fields: Record<string, unknown>, { key, kind, path, value: given }: Edit): void => {
  // what is put in may be changed there
  const value: unknown = structuredClone(given)
  let container: Record<string, unknown> = fields
  let at: string | undefined
  for (const step of path) {
    const keys = keysOf(container)
    if (keys.length === 0) break
    at = keys[step % keys.length]!
    const next = container[at]
    if (!isContainer(next)) break
    container = next
    at = undefined
  }
  const keys = keysOf(container)
  const target = at ?? keys[0]
  // members whose keys would be stored otherwise have tests of their own
  const isSafe = !/^[^a-z0-9]*(id|timestamp)?$/i.test(key)
  if (Array.isArray(container)) {
    const index = Number(target ?? 0)
    if (kind === "remove") container.splice(index, 1)
    else if (kind === "insert") container.splice(index, 0, value)
    else if (kind === "add") container.push(value)
    else if (target !== undefined) container[index] = value
  } else if (kind === "remove" && target !== undefined) delete container[target]
  else if (kind === "add" && isSafe) container[key] = value
  else if (kind === "again" && target !== undefined) container[target] = structuredClone(container[target])
  else if (target !== undefined) {
    Object.defineProperty(container, target, { value, enumerable: true, configurable: true, writable: true })
  }
}

const edited = (fields: Record<string, unknown>, edits: ReadonlyArray<Edit>) => {
  for (const one of edits) applyEdit(fields, one)
  return fields
}

// --- What stands where -------------------------------------------------------

/** Every value that has not changed, written as it was: where one has, what is inside of it is looked at. */
const assertKept = (before: string, after: string): void => {
  const [old, now] = [JSON.parse(before) as unknown, JSON.parse(after) as unknown]
  if (isSame(old, now)) {
    assert.strictEqual(after, before)
  } else if (Array.isArray(old) && Array.isArray(now)) {
    const [one, other] = [elementsOf(before), elementsOf(after)]
    if (one.length === other.length) one.forEach((text, index) => assertKept(text, other[index]!))
    else if (one.length < other.length && isBeginning(old, now)) assert.deepStrictEqual(other.slice(0, one.length), one)
  } else if (isContainer(old) && isContainer(now) && !Array.isArray(old) && !Array.isArray(now)) {
    for (const key of Object.keys(old)) {
      if (!Object.hasOwn(now, key)) continue
      const [one, other] = [valuesOf(before, key), valuesOf(after, key)]
      if (isSame(old[key], now[key])) assert.deepStrictEqual(other, one)
      else assertKept(one.at(-1)!, other.at(-1)!)
    }
  }
}

const isBeginning = (one: ReadonlyArray<unknown>, other: ReadonlyArray<unknown>): boolean =>
  isSame(one, other.slice(0, one.length))

const isSame = (one: unknown, other: unknown): boolean => exactly(one) === exactly(other)

/** In a form that tells what is too large for a number from what is nothing. */
const exactly = (value: unknown): string =>
  JSON.stringify(canonical(value, (number) => Math.abs(number) === Infinity ? "too large" : number))

const membersOf = (text: string): { readonly bytes: Buffer; readonly members: ReadonlyArray<Member> } => {
  const scanner = new ObjectScanner(Buffer.from(text))
  scanner.next()
  return scanner
}

/** Each value that stands under a key, however often. */
const valuesOf = (text: string, key: string): ReadonlyArray<string> => {
  const { bytes, members } = membersOf(text)
  return members.filter((member) => keyOf(bytes, member) === key)
    .map(({ valueEnd, valueStart }) => bytes.toString("utf8", valueStart, valueEnd))
}

const elementsOf = (text: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(text)
  const scanner = new JsonScanner(bytes)
  const elements: Array<string> = []
  for (let at = scanner.space(1); bytes[at] !== 0x5d; at = scanner.space(at)) {
    if (bytes[at] === 0x2c) at = scanner.space(at + 1)
    const end = scanner.value(at)
    elements.push(bytes.toString("utf8", at, end))
    at = end
  }
  return elements
}

// --- Tests -------------------------------------------------------------------

describe("Processor.map", () => {
  it.effect("gives what the function answers, and leaves as it is written what has not changed", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(
          Arbitraries.jsonValue,
          fc.array(edit, { maxLength: 4 }),
          fc.boolean(),
          (value, edits, isInPlace) => {
            const [before] = recordTextsOf(`[{"type":"function","record":${value},"a":{"b":[1.0,{"c":1e2}]}}]`)
            const { failures, json } = processOne([
              Processor.map((fields) => edited(isInPlace ? fields : structuredClone(fields), edits))
            ], before!)
            assert.strictEqual(failures, 0)
            const expected: unknown = JSON.parse(JSON.stringify(edited(JSON.parse(before!), edits)))
            assert.deepStrictEqual(canonical(JSON.parse(json!)), canonical(expected))
            assertKept(before!, json!)
          }
        ),
        { numRuns: cases(1000) }
      )
    ))

  it.effect("changes nothing in any record when nothing has changed", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(Arbitraries.post, (text) => {
          for (const before of recordTextsOf(text)) {
            for (
              const change of [
                (fields: Record<string, unknown>) => fields,
                (fields: Record<string, unknown>) => structuredClone(fields)
              ]
            ) {
              const { failures, json } = processOne([Processor.map(change)], before)
              assert.strictEqual(json, before)
              assert.strictEqual(failures, 0)
            }
          }
        }),
        { numRuns: runs(300) }
      )
    ))

  it.effect("reads members by themselves as it reads them all", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(Arbitraries.post, (text) => {
          for (const before of recordTextsOf(text)) {
            const fields = JSON.parse(before) as Record<string, unknown>
            const text = (name: string) => typeof fields[name] === "string" ? fields[name] : undefined
            const { failures } = processOne([
              Processor.filter((record) => {
                assert.deepStrictEqual(
                  [record.type, record.requestId, record.line, record.json],
                  [text("type") ?? "", text("requestId"), text("record"), before]
                )
                assert.deepStrictEqual(record.fields, fields)
                return true
              })
            ], before)
            assert.strictEqual(failures, 0)
          }
        }),
        { numRuns: runs(300) }
      )
    ))

  it.effect("never writes what OpenObserve refuses, whatever it is answered", () =>
    Effect.sync(() =>
      fc.assert(
        fc.property(
          fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true }),
          (answer) => {
            const before = recordText("\"text\"")
            const { failures, json } = processOne([Processor.map(() => answer as Record<string, unknown>)], before)
            if (failures > 0) return assert.strictEqual(json, before)
            assert.strictEqual((JSON.parse(json!) as Record<string, unknown>)["_timestamp"], 1795355474111000)
            assert.match(json!, /^\{"_timestamp":1795355474111000[,}]/)
          }
        ),
        { numRuns: runs(1000) }
      )
    ))
})
