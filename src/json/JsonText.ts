/**
 * Finds its way in text that is known to be JSON: nothing is checked, and nothing built that is not asked for. Pure. Where
 * bytes have to be checked, `JsonScanner` does it.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const SPACE = 0x20

/** Where a value stands. */
export interface TextRange {
  readonly start: number
  readonly end: number
}

/** A member of an object: its key, where that begins, and where its value stands. */
export interface TextMember extends TextRange {
  readonly key: string
  readonly keyStart: number
}

/** Text that takes the place of a range. */
export interface TextChange extends TextRange {
  readonly text: string
}

/** The text with changes, which are in order and do not overlap: what is not changed stays as it is. */
export const withChanges = (text: string, changes: Iterable<TextChange>): string => {
  let changed = ""
  let at = 0
  for (const change of changes) {
    changed += text.slice(at, change.start) + change.text
    at = change.end
  }
  return changed + text.slice(at)
}

/** The offset behind white space. */
export const spaceEnd = (text: string, from: number): number => {
  let at = from
  while (text.charCodeAt(at) <= SPACE) at++
  return at
}

/** The offset behind the string whose opening quote is at `start`. */
export const stringEnd = (text: string, start: number): number => {
  let at = start
  for (;;) {
    at = text.indexOf("\"", at + 1)
    if (at < 0) return text.length
    let before = at - 1
    while (text.charCodeAt(before) === BACKSLASH) before--
    // backslashes in pairs stand for themselves
    if ((at - before) % 2 === 1) return at + 1
  }
}

/** The offset behind the value that begins at `start`. */
export const valueEnd = (text: string, start: number): number => {
  let at = start
  let open = 0
  while (at < text.length) {
    const character = text.charCodeAt(at)
    if (character === QUOTE) {
      at = stringEnd(text, at)
      if (open === 0) return at
      continue
    }
    if (character === OPEN_OBJECT || character === OPEN_ARRAY) open++
    else if (character === CLOSE_OBJECT || character === CLOSE_ARRAY) {
      // that of what a scalar stands in
      if (open === 0) return at
      if (--open === 0) return at + 1
    } else if (open === 0 && (character === COMMA || character <= SPACE)) return at
    at++
  }
  return at
}

/** The string in a range. */
export const decoded = (text: string, { end, start }: TextRange): string => {
  const inside = text.slice(start + 1, end - 1)
  return inside.includes("\\") ? JSON.parse(text.slice(start, end)) as string : inside
}

/** The members of the object that begins at `start`, one after the other. */
export function* membersOf(text: string, start: number): Generator<TextMember, void> {
  let at = spaceEnd(text, start + 1)
  while (text.charCodeAt(at) === QUOTE) {
    const keyStart = at
    const keyEnd = stringEnd(text, at)
    const valueStart = spaceEnd(text, spaceEnd(text, keyEnd) + 1)
    const end = valueEnd(text, valueStart)
    yield { key: decoded(text, { start: keyStart, end: keyEnd }), keyStart, start: valueStart, end }
    at = spaceEnd(text, end)
    if (text.charCodeAt(at) === COMMA) at = spaceEnd(text, at + 1)
  }
}

/** The elements of the array that begins at `start`. */
export const elementsOf = (text: string, start: number): ReadonlyArray<TextRange> => {
  const elements: Array<TextRange> = []
  let at = spaceEnd(text, start + 1)
  while (at < text.length && text.charCodeAt(at) !== CLOSE_ARRAY) {
    const end = valueEnd(text, at)
    elements.push({ start: at, end })
    at = spaceEnd(text, end)
    if (text.charCodeAt(at) === COMMA) at = spaceEnd(text, at + 1)
  }
  return elements
}
