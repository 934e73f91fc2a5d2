/** One batch on its way into a stream: flatten, timestamp, columns, counters, in this order. */
import * as Columns from "./Columns.ts"
import { type FlatRecord, flatten } from "./Flatten.ts"
import type { JsonValue } from "./JsonValue.ts"
import type { Store } from "./Store.ts"
import { parseTimestamp } from "./Timestamp.ts"

/** Where a batch goes and under which rules. */
export interface Target {
  readonly organization: string
  /** The normalised name. */
  readonly stream: string
  /** ZO_COLS_PER_RECORD_LIMIT, counted over the whole batch. */
  readonly columnLimit: number
  /** False when the server only says that it kept the batch. */
  readonly keeps: boolean
  /** Records with this text in a value are refused. */
  readonly refuses: string | undefined
}

/** What the answer says about a batch; `error` is the last refusal's text. */
export interface Counters {
  readonly successful: number
  readonly failed: number
  readonly error: string | undefined
}

/** Default of ZO_INGEST_ALLOWED_UPTO. */
const ALLOWED_PAST_HOURS = 5
/** Default of ZO_INGEST_ALLOWED_IN_FUTURE. */
const ALLOWED_FUTURE_HOURS = 24

const MICROS_PER_HOUR = 3_600_000_000

const HINT = "Data discarded. You can adjust ingestion max time by setting the environment variable"
const NOT_AN_OBJECT = "flatten value must be an object"
const UNREADABLE_TIME = "Can't parse timestamp"
const TOO_OLD =
  `Too old data, only last ${ALLOWED_PAST_HOURS} hours data can be ingested. ${HINT} ZO_INGEST_ALLOWED_UPTO=<max_hours>`
const TOO_FAR =
  `Too far data, only future ${ALLOWED_FUTURE_HOURS} hours data can be ingested. ${HINT} ZO_INGEST_ALLOWED_IN_FUTURE=<max_hours>`

const ANCHOR = (Date.now() - performance.now()) * 1000

/** Microseconds since 1970; never beside the wall clock's millisecond, and never backwards while that is not. */
const nowMicros = (): number => {
  const millisecond = Date.now() * 1000
  return Math.floor(Math.min(Math.max(ANCHOR + performance.now() * 1000, millisecond), millisecond + 999))
}

/** Stores a batch; `"panic"` when the server would crash on it and drop the connection. */
export const ingest = (store: Store, target: Target, values: ReadonlyArray<JsonValue>): Counters | "panic" => {
  const { organization, stream } = target
  const startedAt = nowMicros()
  const accepted: Array<FlatRecord> = []
  let error: string | undefined
  for (const value of values) {
    const record = flatten(value)
    const refusal = record === undefined ? NOT_AN_OBJECT : refuse(record, target.refuses) ?? stamp(record, startedAt)
    if (refusal !== undefined) error = refusal
    else if (record !== undefined) accepted.push(record)
  }
  const failed = values.length - accepted.length
  if (accepted.length === 0) return { successful: 0, failed, error }

  const known = store.columns(organization, stream)
  // Too many columns: the whole batch is dropped and no counter says so.
  if (
    Columns.widen(new Map(), accepted).size > target.columnLimit &&
    Columns.differ(known, Columns.widen(known, accepted))
  ) return { successful: 0, failed, error }
  store.evolve(organization, stream, accepted)

  // v0.91.5 unwraps `_id` as a string; the stream exists afterwards, without any record of this batch.
  if (accepted.some((record) => record.has("_id") && typeof record.get("_id") !== "string")) return "panic"

  if (target.keeps) store.append(organization, stream, accepted)
  return { successful: accepted.length, failed, error }
}

/** The reason to refuse a record that a test has marked. */
const refuse = (record: FlatRecord, mark: string | undefined): string | undefined =>
  mark !== undefined && [...record.values()].some((value) => typeof value === "string" && value.includes(mark))
    ? `refused for "${mark}"`
    : undefined

/** Sets `_timestamp` in microseconds; answers with the reason when the record is refused. */
const stamp = (record: FlatRecord, startedAt: number): string | undefined => {
  const sent = record.get("_timestamp") ?? null
  const micros = sent === null ? nowMicros() : parseTimestamp(sent, nowMicros())
  if (micros === undefined) return UNREADABLE_TIME
  if (micros < startedAt - ALLOWED_PAST_HOURS * MICROS_PER_HOUR) return TOO_OLD
  if (micros > startedAt + ALLOWED_FUTURE_HOURS * MICROS_PER_HOUR) return TOO_FAR
  record.set("_timestamp", micros)
  return undefined
}
