/** What may help a batch that OpenObserve did not store as it was: the parts or the form in which it is sent instead. Pure. */
import { type Batch, halve } from "./Batch.ts"
import type { Outcome } from "./Attempt.ts"

/** Resets over a batch after which its halves are tried: the first may have been anything. */
const RESETS_TO_DIVIDE = 2

/** Resets over a single record after which it is given up: nothing else is left to try, so once more to be sure. */
const RESETS_TO_REJECT = 3

/** What to do with a batch after an attempt that did not store it. */
export type Remedy =
  /** Send these in its place at once. */
  | { readonly _tag: "Replace"; readonly batches: ReadonlyArray<Batch> }
  /** The record cannot be stored by this server. */
  | { readonly _tag: "Reject"; readonly reason: "poison" | "too_large" | "unaccounted"; readonly detail: string }
  /** Send this later. */
  | { readonly _tag: "Wait"; readonly batch: Batch }

/** Finds the remedy for a batch after an outcome that is no success. */
export const find = (batch: Batch, { isSuspect, verdict }: Outcome): Remedy => {
  const isAlone = batch.tally.records === 1
  if (isSuspect) {
    const suspect = { ...batch, resets: (batch.resets ?? 0) + 1 }
    if (!isAlone && suspect.resets >= RESETS_TO_DIVIDE) return { _tag: "Replace", batches: halve(batch) }
    if (!isAlone || suspect.resets < RESETS_TO_REJECT) return { _tag: "Wait", batch: suspect }
    return { _tag: "Reject", reason: "poison", detail: verdict.detail ?? "" }
  }
  if (verdict._tag !== "Divide") return { _tag: "Wait", batch }
  if (!isAlone) return { _tag: "Replace", batches: halve(batch) }
  return { _tag: "Reject", reason: verdict.reason, detail: verdict.detail }
}
