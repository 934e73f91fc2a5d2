/** `POST /api/{org}/_search`: enough of it to read back what was stored, visible at once. */
import * as Result from "effect/Result"
import { type Answer, failure, json, jsonText } from "./Answer.ts"
import { stringifyFlat } from "./JsonText.ts"
import { type Condition, parseSql, type Query } from "./Sql.ts"
import type { Store, StoredRecord } from "./Store.ts"

/** Default of ZO_QUERY_DEFAULT_LIMIT. */
const DEFAULT_SIZE = 1000

/** `SELECT *` returns at most this many columns, the first ones by name (observed on v0.91.5). */
const MAX_SELECTED_COLUMNS = 500

// Error codes of the server's search API.
const SQL_ERROR = 20001
const STREAM_NOT_FOUND = 20002
const EXECUTE_ERROR = 20008
const INVALID_PARAMETERS = 20011

const refused = (code: number, message: string): Answer => json(400, { code, message, error_detail: "", trace_id: "" })

/** Answers a search. */
export const search = (store: Store, organization: string, body: Uint8Array): Answer => {
  const request = Result.try((): unknown => JSON.parse(Buffer.from(body).toString("utf8")))
  if (Result.isFailure(request)) return failure(400, String(request.failure))
  const query = property(request.success, "query")
  const sql = property(query, "sql")
  const start = property(query, "start_time")
  const end = property(query, "end_time")
  if (typeof sql !== "string" || !isTime(start) || !isTime(end)) {
    return refused(INVALID_PARAMETERS, "Search SQL execute error: sql, start_time and end_time are required")
  }
  const parsed = parseSql(sql)
  if (Result.isFailure(parsed)) return refused(SQL_ERROR, `Search SQL not valid: ${parsed.failure}`)
  const { limit, order, select, stream, where } = parsed.success
  if (!store.hasStream(organization, stream)) {
    return refused(STREAM_NOT_FOUND, `Search stream not found: ${stream}`)
  }

  const columns = store.columns(organization, stream)
  const from = toCount(property(query, "from"), 0)
  const size = toCount(property(query, "size"), DEFAULT_SIZE)
  const matching = store.records(organization, stream).filter((record) => {
    const time = Number(record["_timestamp"])
    return time >= start && time < end && where.every((condition) => holds(condition, record))
  })
  // arithmetic is all that fails on a column that has become text (observed on v0.91.5)
  if (typeof select === "object" && "sum" in select && columns.get(select.sum) === "Utf8") {
    return refused(EXECUTE_ERROR, "Search SQL execute error")
  }
  const hits = typeof select === "object" && "count" in select
    ? [{ [select.count]: matching.length }]
    : typeof select === "object" && "sum" in select
    ? [{ [select.alias]: matching.reduce((sum, record) => sum + Number(record[select.sum] ?? 0), 0) }]
    : sorted(matching, order)
      .slice(from, from + Math.min(size, limit ?? size))
      .map(projection(store, organization, stream, select))
  const tail = { total: hits.length, from, size, cached_ratio: 0, scan_size: 0, scan_records: matching.length }
  const rest = JSON.stringify({ ...tail, is_partial: false, function_error: [] }).slice(1)
  return jsonText(200, `{"took":1,"hits":[${hits.map(stringifyFlat).join(",")}],${rest}`)
}

const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

const isTime = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value) && value !== 0

const toCount = (value: unknown, otherwise: number): number =>
  typeof value === "number" && value >= 0 ? Math.trunc(value) : otherwise

const holds = ({ column, operator, value }: Condition, record: StoredRecord): boolean => {
  const stored = record[column]
  if (stored === undefined) return false
  const order = typeof value === "number" && typeof stored !== "string"
    ? Number(stored) - value
    : compare(String(stored), String(value))
  switch (operator) {
    case "=":
      return order === 0
    case "<":
      return order < 0
    case "<=":
      return order <= 0
    case ">":
      return order > 0
    case ">=":
      return order >= 0
    default:
      return order !== 0
  }
}

const compare = (a: string | number, b: string | number): number => a < b ? -1 : a > b ? 1 : 0

/** Records of one instant stay in order of arrival in both directions (observed on v0.91.5). */
const sorted = (records: ReadonlyArray<StoredRecord>, { column, isDescending }: Query["order"]) => {
  const rank = (record: StoredRecord) => {
    const value = record[column]
    return typeof value === "string" ? value : Number(value)
  }
  return records.toSorted((a, b) => isDescending ? compare(rank(b), rank(a)) : compare(rank(a), rank(b)))
}

const projection = (store: Store, organization: string, stream: string, select: "*" | ReadonlyArray<string>) => {
  const columns = select === "*"
    ? [...store.columns(organization, stream).keys()].sort().slice(0, MAX_SELECTED_COLUMNS)
    : select
  return (record: StoredRecord): StoredRecord => {
    if (select === "*" && columns.length < MAX_SELECTED_COLUMNS) return record
    return Object.fromEntries(columns.filter((name) => record[name] !== undefined).map((name) => [name, record[name]]))
  }
}
