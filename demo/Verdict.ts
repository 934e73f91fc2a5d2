/** Whether everything that was written is stored exactly once. Pure. */
import type { TelemetryEvent } from "../src/testing/LambdaEmulator.ts"
import { type Books, isBalanced, isComplete } from "./Books.ts"
import type { Reading, StoredRecord } from "./ReadBack.ts"

/** What is known at the end. */
export interface Evidence {
  /** Everything Lambda created. */
  readonly events: ReadonlyArray<TelemetryEvent>
  /** The lines that the story told the function to write; none for a foreign function. */
  readonly lines: ReadonlyArray<string>
  readonly reading: Reading
  readonly books: Books | undefined
}

/** What became of the lines; all arrays empty is perfect. */
export interface Verdict {
  /** How many lines the function wrote. */
  readonly written: number
  readonly missing: ReadonlyArray<string>
  readonly duplicated: ReadonlyArray<string>
  /** Stored, but never written in this form. */
  readonly altered: ReadonlyArray<string>
  /** What else is wrong: nothing could be read, or the extension's books say something else. */
  readonly others: ReadonlyArray<string>
}

/** The members that Lambda's Node.js runtime puts before what is given to `console`. */
const CONSOLE_PREFIX = /^\d{4}-\d\d-\d\dT[\d:.]+Z\t[^\t]*\t([A-Z]+)\t/

/** A line without the time and request id that its columns say already, and the level that stood between. */
export const withoutPrefix = (record: string): { readonly level: string; readonly text: string } => {
  const level = CONSOLE_PREFIX.exec(record)?.[1] ?? ""
  return { level, text: record.replace(CONSOLE_PREFIX, "").replace(/\n$/, "") }
}

/** A line as it was written; the text of what is no string. */
export const lineOf = (record: unknown): string => typeof record === "string" ? record : JSON.stringify(record)

/** Whether a stored record is a line of the function. */
export const isLine = (record: StoredRecord): boolean => record["type"] === "function"

// `_timestamp` has microseconds that only keep the order; the time of the event has milliseconds
const keyOf = (millis: number, record: unknown): string => `${millis} ${lineOf(record)}`
const writtenKey = ({ record, time }: TelemetryEvent): string => keyOf(Date.parse(time), record)
const storedKey = (record: StoredRecord): string =>
  keyOf(Math.floor(Number(record["_timestamp"]) / 1000), record["record"])

const occurrences = (keys: ReadonlyArray<string>): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

const textOf = (key: string): string => withoutPrefix(key.slice(key.indexOf(" ") + 1)).text

/** Compares what was written with what is stored, line by line. */
export const judge = ({ books, events, lines, reading }: Evidence): Verdict => {
  const stored = reading._tag === "Read" ? reading.records : undefined
  const written = events.filter(({ type }) => type === "function")
  const wanted = occurrences(written.map(writtenKey))
  const found = stored === undefined ? wanted : occurrences(stored.filter(isLine).map(storedKey))
  const missing = [...wanted].flatMap(([key, count]) =>
    Array<string>(Math.max(0, count - (found.get(key) ?? 0))).fill(key)
  )
  const surplus = [...found].filter(([key, count]) => count > (wanted.get(key) ?? 0)).map(([key]) => key)
  return {
    written: written.length,
    missing: [...missing.map(textOf), ...untold(lines, written)],
    duplicated: surplus.filter((key) => wanted.has(key)).map(textOf),
    altered: surplus.filter((key) => !wanted.has(key)).map(textOf),
    others: [
      ...(reading._tag === "Unavailable" ? [`the stored records cannot be read back: ${reading.detail}`] : []),
      ...contradictions(books, stored?.length)
    ]
  }
}

/** Lines of the story that not even Lambda has seen. */
const untold = (lines: ReadonlyArray<string>, written: ReadonlyArray<TelemetryEvent>): ReadonlyArray<string> => {
  const seen = new Set(written.map(({ record }) => withoutPrefix(lineOf(record)).text))
  // an error that is thrown is reported as JSON with more around it
  const thrown = [...seen].filter((text) => text.startsWith("Invoke Error"))
  return lines.filter((line) => !seen.has(line) && !thrown.some((text) => text.includes(line)))
}

const contradictions = (books: Books | undefined, stored: number | undefined): ReadonlyArray<string> => {
  if (books === undefined) return ["the extension did not close its books: it did not end as it should"]
  const { delivered, received } = books
  return [
    ...(isBalanced(books) ? [] : [`the extension's books do not add up: ${received} records received`]),
    ...(stored === undefined || stored === delivered
      ? []
      : [`the extension delivered ${delivered} records, but OpenObserve holds ${stored}`]),
    ...(stored !== undefined || isComplete(books) ? [] : [`only ${delivered} of ${received} records were delivered`])
  ]
}

/** Whether every line arrived exactly once and nothing contradicts that. */
export const isGood = ({ altered, duplicated, missing, others }: Verdict): boolean =>
  [altered, duplicated, missing, others].every((findings) => findings.length === 0)
