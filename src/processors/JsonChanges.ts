/**
 * What has to change in a JSON text so that it says something else: the smallest ranges, so that all the rest stays byte for
 * byte (numbers of 20 digits, `5.0`, escapes, members that stand twice). Pure.
 */
import { CUT, INVALID, JsonScanner } from "../json/JsonScanner.ts"
import { keyOf, type Member, ObjectScanner } from "../json/ObjectScanner.ts"
import type { Change } from "../json/Splice.ts"

const COMMA = 0x2c
const CLOSE_ARRAY = 0x5d

/** A range of bytes that holds one value. */
interface Range {
  readonly start: number
  readonly end: number
}

/**
 * The changes that turn the value in `range` into `after`, in order. `before` is what that value decodes to. Values that
 * JSON does not know become what `JSON.stringify` makes of them.
 */
export const changesOf = (bytes: Buffer, range: Range, before: unknown, after: unknown): ReadonlyArray<Change> => {
  if (Object.is(before, after)) return []
  if (isPlainObject(before) && isPlainObject(after)) return changesOfObject(bytes, range, before, after)
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return elementsOf(bytes, range).flatMap((element, index) => changesOf(bytes, element, before[index], after[index]))
  }
  return [{ ...range, text: JSON.stringify(after) ?? "null" }]
}

type Members = Readonly<Record<string, unknown>>

const isPlainObject = (value: unknown): value is Members => {
  if (typeof value !== "object" || value === null || "toJSON" in value) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const changesOfObject = (bytes: Buffer, range: Range, before: Members, after: Members): ReadonlyArray<Change> => {
  const members = membersIn(bytes, range)
  const keys = members.map((member) => keyOf(bytes, member))
  const plans = members.map(({ valueEnd, valueStart }, index) => {
    const key = keys[index]!
    if (!Object.hasOwn(after, key) || JSON.stringify(after[key]) === undefined) return "remove"
    const changes = changesOf(bytes, { start: valueStart, end: valueEnd }, before[key], after[key])
    // of several equal keys the last one counts: the others would still tell what was changed
    return keys.indexOf(key, index + 1) < 0 ? changes : changes.length > 0 ? "remove" : []
  })
  const lastKept = plans.findLastIndex((plan) => plan !== "remove")
  const changes = plans.slice(0, lastKept + 1).flatMap((plan, index): ReadonlyArray<Change> =>
    plan === "remove" ? [{ start: members[index]!.keyStart, end: members[index + 1]!.keyStart, text: "" }] : plan
  )
  const added = Object.entries(after).flatMap(([key, value]) => {
    const text = JSON.stringify(value)
    return keys.includes(key) || text === undefined ? [] : [`${JSON.stringify(key)}:${text}`]
  })
  if (lastKept === members.length - 1 && added.length === 0) return changes
  const start = members[lastKept]?.valueEnd ?? range.start + 1
  const text = added.length === 0 ? "" : `${lastKept < 0 ? "" : ","}${added.join(",")}`
  return [...changes, { start, end: members.at(-1)?.valueEnd ?? start, text }]
}

/** The members of the object in a range, in the same bytes. */
const membersIn = (bytes: Buffer, { end, start }: Range): ReadonlyArray<Member> => {
  const scanner = new ObjectScanner(bytes.subarray(start, end))
  scanner.next()
  return scanner.members.map(({ depth, keyEnd, keyStart, valueEnd, valueStart }) => ({
    keyStart: keyStart + start,
    keyEnd: keyEnd + start,
    valueStart: valueStart + start,
    valueEnd: valueEnd + start,
    depth
  }))
}

const elementsOf = (bytes: Buffer, { start }: Range): ReadonlyArray<Range> => {
  const scanner = new JsonScanner(bytes)
  const elements: Array<Range> = []
  let at = scanner.space(start + 1)
  while (bytes[at] !== CLOSE_ARRAY) {
    const end = scanner.value(at)
    if (end === CUT || end === INVALID) break
    elements.push({ start: at, end })
    at = scanner.space(end)
    if (bytes[at] === COMMA) at = scanner.space(at + 1)
  }
  return elements
}
