/** What a final answer means for the books: which records of a batch are delivered, which are rejected and why. */
import * as Effect from "effect/Effect"
import { RateLimitedWarning } from "../platform/RateLimitedWarning.ts"
import type { Batch } from "./Batch.ts"
import type { LogBuffer } from "./Buffer.ts"
import type { Destination } from "./Destination.ts"
import type { Tally } from "./Books.ts"
import type { Ledger } from "./Ledger.ts"
import type { RetryAction } from "./RetryAction.ts"
import type { Accepted } from "./Verdict.ts"

/** Where batches that are settled are written down, and whose memory they free. */
export interface Books {
  readonly buffer: LogBuffer["Service"]
  readonly ledger: Ledger["Service"]
}

/** Settles the batches of a destination in these books. */
export const make = ({ buffer, ledger }: Books, { server, signal }: Destination) => {
  const partly = new RateLimitedWarning(`${server} did not store all records of a batch`)
  let noted: string | undefined
  const unstorable = new RateLimitedWarning(`${server} cannot store a record`)
  return {
    /** Says what an answer has for the operator, unless it has been said. */
    note: ({ notice }: Accepted) =>
      Effect.suspend(() => {
        if (notice === undefined || notice === noted) return Effect.void
        noted = notice
        return Effect.logInfo(notice, { signal })
      }),

    /** Books what an answer says that accepts a batch. */
    accept: Effect.fnUntraced(function*(batch: Batch, { detail, refused, stored }: Accepted) {
      const { tally } = batch
      ledger.moveUnsafe(signal, "inFlight", "delivered", share(tally, 0, stored))
      ledger.moveUnsafe(signal, "inFlight", { rejected: "refused" }, share(tally, stored, stored + refused))
      ledger.moveUnsafe(signal, "inFlight", { rejected: "unaccounted" }, share(tally, stored + refused, tally.records))
      yield* buffer.settle(batch)
      partly.count(tally.records - stored)
      yield* partly.emit({ signal, sent: tally.records, stored, refused, reason: detail })
    }),

    /** Books a record that is alone in its batch and cannot be stored. */
    reject: Effect.fnUntraced(function*(batch: Batch, { detail, reason }: Extract<RetryAction, { _tag: "Reject" }>) {
      ledger.moveUnsafe(signal, "inFlight", { rejected: reason }, batch.tally)
      yield* buffer.settle(batch)
      unstorable.count(batch.tally.records)
      yield* unstorable.emit({ signal, reason: detail })
    }),

    /** Books a batch with which nothing can be done, since it is not what it should be. */
    giveUp: Effect.fnUntraced(function*(batch: Batch, defect: unknown) {
      ledger.moveUnsafe(signal, "inFlight", { dropped: "unreadable" }, batch.tally)
      yield* buffer.settle(batch)
      yield* Effect.logError("records cannot be read and were dropped", {
        signal,
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
