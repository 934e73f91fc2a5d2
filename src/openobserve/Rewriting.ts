/** The ways in which batches are rewritten for OpenObserve. Few of few functions need it: loaded when the first one does. */
import * as Effect from "effect/Effect"
import { type Batch, type Part, text } from "../delivery/Batch.ts"
import type { Accepted, Divide } from "../delivery/Verdict.ts"
import { RateLimitedWarning } from "../platform/RateLimitedWarning.ts"
import * as AcceptedTime from "./AcceptedTime.ts"
import { collapseObjects } from "./CollapseObjects.ts"
import { MAX_COLUMNS } from "./ColumnCounter.ts"
import { fitColumns } from "./FitColumns.ts"
import { restamp } from "./Restamp.ts"
import { truncate } from "./Truncate.ts"

/** A record that was refused for its length is halved until it is shorter than this, in bytes: less is no log line. */
const MIN_CUT_BYTES = 8 * 1024

/** A clock may be off by so much, in µs: what was refused as too old and is younger would be refused again. */
const CLOCK_TOLERANCE_MICROS = 60_000_000

/** How the server says that it takes no record so old, whatever its limit is (v0.3 to v0.92). */
const tooOld = /too old data/i

/** Characters of a member's path in a warning: keys may be of any length. */
const MAX_PATH_LENGTH = 100

/** Rewrites the batches of one destination, whose requests may have so many columns. */
export const make = (maxColumns: number) => {
  const collapsing = new RateLimitedWarning(
    "too many different keys for a few requests: objects are sent as strings of their JSON text"
  )
  let nextStamp = 0

  /** A time in µs for records that are too old, with as many after it as a batch has records; later than all before. */
  const freshStamp = ({ tally }: Batch, nowMicros: number): number => {
    const stamp = Math.max(nowMicros, nextStamp)
    nextStamp = stamp + tally.records
    return stamp
  }

  const restamped = (batch: Batch, nowMicros: number, isOld: (micros: number) => boolean) =>
    restamp(text(batch), freshStamp(batch, nowMicros), isOld)

  const prepareOld = (batch: Batch, nowMicros: number): ReadonlyArray<Part> => {
    const isOld = (micros: number) => AcceptedTime.isTooOld(micros, nowMicros)
    const part = restamped(batch, nowMicros, isOld)
    // it would be restamped for ever
    if (isOld(part.oldestTimestamp)) throw new Error("records without a _timestamp")
    return [part]
  }

  /** A batch of which all was refused, where that was because of a limit of age that is the server's own. */
  const rewriteRefused = (batch: Batch, { detail }: Accepted, nowMicros: number): ReadonlyArray<Part> | undefined => {
    const isTooOld = tooOld.test(detail ?? "") && batch.oldestTimestamp <= nowMicros - CLOCK_TOLERANCE_MICROS
    return isTooOld ? [restamped(batch, nowMicros, () => true)] : undefined
  }

  const fitWide = Effect.fnUntraced(function*(batch: Batch) {
    const { bodies, collapsed } = fitColumns(text(batch), maxColumns)
    if (collapsed !== undefined) {
      const { columns, member, records } = collapsed
      collapsing.count(records)
      yield* collapsing.emit({
        member: member.slice(0, MAX_PATH_LENGTH).toWellFormed(),
        columns,
        records,
        remedy:
          "log fewer different keys, or raise O2_MAX_COLUMNS where the server takes more columns (ZO_COLS_PER_RECORD_LIMIT)"
      })
    }
    return bodies
  })

  /** Fewer columns for what was dropped without a word, less text for a record that was too long. */
  const rewriteDivided = (batch: Batch, { reason }: Divide): ReadonlyArray<Part> | undefined => {
    const isAlone = batch.tally.records === 1
    const body = text(batch)
    if (reason === "too_large") {
      const maxBytes = Math.floor(body.length / 2)
      return maxBytes < MIN_CUT_BYTES ? undefined : [truncate(body, maxBytes)]
    }
    // O2_MAX_COLUMNS may be more than this server takes, which is no reason to lose a record
    const collapsed = collapseObjects(body, isAlone ? Math.min(maxColumns, MAX_COLUMNS) : maxColumns)
    return collapsed.body.equals(body) ? undefined : [collapsed]
  }

  return { prepareOld, rewriteRefused, fitWide, rewriteDivided }
}
