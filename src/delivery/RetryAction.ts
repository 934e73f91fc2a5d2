/** What may help a batch that OpenObserve did not store as it was, or would not: the form in which it is sent instead. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Outcome } from "./Attempt.ts"
import { type Batch, divide, halve, text, tried } from "./Batch.ts"
import { MAX_COLUMNS } from "../openobserve/ColumnCounter.ts"
import type { Verdict } from "../openobserve/IngestResponse.ts"
import * as Timestamp from "../logs/EventTime.ts"

/** Resets over a batch after which its halves are tried: the first may have been anything. */
const RESETS_TO_DIVIDE = 2

/** Resets over a single record after which it is given up: nothing else is left to try, so once more to be sure. */
const RESETS_TO_REJECT = 3

/** A record that was refused for its length is halved until it is shorter than this, in bytes: less is no log line. */
const LEAST_CUT_BYTES = 8 * 1024

/** A clock may be off by so much, in µs: what was refused as too old and is younger would be refused again. */
const CLOCK_TOLERANCE_MICROS = 60_000_000

/** How the server says that it takes no record so old, whatever its limit is (v0.3 to v0.92). */
const tooOld = /too old data/i

/** What to do with a batch after an attempt. */
export type Remedy =
  /** Nothing: the answer is final. */
  | { readonly _tag: "Settle"; readonly verdict: Extract<Verdict, { _tag: "Accepted" }> }
  /** Send these in its place at once. */
  | { readonly _tag: "Replace"; readonly batches: ReadonlyArray<Batch> }
  /** Send this again at once. */
  | { readonly _tag: "Repeat"; readonly batch: Batch }
  /** The record cannot be stored by this server. */
  | { readonly _tag: "Reject"; readonly reason: "poison" | "too_large" | "unaccounted"; readonly detail: string }
  /** Send this when others have been sent: what becomes of them tells what is wrong with it. */
  | { readonly _tag: "Postpone"; readonly batch: Batch; readonly verdict: Exclude<Verdict, { _tag: "Accepted" }> }
  /** Send this later. */
  | { readonly _tag: "Wait"; readonly batch: Batch; readonly verdict: Exclude<Verdict, { _tag: "Accepted" }> }

/** Whether a batch would be discarded as it is: too old by now, or with too many columns. */
export const isNeeded = (batch: Batch, nowMicros: number): boolean =>
  batch.isWide === true || Timestamp.isTooOld(batch.oldestTimestamp, nowMicros)

// needed by few batches of few functions: not at the start
const loadRewriting = Effect.promise(() => import("../openobserve/Rewriting.ts"))

/** A time in µs for records that are too old, and for as many as a batch has the microseconds after it. */
export type FreshStamp = (batch: Batch) => Effect.Effect<number>

/** The batch as OpenObserve will store it. */
export const prepare = Effect.fnUntraced(function*(batch: Batch, nowMicros: number, freshStamp: FreshStamp) {
  const rewriting = yield* loadRewriting
  if (batch.isWide === true) return divide(batch, rewriting.group(text(batch), MAX_COLUMNS))
  const isOld = (micros: number) => Timestamp.isTooOld(micros, nowMicros)
  const restamped = rewriting.restamp(text(batch), yield* freshStamp(batch), isOld)
  // it would be restamped for ever
  if (isOld(restamped.oldestTimestamp)) throw new Error("records without a _timestamp")
  return divide(batch, [restamped])
})

/** What finding a remedy depends on, besides the batch and the answer. */
export interface Circumstances {
  readonly freshStamp: FreshStamp
  /** How many batches OpenObserve has stored so far. */
  readonly stored: number
  /** Whether enough has been stored of late for a batch to be divided that any server could take. */
  readonly mayDivide: boolean
}

/** Finds the remedy for a batch after an outcome. */
export const find = Effect.fnUntraced(
  function*(
    batch: Batch,
    { isSuspect, verdict }: Outcome,
    { freshStamp, mayDivide, stored }: Circumstances
  ): Effect.fn.Return<Remedy> {
    const isAlone = batch.tally.records === 1
    if (verdict._tag === "Accepted") {
      // a limit of the server's own, which only shows when nothing of a batch was young enough
      const isRefused = verdict.refused === batch.tally.records && tooOld.test(verdict.detail ?? "")
      const young = (yield* Clock.currentTimeMillis) * 1000 - CLOCK_TOLERANCE_MICROS
      if (!isRefused || batch.oldestTimestamp > young) return { _tag: "Settle", verdict }
      const { restamp } = yield* loadRewriting
      return {
        _tag: "Replace",
        batches: divide(batch, [restamp(text(batch), yield* freshStamp(batch), () => true)])
      }
    }
    if (!isSuspect && verdict._tag !== "Divide") return { _tag: "Wait", batch, verdict }
    const suspicion = batch.suspicion ?? { resets: 0, storedBefore: stored, storedWhenTried: undefined }
    const suspect = { ...batch, suspicion: isSuspect ? { ...suspicion, resets: suspicion.resets + 1 } : suspicion }
    const reason = verdict._tag === "Divide" ? verdict.reason : "poison"
    if (isSuspect && suspect.suspicion.resets < (isAlone ? RESETS_TO_REJECT : RESETS_TO_DIVIDE)) {
      return { _tag: "Repeat", batch: suspect }
    }
    if (reason === "unaccounted") {
      const body = text(batch)
      const { narrow } = yield* loadRewriting
      const narrowed = narrow(body, MAX_COLUMNS)
      if (!narrowed.body.equals(body)) return { _tag: "Replace", batches: divide(suspect, [narrowed]) }
    }
    const postponed = tried(suspect, stored)
    if (!isAlone) {
      if (!mayDivide && reason !== "too_large") return { _tag: "Postpone", batch: postponed, verdict }
      // one more reset is enough to divide a half
      const resets = isSuspect ? RESETS_TO_DIVIDE - 1 : 0
      const half = { ...suspicion, resets, storedWhenTried: undefined }
      return { _tag: "Replace", batches: halve({ ...batch, suspicion: half }) }
    }
    if (reason === "too_large") {
      const body = text(batch)
      const { shorten } = yield* loadRewriting
      const most = Math.floor(body.length / 2)
      if (most >= LEAST_CUT_BYTES) return { _tag: "Replace", batches: divide(suspect, [shorten(body, most)]) }
    }
    // A record is only given up when others were stored meanwhile: a server that stores nothing at all is in an outage.
    if (stored > suspicion.storedBefore) return { _tag: "Reject", reason, detail: verdict.detail }
    return { _tag: "Postpone", batch: postponed, verdict }
  }
)
