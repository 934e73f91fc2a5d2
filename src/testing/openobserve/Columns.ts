/** Column types of a stream: they only ever get wider, and what was stored earlier reads back in the wider type. */
import type { FlatRecord, Scalar } from "./Flatten.ts"
import { stringifyDouble } from "./JsonText.ts"
import { JsonNumber } from "./JsonValue.ts"

/** The Arrow types a log column can have. */
export type ColumnType = "Boolean" | "Int64" | "UInt64" | "Float64" | "Utf8"

/** The columns of a stream or of a batch. */
export type Columns = Map<string, ColumnType>

/** A value as a search answer carries it; integers beyond 2^53 are bigints. */
export type ColumnValue = boolean | string | number | bigint

const WIDTH: Readonly<Record<ColumnType, number>> = { Boolean: 0, Int64: 1, UInt64: 2, Float64: 3, Utf8: 4 }

const I64_MAX = 2n ** 63n - 1n

const typeOf = (value: Exclude<Scalar, null>): ColumnType => {
  if (typeof value === "string") return "Utf8"
  if (typeof value === "boolean") return "Boolean"
  if (typeof value === "number") return "Int64"
  if (typeof value === "bigint") return value > I64_MAX ? "UInt64" : "Int64"
  return value.isFloat ? "Float64" : "Utf8"
}

/** The given columns widened so that they also hold these records; nulls make no column. */
export const widen = (columns: Columns, records: ReadonlyArray<FlatRecord>): Columns => {
  const wider = new Map(columns)
  for (const record of records) {
    for (const [name, value] of record) {
      if (value === null) continue
      const type = typeOf(value)
      const known = wider.get(name)
      if (known === undefined || WIDTH[known] < WIDTH[type]) wider.set(name, type)
    }
  }
  return wider
}

/** Whether two sets of columns differ in a name or a type. */
export const differ = (a: Columns, b: Columns): boolean =>
  a.size !== b.size || [...a].some(([name, type]) => b.get(name) !== type)

/** Reads a stored value in the type its column has by now. */
export const read = (value: Exclude<Scalar, null>, type: ColumnType): ColumnValue => {
  switch (type) {
    case "Utf8":
      return value instanceof JsonNumber ? numberAsText(value) : String(value)
    case "Float64":
      return Number(value instanceof JsonNumber ? value.text : value)
    case "Int64":
    case "UInt64":
      return typeof value === "boolean" ? Number(value) : plain(value)
    case "Boolean":
      return plain(value)
  }
}

const plain = (value: Exclude<Scalar, null>): ColumnValue => value instanceof JsonNumber ? Number(value.text) : value

/** Integers beyond u64 read as "1.8446744073709552e19", and what is no finite double as "" (observed on v0.91.5). */
const numberAsText = (value: JsonNumber): string => {
  const double = Number(value.text)
  return Number.isFinite(double) ? stringifyDouble(double) : ""
}
