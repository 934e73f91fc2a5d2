/** What embedders have done to records on their way: changed, dropped, hidden in part, sent to another stream. */
import { splice } from "../json/Splice.ts"
import { columnName, storableKey } from "../openobserve/ColumnName.ts"
import { changesOf } from "./JsonChanges.ts"
import { redactionsIn } from "./Redaction.ts"
import type { RecordFields, RecordView, TelemetryRecord } from "./TelemetryRecord.ts"

/** What a processor makes of a record; `undefined`: it stays as it is. */
export type Outcome =
  | { readonly _tag: "Changed"; readonly bytes: Buffer }
  | { readonly _tag: "Dropped" }
  | { readonly _tag: "Routed"; readonly stream: string }
  | undefined

/**
 * One step of what is done to each record between encoding and buffer. Steps are synchronous, and run for every line that
 * the function writes. One that throws costs the record nothing: it goes on as it was, and the failure is counted
 * (`processorFailures` in the ledger) and warned of once a minute at most.
 *
 * @since 0.2.0
 * @category models
 */
export interface Processor {
  /** Streams besides those of the settings to which records may be sent. */
  readonly streams: ReadonlyArray<string>
  /** @internal */
  readonly apply: (record: RecordView) => Outcome
}

const local = (apply: Processor["apply"]): Processor => ({ streams: [], apply })

/**
 * Changes members. What the function answers becomes the record: members that are absent or `undefined` there are removed.
 * What is not changed stays byte for byte, also inside of objects. `_timestamp` stays what it is.
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * ```ts
 * import * as Processor from "o2-lambda-extension/Processor"
 *
 * const withTeam = Processor.map((fields) => ({ ...fields, team: "checkout" }))
 * ```
 */
export const map = (change: (fields: RecordFields, record: TelemetryRecord) => RecordFields): Processor =>
  local((record) => {
    const before = record.decode()
    // what is handed out may be changed in place
    const after = storable(change(record.decode(), record))
    const changes = changesOf(record.bytes, { start: 0, end: record.bytes.length }, before, {
      ...after,
      _timestamp: before["_timestamp"]
    })
    return changes.length === 0
      ? undefined
      : { _tag: "Changed", bytes: splice(record.bytes, 0, record.bytes.length, changes) }
  })

/** The fields under keys that OpenObserve can store. */
const storable = (fields: RecordFields): RecordFields =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([key, value]) => {
      // the time is put back in any case
      if (columnName(key) === "_timestamp") return key === "_timestamp" ? [] : [["event_timestamp", value]]
      const text = JSON.stringify(value)
      return text === undefined ? [] : [[storableKey(key, Buffer.from(text), { valueStart: 0 }), value]]
    })
  )

/**
 * Keeps only the records for which the function answers true. The others are counted (`dropped.filtered`).
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * ```ts
 * import * as Processor from "o2-lambda-extension/Processor"
 *
 * const withoutHealthChecks = Processor.filter((record) => record.line?.includes("GET /health") !== true)
 * ```
 */
export const filter = (isWanted: (record: TelemetryRecord) => boolean): Processor =>
  local((record) => isWanted(record) ? undefined : { _tag: "Dropped" })

/**
 * What is hidden, and how.
 *
 * @since 0.2.0
 * @category models
 */
export interface RedactOptions {
  /**
   * What is hidden in every string of a record, at any depth: lines of text, and the values of objects, decoded. A string
   * stands for itself.
   */
  readonly patterns?: ReadonlyArray<RegExp | string>
  /** Names of members whose whole value is hidden, at any depth of records that are objects, in upper or lower case. */
  readonly fields?: ReadonlyArray<string>
  /** What takes the place of it. Default `[REDACTED]`. */
  readonly replacement?: string
}

/**
 * Hides what must not leave the sandbox. It is gone before a record gets into the buffer, and so before anything is sent or
 * written to the disk.
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * ```ts
 * import * as Processor from "o2-lambda-extension/Processor"
 *
 * const withoutSecrets = Processor.redact({ patterns: [/\b\d{16}\b/], fields: ["password", "authorization"] })
 * ```
 */
export const redact = (options: RedactOptions): Processor => {
  const { fields = [], patterns = [], replacement = "[REDACTED]" } = options
  const rules = {
    // `replaceAll` wants the flag, and one of its own: `lastIndex` is kept in it
    patterns: patterns.filter((pattern) => pattern !== "").map((pattern) =>
      typeof pattern === "string" ? pattern : new RegExp(pattern.source, [...new Set(`${pattern.flags}g`)].join(""))
    ),
    fields: new Set(fields.map((name) => name.toLowerCase()).filter((name) => name !== "_timestamp")),
    replacement
  }
  return local(({ bytes }) => {
    const changes = redactionsIn(bytes, rules)
    return changes.length === 0 ? undefined : { _tag: "Changed", bytes: splice(bytes, 0, bytes.length, changes) }
  })
}

/**
 * Sends records to other streams of the same organization: to the one that the function answers, which must be one of
 * `streams`; `undefined` leaves a record where it goes anyway. A stream that OpenObserve would not take is a
 * `ConfigurationError` at the start.
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * ```ts
 * import * as Processor from "o2-lambda-extension/Processor"
 *
 * const audits = Processor.route(["audit"], (record) => record.fields["audit"] === true ? "audit" : undefined)
 * ```
 */
export const route = <const S extends string>(
  streams: ReadonlyArray<S>,
  choose: (record: TelemetryRecord) => S | undefined
): Processor => ({
  streams,
  apply: (record) => {
    const stream = choose(record)
    if (stream === undefined) return undefined
    if (!streams.includes(stream)) {
      throw new Error(`${JSON.stringify(stream)} is none of the streams that route was given`)
    }
    return { _tag: "Routed", stream }
  }
})

/**
 * Has a processor see only some of the records.
 *
 * @since 0.2.0
 * @category combinators
 * @example
 * ```ts
 * import * as Processor from "o2-lambda-extension/Processor"
 *
 * const linesOnly = Processor.when(
 *   (record) => record.type === "function",
 *   Processor.redact({ patterns: [/token=\S+/] })
 * )
 * ```
 */
export const when = (isMeant: (record: TelemetryRecord) => boolean, processor: Processor): Processor => ({
  streams: processor.streams,
  apply: (record) => isMeant(record) ? processor.apply(record) : undefined
})
