/** Finds what must not be stored in a record, and what takes its place. Pure. */
import { JsonScanner } from "../json/JsonScanner.ts"
import type { Change } from "../json/Splice.ts"

/** What is to be hidden. */
export interface RedactionRules {
  /** What is searched in the decoded text of every string, at any depth. */
  readonly patterns: ReadonlyArray<RegExp | string>
  /** Names of members whose values are hidden at any depth, in lower case. */
  readonly fields: ReadonlySet<string>
  readonly replacement: string
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/** The changes that hide everything in a record, in order. */
export const redactionsIn = (
  bytes: Buffer,
  { fields, patterns, replacement }: RedactionRules
): ReadonlyArray<Change> => {
  const scanner = new JsonScanner(bytes)
  const changes: Array<Change> = []
  const hidden = JSON.stringify(replacement)
  for (let at = bytes.indexOf(QUOTE); at >= 0; at = bytes.indexOf(QUOTE, at)) {
    const start = at
    const end = at = scanner.string(start)
    // what an encoder wrote is JSON
    if (end < 0) break
    const behind = scanner.space(end)
    if (bytes[behind] === COLON) {
      if (fields.size === 0 || !fields.has(decoded(bytes, start, end).toLowerCase())) continue
      const valueStart = scanner.space(behind + 1)
      at = scanner.value(valueStart)
      changes.push({ start: valueStart, end: at, text: hidden })
    } else if (patterns.length > 0) {
      const text = decoded(bytes, start, end)
      const replaced = patterns.reduce<string>((rest, pattern) => rest.replaceAll(pattern, () => replacement), text)
      if (replaced !== text) changes.push({ start, end, text: JSON.stringify(replaced.toWellFormed()) })
    }
  }
  return changes
}

const decoded = (bytes: Buffer, start: number, end: number): string => {
  const inside = bytes.subarray(start + 1, end - 1)
  return inside.includes(BACKSLASH)
    ? JSON.parse(bytes.toString("utf8", start, end)) as string
    : inside.toString("utf8")
}
