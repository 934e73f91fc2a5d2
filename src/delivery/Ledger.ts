/**
 * The books: where every record is or has gone, in records and in encoded, uncompressed bytes, for each signal apart.
 *
 * At every moment `received + replayed = delivered + rejected + dropped + spilled + buffered + inFlight`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  type Account,
  type Accounts,
  type LedgerSnapshot,
  none,
  plus,
  type ReceivingCount,
  type Tally
} from "./Books.ts"
import type { Signal } from "./Destination.ts"

type Writable<A> = { -readonly [K in keyof A]: A[K] }

const emptyAccounts = (): Writable<Accounts> => ({
  received: none,
  replayed: none,
  delivered: none,
  rejected: {},
  dropped: {},
  spilled: none,
  buffered: none,
  inFlight: none,
  possiblyDuplicated: none
})

/** The books of one process, for the services that write them. The methods with `Unsafe` are synchronous. */
export class Ledger extends Context.Service<Ledger, {
  /** New records, encoded and in the buffer. */
  readonly receiveUnsafe: (signal: Signal, tally: Tally) => void
  /** Records that an earlier generation had spilled, and that are in the buffer again. */
  readonly replayUnsafe: (signal: Signal, tally: Tally) => void
  /** Records go from one account to another. */
  readonly moveUnsafe: (signal: Signal, from: "buffered" | "inFlight", to: Account, tally: Tally) => void
  /** Records that were sent without learning what became of them. */
  readonly possiblyDuplicatedUnsafe: (signal: Signal, tally: Tally) => void
  readonly countUnsafe: (what: ReceivingCount, by: number) => void
  readonly snapshot: Effect.Effect<LedgerSnapshot>
}>()("o2-lambda-extension/delivery/Ledger") {
  static readonly layer = Layer.sync(Ledger, () => {
    const books = { logs: emptyAccounts(), traces: emptyAccounts(), metrics: emptyAccounts() }
    const receiving = {
      posts: 0,
      malformed: 0,
      postsDropped: 0,
      refusedRequests: 0,
      spillFilesDropped: 0,
      processorFailures: 0
    }
    return Ledger.of({
      receiveUnsafe: (signal, tally) => {
        const accounts = books[signal]
        accounts.received = plus(accounts.received, tally)
        accounts.buffered = plus(accounts.buffered, tally)
      },
      replayUnsafe: (signal, tally) => {
        const accounts = books[signal]
        accounts.replayed = plus(accounts.replayed, tally)
        accounts.buffered = plus(accounts.buffered, tally)
      },
      moveUnsafe: (signal, from, to, tally) => {
        if (tally.records === 0) return
        const accounts = books[signal]
        accounts[from] = plus(accounts[from], tally, -1)
        if (typeof to === "string") accounts[to] = plus(accounts[to], tally)
        else if ("rejected" in to) accounts.rejected = added(accounts.rejected, to.rejected, tally)
        else accounts.dropped = added(accounts.dropped, to.dropped, tally)
      },
      possiblyDuplicatedUnsafe: (signal, tally) => {
        const accounts = books[signal]
        accounts.possiblyDuplicated = plus(accounts.possiblyDuplicated, tally)
      },
      countUnsafe: (what, by) => {
        receiving[what] += by
      },
      // accounts are replaced, never changed, but for the objects that hold them
      snapshot: Effect.sync(() => ({
        logs: { ...books.logs },
        traces: { ...books.traces },
        metrics: { ...books.metrics },
        receiving: { ...receiving }
      }))
    })
  })
}

const added = <R extends string>(
  byReason: Readonly<Partial<Record<R, Tally>>>,
  reason: R,
  tally: Tally
): Readonly<Partial<Record<R, Tally>>> => ({ ...byReason, [reason]: plus(byReason[reason], tally) })
