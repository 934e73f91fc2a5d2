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

/** Columns that most records have, with one value in all of them. */
const commonColumns = (records: ReadonlyArray<StoredRecord>): ReadonlyMap<string, unknown> => {
  const seen = new Map<string, { readonly value: unknown; count: number; isSame: boolean }>()
  for (const record of records) {
    for (const [name, value] of Object.entries(record)) {
      const column = seen.get(name)
      if (column === undefined) seen.set(name, { value, count: 1, isSame: true })
      else {
        column.count += 1
        column.isSame &&= column.value === value
      }
    }
  }
  const isCommon = (count: number) => count > 1 && count > records.length / 2
  return new Map(
    [...seen].flatMap(([name, { count, isSame, value }]) =>
      isSame && isCommon(count) && !PLACED.has(name) ? [[name, value]] : []
    )
  )
}

/** The rows, and what most of them say alike. */
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
