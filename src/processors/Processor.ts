/** What embedders have done to records on their way: changed, dropped, hidden in part, sent to another stream. */
import { withChanges } from "../json/JsonText.ts"
import { columnName, storableKey } from "../openobserve/ColumnName.ts"
import { changesOf, hasToJson, isObject } from "./JsonChanges.ts"
import { Redaction } from "./Redaction.ts"
import type { RecordFields, RecordView, TelemetryRecord } from "./TelemetryRecord.ts"

/** What a processor makes of a record; `undefined`: it stays as it is. */
export type Outcome =
  | {
    readonly _tag: "Changed"
    readonly json: string
    /** Whether it may have columns that it did not have, or a form that OpenObserve does not store. */
    readonly isReshaped: boolean
  }
  | { readonly _tag: "Dropped" }
  | { readonly _tag: "Routed"; readonly stream: string }
  | undefined

/**
 * One step of what is done to each record between encoding and buffer. Steps are synchronous, and run for every line that
 * the function writes. One that throws costs the record nothing: it goes on as it was (what is to be hidden by
 * `redact` is hidden nevertheless), and the failure is counted (`processorFailures` in the ledger) and warned of once a minute
 * at most.
 *
 * @since 0.2.0
 * @category models
 */
export interface Processor {
  /** Streams besides those of the settings to which records may be sent. */
  readonly streams: ReadonlyArray<string>
  /** @internal */
  readonly apply: (record: RecordView) => Outcome
  /**
   * What is done instead when `apply` has failed: nothing, unless something has to be hidden.
   *
   * @internal
   */
  readonly recover?: ((record: RecordView) => Outcome) | undefined
}

const local = (apply: Processor["apply"]): Processor => ({ streams: [], apply })

/**
 * Changes members. What the function answers becomes the record: a new object, or the one that it was given, which may be
 * changed in place. Members that are absent or `undefined` there are removed. What is not changed stays as it is written, also
 * inside of objects and arrays: numbers keep all their digits. Values become what `JSON.stringify` makes of them; keys that
 * OpenObserve cannot store get a name that it can, and `_timestamp` stays what it is.
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
export const map = (
  change: (fields: Record<string, unknown>, record: TelemetryRecord) => RecordFields
): Processor =>
  local((record) => {
    const before = record.decode()
    const answer: unknown = change(record.decode(), record)
    const after = typeof answer === "object" && answer !== null && hasToJson(answer) ? answer.toJSON() : answer
    if (!isObject(after)) throw new TypeError("the function given to map must answer an object")
    const { json } = record
    const changes = changesOf(json, { start: 0, end: json.length }, before, {
      ...storable(after),
      _timestamp: before["_timestamp"]
    })
    return changes === undefined || changes.length === 0
      ? undefined
      : { _tag: "Changed", json: withChanges(json, changes), isReshaped: true }
  })

/** The fields under keys that OpenObserve can store. */
const storable = (fields: RecordFields): RecordFields => {
  const keys = Object.keys(fields)
  const odd = keys.filter((key) => ODD_COLUMNS.has(columnName(key)))
  return odd.length === 0 || odd.length === 1 && odd[0] === "_timestamp" ? fields : Object.fromEntries(
    keys.map((key) => [odd.includes(key) && key !== "_timestamp" ? keyFor(key, fields[key]) : key, fields[key]])
  )
}

/** Columns that need a key of their own, or do with some values. */
const ODD_COLUMNS = new Set(["", "_id", "_timestamp"])

const keyFor = (key: string, value: unknown): string =>
  storableKey(key, Buffer.from(JSON.stringify(value) ?? ""), { valueStart: 0 })

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
   * What is hidden in every string of a record, at any depth: lines of text, and the values of objects, decoded. Numbers and
   * the names of members are not searched. A string stands for itself; the flags `g` and `y` make no difference.
   */
  readonly patterns?: ReadonlyArray<RegExp | string> | undefined
  /**
   * Names of members whose whole value is hidden, at any depth of records that are objects, in upper or lower case. A line of
   * text has no members, also when the text is JSON: that takes patterns, or a log format of JSON.
   */
  readonly fields?: ReadonlyArray<string> | undefined
  /** What takes the place of it. Default `[REDACTED]`. */
  readonly replacement?: string | undefined
}

/**
 * Hides what must not leave the sandbox. It is gone before a record gets into the buffer, and so before anything is sent or
 * written to the disk; what processors behind it add is not looked at, so it belongs at the end.
 *
 * Nothing is let through because something fails: where a pattern does (some need more stack than there is for lines of
 * megabytes), the whole string is hidden; where the condition of `when` does, the record is one of those that are meant.
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
export const redact = ({ fields = [], patterns = [], replacement = "[REDACTED]" }: RedactOptions): Processor => {
  // it would look as if something were hidden
  if (fields.length + patterns.length === 0) throw new TypeError("redact is given neither patterns nor fields")
  const wrong = fields.find((name) => typeof name !== "string")
  if (wrong !== undefined) throw new TypeError(`fields of redact are names, not ${String(wrong)}: that is a pattern`)
  const redaction = new Redaction({ fields, patterns, replacement })
  const hide = ({ json }: RecordView, failingHides: boolean): Outcome => {
    const redacted = redaction.apply(json, failingHides)
    return redacted && { _tag: "Changed", json: redacted.text, isReshaped: redacted.hidesObjects }
  }
  return { streams: [], apply: (record) => hide(record, false), recover: (record) => hide(record, true) }
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
  choose: (record: TelemetryRecord) => NoInfer<S> | undefined
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
  apply: (record) => isMeant(record) ? processor.apply(record) : undefined,
  recover: processor.recover
})
