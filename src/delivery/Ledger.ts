/**
 * The books: where every record is or has gone, in records and in encoded, uncompressed bytes, for each signal apart.
 *
 * At every moment `received + replayed = delivered + rejected + dropped + spilled + buffered + inFlight`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
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

const none: Tally = { records: 0, bytes: 0 }

const plus = (tally: Tally | undefined, change: Tally, sign: 1 | -1 = 1): Tally => ({
  records: (tally?.records ?? 0) + sign * change.records,
  bytes: (tally?.bytes ?? 0) + sign * change.bytes
})

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

/** The signals in the order in which they are told. */
const signals: ReadonlyArray<Signal> = ["logs", "traces", "metrics"]

/**
 * The books of one process. The methods with `Unsafe` are synchronous, for the inside of other services.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Ledger } from "o2-lambda-extension/Ledger"
 *
 * const delivered = Ledger.use((ledger) => ledger.snapshot).pipe(
 *   Effect.map((books) => books.logs.delivered.records)
 * )
 * ```
 */
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
  /** Does something at the very end, when nothing changes any more. */
  readonly atEnd: (effect: Effect.Effect<void>) => Effect.Effect<void>
}>()("o2-lambda-extension/Ledger") {
  static readonly layer = Layer.effect(
    Ledger,
    Effect.gen(function*() {
      const scope = yield* Effect.scope
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
        })),
        atEnd: (effect) => Scope.addFinalizer(scope, effect)
      })
    })
  )
}

const added = <R extends string>(
  byReason: Readonly<Partial<Record<R, Tally>>>,
  reason: R,
  tally: Tally
): Readonly<Partial<Record<R, Tally>>> => ({ ...byReason, [reason]: plus(byReason[reason], tally) })

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
