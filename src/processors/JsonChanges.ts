/**
 * What has to change in a JSON text so that it says something else: the smallest ranges, so that all the rest stays as it is
 * written (numbers of 20 digits, `5.0`, escapes, members that stand twice). Pure.
 */
import { elementsOf, membersOf, type TextChange, type TextRange } from "../json/JsonText.ts"

type Members = Readonly<Record<string, unknown>>

/** Whether a value is written as an object of its members: neither `Date`, `Map` or promise, nor what says so itself. */
export const isObject = (value: unknown): value is Members =>
  Object.prototype.toString.call(value) === "[object Object]" && !hasToJson(value as object)

/** Whether a value says itself how it is written. */
export const hasToJson = (value: object): value is { readonly toJSON: () => unknown } =>
  "toJSON" in value && typeof value.toJSON === "function"

/**
 * The changes that turn the value in `range` into `after`, in order; `undefined` when JSON has nothing for `after`. `before` is
 * what the value decodes to. Values that JSON does not know become what `JSON.stringify` makes of them.
 */
export const changesOf = (
  text: string,
  range: TextRange,
  before: unknown,
  after: unknown
): ReadonlyArray<TextChange> | undefined => {
  if (isSame(before, after)) return []
  if (isObject(before) && isObject(after)) return changesOfObject(text, range, before, after)
  if (Array.isArray(before) && Array.isArray(after)) return changesOfArray(text, range, before, after)
  const written = JSON.stringify(after)
  return written === undefined ? undefined : replaced(text, range, written)
}

/** Writes a value in the place of another, unless that is written so already. */
const replaced = (text: string, { end, start }: TextRange, written: string): ReadonlyArray<TextChange> =>
  text.slice(start, end) === written ? [] : [{ start, end, text: written }]

/** Whether nothing has changed. What a text decodes to has an end, and so has this. */
const isSame = (before: unknown, after: unknown): boolean => {
  if (before === after) return true
  if (Array.isArray(before)) {
    return Array.isArray(after) && before.length === after.length &&
      before.every((element, index) => isSameElement(element, after[index]))
  }
  if (!isObject(before) || !isObject(after)) return false
  const keys = Object.keys(before)
  return keys.length === Object.keys(after).filter((key) => isSeen(after[key])).length &&
    keys.every((key) => has(after, key) && isSame(before[key], after[key]))
}

/** What JSON has nothing for is null in an array. */
const isSameElement = (before: unknown, after: unknown): boolean => isSame(before, isSeen(after) ? after : null)

/** Whether JSON has something for a value that does not say so itself. */
const isSeen = (value: unknown): boolean => !["undefined", "function", "symbol"].includes(typeof value)

/** Whether JSON sees a member. */
const has = (object: Members, key: string): boolean => Object.prototype.propertyIsEnumerable.call(object, key)

const changesOfObject = (
  text: string,
  range: TextRange,
  before: Members,
  after: Members
): ReadonlyArray<TextChange> => {
  const added = Object.keys(after).flatMap((key) => {
    const written = has(before, key) ? undefined : JSON.stringify(after[key])
    return written === undefined ? [] : [`${JSON.stringify(key)}:${written}`]
  })
  const keys = Object.keys(before)
  if (keys.length > 0 && keys.every((key) => has(after, key) && isSame(before[key], after[key]))) {
    if (added.length === 0) return []
    // nobody has to look for what is there
    const at = text.slice(range.start, range.end - 1).trimEnd().length + range.start
    return [{ start: at, end: at, text: added.map((member) => `,${member}`).join("") }]
  }
  const members = [...membersOf(text, range.start)]
  // of several equal keys the last one counts
  const last = new Map(members.map((member) => [member.key, member]))
  const planned = new Map(
    [...last].map((
      [key, member]
    ) => [key, has(after, key) ? changesOf(text, member, before[key], after[key]) : undefined])
  )
  const plans = members.map((member) => {
    const plan = planned.get(member.key)
    // the others would still tell what was changed
    return last.get(member.key) === member || plan?.length === 0 ? plan : undefined
  })
  const lastKept = plans.findLastIndex((plan) => plan !== undefined)
  const changes = plans.slice(0, lastKept + 1).flatMap((plan, index) =>
    plan ?? [{ start: members[index]!.keyStart, end: members[index + 1]!.keyStart, text: "" }]
  )
  return [...changes, ...tail(range, members, lastKept, added)]
}

/**
 * Elements in their places; where there are more or fewer of them, those at the end that are the same belong together: what
 * is added or taken away stands before them.
 */
const changesOfArray = (
  text: string,
  range: TextRange,
  before: ReadonlyArray<unknown>,
  after: ReadonlyArray<unknown>
): ReadonlyArray<TextChange> => {
  const elements = elementsOf(text, range.start)
  const shorter = Math.min(before.length, after.length)
  let first = 0
  while (first < shorter && isSameElement(before[first], after[first])) first++
  let same = 0
  if (before.length !== after.length) {
    while (same < shorter - first && isSameElement(before.at(-1 - same), after.at(-1 - same))) same++
  }
  const changes = elements.slice(first, shorter - same).flatMap((element, index) =>
    changesOf(text, element, before[first + index], after[first + index]) ?? replaced(text, element, "null")
  )
  const kept = shorter - same
  const added = after.slice(kept, after.length - same).map((value) => JSON.stringify(value) ?? "null")
  const middle = elements.slice(0, elements.length - same)
  // with something behind it, what is put in or taken out has its comma there
  if (same === 0) return [...changes, ...tail(range, middle, kept - 1, added)]
  const start = elements[kept]!.start
  return [...changes, {
    start,
    end: elements[elements.length - same]!.start,
    text: added.map((value) => `${value},`).join("")
  }]
}

/** The change that leaves nothing behind the last item that is kept, but what is added. */
const tail = (
  { start: opening }: TextRange,
  items: ReadonlyArray<TextRange>,
  lastKept: number,
  added: ReadonlyArray<string>
): ReadonlyArray<TextChange> => {
  if (lastKept === items.length - 1 && added.length === 0) return []
  const start = items[lastKept]?.end ?? opening + 1
  const text = added.length === 0 ? "" : `${lastKept < 0 ? "" : ","}${added.join(",")}`
  return [{ start, end: items.at(-1)?.end ?? start, text }]
}
