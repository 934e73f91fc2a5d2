/** What is to be done with a batch after an attempt, whatever its destination. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Outcome } from "./Attempt.ts"
import { type Batch, divide, exhausted, halve } from "./Batch.ts"
import type { Accepted, Divide, Setback } from "./Verdict.ts"

/** Resets over a batch after which its halves are tried: the first may have been anything. */
const RESETS_TO_DIVIDE = 2

/** Resets over a single record after which it is given up: nothing else is left to try, so once more to be sure. */
const RESETS_TO_REJECT = 3

/** What to do with a batch after an attempt. */
export type RetryAction =
  /** Nothing: the answer is final. */
  | { readonly _tag: "Settle"; readonly verdict: Accepted }
  /** Send these in its place at once. */
  | { readonly _tag: "Replace"; readonly batches: ReadonlyArray<Batch> }
  /** Send this again at once. */
  | { readonly _tag: "RetryNow"; readonly batch: Batch }
  /** The record cannot be stored by this server. */
  | { readonly _tag: "Reject"; readonly reason: Divide["reason"]; readonly detail: string }
  /** Send this when others have been sent: what becomes of them tells what is wrong with it. */
  | { readonly _tag: "RetryAfterOthers"; readonly batch: Batch; readonly verdict: Setback }
  /** Send this later. */
  | { readonly _tag: "RetryLater"; readonly batch: Batch; readonly verdict: Setback }

/** What the choice depends on, besides the batch and the answer. */
export interface Circumstances {
  /** How many batches the server has stored so far. */
  readonly stored: number
  /** Whether enough has been stored of late for a batch to be divided that any server could take. */
  readonly mayDivide: boolean
}

/** Chooses what to do with a batch after an outcome. */
export const choose = Effect.fnUntraced(
  function*(
    batch: Batch,
    { isSuspect, verdict }: Outcome,
    { mayDivide, stored }: Circumstances
  ): Effect.fn.Return<RetryAction> {
    const isAlone = batch.tally.records === 1
    if (verdict._tag === "Accepted") {
      return (yield* rewritten(batch, batch, verdict)) ?? { _tag: "Settle", verdict }
    }
    if (!isSuspect && verdict._tag !== "Divide") return { _tag: "RetryLater", batch, verdict }
    const suspicion = batch.suspicion ?? { resets: 0, storedBefore: stored, storedWhenExhausted: undefined }
    const suspect = { ...batch, suspicion: isSuspect ? { ...suspicion, resets: suspicion.resets + 1 } : suspicion }
    if (isSuspect && suspect.suspicion.resets < (isAlone ? RESETS_TO_REJECT : RESETS_TO_DIVIDE)) {
      return { _tag: "RetryNow", batch: suspect }
    }
    if (verdict._tag === "Divide") {
      const action = yield* rewritten(batch, suspect, verdict)
      if (action !== undefined) return action
    }
    const reason = verdict._tag === "Divide" ? verdict.reason : "poison"
    const postponed = exhausted(suspect, stored)
    if (!isAlone) {
      if (!mayDivide && reason !== "too_large") return { _tag: "RetryAfterOthers", batch: postponed, verdict }
      // one more reset is enough to divide a half
      const resets = isSuspect ? RESETS_TO_DIVIDE - 1 : 0
      const half = { ...suspicion, resets, storedWhenExhausted: undefined }
      return { _tag: "Replace", batches: halve({ ...batch, suspicion: half }) }
    }
    // A record is only given up when others were stored meanwhile: a server that stores nothing at all is in an outage.
    if (stored > suspicion.storedBefore) return { _tag: "Reject", reason, detail: verdict.detail }
    return { _tag: "RetryAfterOthers", batch: postponed, verdict }
  }
)

/** The batch in the form that its destination has for such an answer; `whole` says what is known of it. */
const rewritten = Effect.fnUntraced(function*(batch: Batch, whole: Batch, verdict: Accepted | Divide) {
  const parts = yield* batch.destination.rewrite(batch, verdict, yield* Clock.currentTimeMillis)
  return parts && { _tag: "Replace", batches: divide(whole, parts) } as const
})
