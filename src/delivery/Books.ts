/**
 * What a ledger says: where every record is or has gone, in records and in encoded, uncompressed bytes, for each signal
 * apart. Pure.
 */
import type { Signal } from "./Destination.ts"

/**
 * A number of records and their bytes.
 *
 * @since 0.2.0
 * @category models
 */
export interface Tally {
  readonly records: number
  readonly bytes: number
}

/**
 * Why the server did not store a record that it answered for.
 *
 * @since 0.2.0
 * @category models
 */
export type RejectReason =
  /** The answer's `failed` count: too old, too new, or not storable; the log line has the server's own words. */
  | "refused"
  /** The server cannot parse the record (400). */
  | "poison"
  /** The record alone is larger than the server accepts (413). */
  | "too_large"
  /** Sent, but neither counted as stored nor as failed in a 200 answer. */
  | "unaccounted"

/**
 * Why a record was given up here.
 *
 * @since 0.2.0
 * @category models
 */
export type DropReason =
  /** `O2_MAX_BUFFER_SIZE_MB` was reached; the oldest went. */
  | "buffer_full"
  /** Larger by itself than `O2_MAX_BUFFER_SIZE_MB`. */
  | "too_large"
  /** Not delivered before the sandbox ended. */
  | "shutdown"
  /** Not wanted: a processor has said so. */
  | "filtered"
  /** Cannot be read where it has to be rewritten: a file of an earlier generation that the function has made up. */
  | "unreadable"

/**
 * What is counted apart, since it never became records.
 *
 * @since 0.2.0
 * @category models
 */
export type ReceivingCount =
  /** Posts received from Lambda. */
  | "posts"
  /** Elements and fragments of posts that were no event. */
  | "malformed"
  /** Posts given up unread: over the size limit, or cut off while being received. */
  | "postsDropped"
  /** Requests to our port that were none of Lambda's posts. */
  | "refusedRequests"
  /** How often a processor has failed for a record, which was sent without what it does. */
  | "processorFailures"
  /** Files of earlier generations given up unread: flawed, or the oldest when newer ones needed their room. */
  | "spillFilesDropped"

/**
 * What became of one signal's records.
 *
 * @since 0.2.0
 * @category models
 */
export interface Accounts {
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
}

/**
 * The books at one moment.
 *
 * @since 0.2.0
 * @category models
 */
export interface LedgerSnapshot extends Readonly<Record<Signal, Accounts>> {
  readonly receiving: Readonly<Record<ReceivingCount, number>>
}

/**
 * Where a record can be.
 *
 * @since 0.2.0
 * @category models
 */
export type Account =
  | "buffered"
  | "inFlight"
  | "delivered"
  | "spilled"
  | { readonly rejected: RejectReason }
  | { readonly dropped: DropReason }

/** Nothing. */
export const none: Tally = { records: 0, bytes: 0 }

/** A tally with another added, or taken away. */
export const plus = (tally: Tally | undefined, change: Tally, sign: 1 | -1 = 1): Tally => ({
  records: (tally?.records ?? 0) + sign * change.records,
  bytes: (tally?.bytes ?? 0) + sign * change.bytes
})

/** The signals in the order in which they are told. */
const signals: ReadonlyArray<Signal> = ["logs", "traces", "metrics"]

/** All tallies of a group of reasons together. */
export const total = (byReason: Readonly<Partial<Record<string, Tally>>>): Tally =>
  Object.values(byReason).reduce<Tally>((sum, tally) => plus(sum, tally ?? none), none)

/**
 * Whether the books of every signal add up, in records and in bytes.
 *
 * @since 0.2.0
 * @category predicates
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { isBalanced, Ledger } from "o2-lambda-extension/Ledger"
 *
 * const balanced = Ledger.use((ledger) => ledger.snapshot).pipe(Effect.map(isBalanced))
 * ```
 */
export const isBalanced = (books: LedgerSnapshot): boolean => signals.every((signal) => isEven(books[signal]))

const isEven = (
  { buffered, delivered, dropped, inFlight, received, rejected, replayed, spilled }: Accounts
): boolean => {
  const known = [delivered, total(rejected), total(dropped), spilled, buffered, inFlight]
  const settled = known.reduce((sum, tally) => plus(sum, tally), none)
  const taken = plus(received, replayed)
  return settled.records === taken.records && settled.bytes === taken.bytes &&
    known.every((tally) => tally.records >= 0 && tally.bytes >= 0)
}

/**
 * Whether all that came and was wanted has been delivered, and nothing was given up before it could become records.
 *
 * @since 0.2.0
 * @category predicates
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { isComplete, Ledger } from "o2-lambda-extension/Ledger"
 *
 * const complete = Ledger.use((ledger) => ledger.snapshot).pipe(Effect.map(isComplete))
 * ```
 */
export const isComplete = (books: LedgerSnapshot): boolean =>
  books.receiving.postsDropped === 0 && books.receiving.spillFilesDropped === 0 &&
  signals.every((signal) => {
    const { delivered, dropped, received, replayed } = books[signal]
    return delivered.records + (dropped.filtered?.records ?? 0) === received.records + replayed.records
  })

/**
 * The books as one object for a log line: record counts, and reasons where there are any. Logs stand at the top, the
 * other signals under their names where there were any.
 *
 * @since 0.2.0
 * @category formatting
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Ledger, summary } from "o2-lambda-extension/Ledger"
 *
 * const told = Ledger.use((ledger) => ledger.snapshot).pipe(
 *   Effect.flatMap((books) => Effect.log("ledger", summary(books)))
 * )
 * ```
 */
export const summary = (books: LedgerSnapshot): Readonly<Record<string, unknown>> => {
  const others = signals.filter((signal) =>
    signal !== "logs" && plus(books[signal].received, books[signal].replayed).records > 0
  )
  const { processorFailures, ...receiving } = books.receiving
  return {
    ...summaryOf(books.logs),
    ...receiving,
    // hardly anybody has processors
    ...(processorFailures > 0 ? { processorFailures } : {}),
    ...Object.fromEntries(others.map((signal) => [signal, summaryOf(books[signal])]))
  }
}

const summaryOf = (accounts: Accounts): Readonly<Record<string, unknown>> => {
  const records = (byReason: Readonly<Partial<Record<string, Tally>>>) =>
    Object.fromEntries(Object.entries(byReason).map(([reason, tally]) => [reason, tally?.records ?? 0]))
  return {
    received: accounts.received.records,
    replayed: accounts.replayed.records,
    delivered: accounts.delivered.records,
    rejected: records(accounts.rejected),
    dropped: records(accounts.dropped),
    spilled: accounts.spilled.records,
    buffered: accounts.buffered.records,
    inFlight: accounts.inFlight.records,
    possiblyDuplicated: accounts.possiblyDuplicated.records,
    receivedBytes: accounts.received.bytes,
    deliveredBytes: accounts.delivered.bytes
  }
}
