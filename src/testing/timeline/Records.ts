/** What is stored, as rows of a table: when, what, of which call. */
import type { StoredRecord } from "../openobserve/Store.ts"
import type { Calls } from "./Calls.ts"

/** One stored record. */
export interface RecordRow {
  /** Epoch ms, `undefined` for a record without `_timestamp`. */
  readonly at: number | undefined
  readonly type: string
  readonly calls: ReadonlyArray<number>
  readonly text: string
  readonly columns: ReadonlyArray<readonly [name: string, value: string]>
}

const textOf = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value) ?? ""

/** Columns that have a place of their own in the row. */
const PLACED = new Set(["_timestamp", "type", "record"])

/** Columns that say the same in every record. */
const commonColumns = (records: ReadonlyArray<StoredRecord>): ReadonlyMap<string, unknown> => {
  const [first, ...others] = records
  if (first === undefined || others.length === 0) return new Map()
  return new Map(
    Object.entries(first).filter(([name, value]) =>
      !PLACED.has(name) && others.every((record) => Object.hasOwn(record, name) && record[name] === value)
    )
  )
}

/** The rows, and what all of them say. */
export const recordRows = (records: ReadonlyArray<StoredRecord>, calls: Calls) => {
  const common = commonColumns(records)
  const rows = records.map((record): RecordRow => {
    const columns = Object.entries(record).filter(([name]) => !PLACED.has(name) && !common.has(name))
      .map(([name, value]) => [name, textOf(value)] as const)
    const { _timestamp: micros, record: line, type } = record
    const at = typeof micros === "number" ? micros / 1000 : undefined
    const named = calls.named(columns.map(([, value]) => value).join("\n"))
    return {
      at,
      type: type === undefined ? "" : textOf(type),
      calls: named.length > 0 ? named : calls.named(textOf(line)),
      text: line === undefined ? columns.map(([name, value]) => `${name}=${value}`).join(" ") : textOf(line),
      columns
    }
  })
  return { rows, common: [...common].map(([name, value]) => [name, textOf(value)] as const) }
}
