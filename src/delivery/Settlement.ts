/** What a final answer means for the books: which records of a batch are delivered, which are rejected and why. */
import * as Effect from "effect/Effect"
import type { Batch } from "./Batch.ts"
import type { LogBuffer } from "./Buffer.ts"
import { Complaint } from "../platform/RateLimitedWarning.ts"
import type { Ledger, Tally } from "./Ledger.ts"
import type { Verdict } from "../openobserve/IngestResponse.ts"
import type { Remedy } from "./RetryAction.ts"

/** Where batches that are settled are written down, and whose memory they free. */
export interface Books {
  readonly buffer: LogBuffer["Service"]
  readonly ledger: Ledger["Service"]
}

/** Settles batches in these books. */
export const make = ({ buffer, ledger }: Books) => {
  const partly = new Complaint("OpenObserve did not store all records of a batch")
  const unstorable = new Complaint("OpenObserve cannot store a record")
  return {
    /** Books what a 200 answer says of a batch. */
    accept: Effect.fnUntraced(function*(batch: Batch, verdict: Extract<Verdict, { _tag: "Accepted" }>) {
      const { tally } = batch
      const { detail, refused, stored } = verdict
      ledger.moveUnsafe("inFlight", "delivered", share(tally, 0, stored))
      ledger.moveUnsafe("inFlight", { rejected: "refused" }, share(tally, stored, stored + refused))
      ledger.moveUnsafe("inFlight", { rejected: "unaccounted" }, share(tally, stored + refused, tally.records))
      yield* buffer.settle(batch)
      partly.note(tally.records - stored)
      yield* partly.voice({ sent: tally.records, stored, refused, reason: detail })
    }),

    /** Books a record that is alone in its batch and cannot be stored. */
    reject: Effect.fnUntraced(function*(batch: Batch, { detail, reason }: Extract<Remedy, { _tag: "Reject" }>) {
      ledger.moveUnsafe("inFlight", { rejected: reason }, batch.tally)
      yield* buffer.settle(batch)
      unstorable.note(batch.tally.records)
      yield* unstorable.voice({ reason: detail })
    }),

    /** Books a batch with which nothing can be done, since it is not what it should be. */
    giveUp: Effect.fnUntraced(function*(batch: Batch, defect: unknown) {
      ledger.moveUnsafe("inFlight", { dropped: "unreadable" }, batch.tally)
      yield* buffer.settle(batch)
      yield* Effect.logError("records cannot be read and were dropped", {
        records: batch.tally.records,
        defect: String(defect)
      })
    })
  }
}

/**
 * The records from the `from`-th to the `to`-th of a tally. An answer does not say which records it refused, so their
 * bytes are taken to be average.
 */
const share = (tally: Tally, from: number, to: number): Tally => {
  const bytesUpTo = (records: number) => Math.floor(tally.bytes * records / tally.records)
  return { records: to - from, bytes: bytesUpTo(to) - bytesUpTo(from) }
}
