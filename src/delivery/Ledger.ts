/**
 * The books: where every record is or has gone, in records and in encoded, uncompressed bytes.
 *
 * At every moment `received + replayed = delivered + rejected + dropped + spilled + buffered + inFlight`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** A number of records and their bytes. */
export interface Tally {
  readonly records: number
  readonly bytes: number
}

/** Why OpenObserve did not store a record that it answered for. */
type RejectReason =
  /** The answer's `failed` count: too old, too new, or not storable; the log line has the server's own words. */
  | "refused"
  /** The server cannot parse the record (400). */
  | "poison"
  /** The record alone is larger than the server accepts (413). */
  | "too_large"
  /** Sent, but neither counted as stored nor as failed in a 200 answer. */
  | "unaccounted"

/** Why a record was given up here. */
export type DropReason =
  /** `O2_MAX_BUFFER_SIZE_MB` was reached; the oldest went. */
  | "buffer_full"
  /** Larger by itself than `O2_MAX_BUFFER_SIZE_MB`. */
  | "too_large"
  /** Not delivered before the sandbox ended. */
  | "shutdown"
  /** Cannot be read where it has to be rewritten: a file of an earlier generation that the function has made up. */
  | "unreadable"

/** What is counted apart, since it never became records. */
export type IntakeCount =
  /** Posts received from Lambda. */
  | "posts"
  /** Elements and fragments of posts that were no event. */
  | "malformed"
  /** Posts given up unread: over the size limit, or cut off while being received. */
  | "postsDropped"
  /** Files of earlier generations given up unread: flawed, or the oldest when newer ones needed their room. */
  | "spillFilesDropped"

/** The books at one moment. */
export interface LedgerSnapshot {
  readonly received: Tally
  readonly replayed: Tally
  readonly delivered: Tally
  readonly rejected: Readonly<Partial<Record<RejectReason, Tally>>>
  readonly dropped: Readonly<Partial<Record<DropReason, Tally>>>
  readonly spilled: Tally
  readonly buffered: Tally
  readonly inFlight: Tally
  /** Of the delivered and buffered: sent before without an answer, so possibly stored twice. */
  readonly possiblyDuplicated: Tally
  readonly intake: Readonly<Record<IntakeCount, number>>
}

/** Where a record can be. */
export type Account =
  | "buffered"
  | "inFlight"
  | "delivered"
  | "spilled"
  | { readonly rejected: RejectReason }
  | { readonly dropped: DropReason }

const none: Tally = { records: 0, bytes: 0 }

const plus = (tally: Tally | undefined, change: Tally, sign: 1 | -1 = 1): Tally => ({
  records: (tally?.records ?? 0) + sign * change.records,
  bytes: (tally?.bytes ?? 0) + sign * change.bytes
})

/** The books of one process. The methods with `Unsafe` are synchronous, for the inside of other services. */
export class Ledger extends Context.Service<Ledger, {
  /** New records, encoded and in the buffer. */
  readonly receiveUnsafe: (tally: Tally) => void
  /** Records that an earlier generation had spilled, and that are in the buffer again. */
  readonly replayUnsafe: (tally: Tally) => void
  /** Records go from one account to another. */
  readonly moveUnsafe: (from: "buffered" | "inFlight", to: Account, tally: Tally) => void
  /** Records that were sent without learning what became of them. */
  readonly possiblyDuplicatedUnsafe: (tally: Tally) => void
  readonly countUnsafe: (what: IntakeCount, by: number) => void
  readonly snapshot: Effect.Effect<LedgerSnapshot>
}>()("o2-lambda-extension/Ledger") {
  static readonly layer = Layer.sync(Ledger, () => {
    let received = none
    let replayed = none
    let possiblyDuplicated = none
    const accounts = { buffered: none, inFlight: none, delivered: none, spilled: none }
    const rejected: Partial<Record<RejectReason, Tally>> = {}
    const dropped: Partial<Record<DropReason, Tally>> = {}
    const intake: Record<IntakeCount, number> = {
      posts: 0,
      malformed: 0,
      postsDropped: 0,
      spillFilesDropped: 0
    }
    return Ledger.of({
      receiveUnsafe: (tally) => {
        received = plus(received, tally)
        accounts.buffered = plus(accounts.buffered, tally)
      },
      replayUnsafe: (tally) => {
        replayed = plus(replayed, tally)
        accounts.buffered = plus(accounts.buffered, tally)
      },
      moveUnsafe: (from, to, tally) => {
        if (tally.records === 0) return
        accounts[from] = plus(accounts[from], tally, -1)
        if (typeof to === "string") accounts[to] = plus(accounts[to], tally)
        else if ("rejected" in to) rejected[to.rejected] = plus(rejected[to.rejected], tally)
        else dropped[to.dropped] = plus(dropped[to.dropped], tally)
      },
      possiblyDuplicatedUnsafe: (tally) => {
        possiblyDuplicated = plus(possiblyDuplicated, tally)
      },
      countUnsafe: (what, by) => {
        intake[what] += by
      },
      snapshot: Effect.sync(() => ({
        received,
        replayed,
        ...accounts,
        rejected: { ...rejected },
        dropped: { ...dropped },
        possiblyDuplicated,
        intake: { ...intake }
      }))
    })
  })
}

/** All tallies of a group of reasons together. */
export const total = (byReason: Readonly<Partial<Record<string, Tally>>>): Tally =>
  Object.values(byReason).reduce<Tally>((sum, tally) => plus(sum, tally ?? none), none)

/** Whether the books add up, in records and in bytes. */
export const isBalanced = (books: LedgerSnapshot): boolean => {
  const { buffered, delivered, inFlight, received, replayed, spilled } = books
  const known = [delivered, total(books.rejected), total(books.dropped), spilled, buffered, inFlight]
  const settled = known.reduce((sum, tally) => plus(sum, tally), none)
  const taken = plus(received, replayed)
  return settled.records === taken.records && settled.bytes === taken.bytes &&
    known.every((tally) => tally.records >= 0 && tally.bytes >= 0)
}

/** The books as one flat object for a log line: record counts, and reasons where there are any. */
export const summary = (books: LedgerSnapshot): Readonly<Record<string, unknown>> => {
  const records = (byReason: Readonly<Partial<Record<string, Tally>>>) =>
    Object.fromEntries(Object.entries(byReason).map(([reason, tally]) => [reason, tally?.records ?? 0]))
  return {
    received: books.received.records,
    replayed: books.replayed.records,
    delivered: books.delivered.records,
    rejected: records(books.rejected),
    dropped: records(books.dropped),
    spilled: books.spilled.records,
    buffered: books.buffered.records,
    inFlight: books.inFlight.records,
    possiblyDuplicated: books.possiblyDuplicated.records,
    receivedBytes: books.received.bytes,
    deliveredBytes: books.delivered.bytes,
    ...books.intake
  }
}
