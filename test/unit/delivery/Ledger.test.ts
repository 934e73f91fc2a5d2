import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import type { Signal } from "../../../src/delivery/Destination.ts"
import * as Books from "../../../src/delivery/Books.ts"
import * as Ledger from "../../../src/delivery/Ledger.ts"

const tally = (records: number, bytes = records * 100) => ({ records, bytes })
const open = Effect.provide(Ledger.Ledger, Ledger.Ledger.layer)

describe("Ledger", () => {
  it.effect("is empty and balanced at the start", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      const books = yield* ledger.snapshot
      assert.isTrue(Books.isBalanced(books))
      assert.deepEqual(books.logs.received, tally(0))
      assert.deepEqual(books.receiving, {
        posts: 0,
        malformed: 0,
        postsDropped: 0,
        spillFilesDropped: 0,
        refusedRequests: 0,
        processorFailures: 0
      })
    }))

  it.effect("has what was received in the buffer", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe("logs", tally(2))
      ledger.receiveUnsafe("logs", tally(3))
      const books = yield* ledger.snapshot
      assert.deepEqual(books.logs.received, tally(5))
      assert.deepEqual(books.logs.buffered, tally(5))
    }))

  it.effect("has what was replayed in the buffer", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe("logs", tally(2))
      ledger.replayUnsafe("logs", tally(3))
      ledger.replayUnsafe("logs", tally(4))
      const books = yield* ledger.snapshot
      assert.isTrue(Books.isBalanced(books))
      assert.deepEqual([books.logs.received, books.logs.replayed, books.logs.buffered], [2, 7, 9].map((n) => tally(n)))
    }))

  it.effect("moves records between accounts and keeps reasons apart", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe("logs", tally(10))
      ledger.moveUnsafe("logs", "buffered", { dropped: "buffer_full" }, tally(1))
      ledger.moveUnsafe("logs", "buffered", { dropped: "shutdown" }, tally(1))
      ledger.moveUnsafe("logs", "buffered", "spilled", tally(1))
      ledger.moveUnsafe("logs", "buffered", "inFlight", tally(6))
      ledger.moveUnsafe("logs", "inFlight", "delivered", tally(2))
      ledger.moveUnsafe("logs", "inFlight", { rejected: "refused" }, tally(1))
      ledger.moveUnsafe("logs", "inFlight", { rejected: "refused" }, tally(1))
      ledger.moveUnsafe("logs", "inFlight", { rejected: "unaccounted" }, tally(1))
      const books = yield* ledger.snapshot
      assert.isTrue(Books.isBalanced(books))
      assert.deepEqual(books.logs.dropped, { buffer_full: tally(1), shutdown: tally(1) })
      assert.deepEqual(books.logs.rejected, { refused: tally(2), unaccounted: tally(1) })
      assert.deepEqual(
        [books.logs.buffered, books.logs.inFlight, books.logs.delivered, books.logs.spilled],
        [1, 1, 2, 1].map((n) => tally(n))
      )
    }))

  it.effect("names no reason for no records", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.moveUnsafe("logs", "inFlight", { rejected: "refused" }, tally(0))
      assert.deepEqual((yield* ledger.snapshot).logs.rejected, {})
    }))

  it.effect("counts posts, malformed fragments and duplicates beside the balance", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.countUnsafe("posts", 2)
      ledger.countUnsafe("malformed", 3)
      ledger.countUnsafe("postsDropped", 1)
      ledger.countUnsafe("spillFilesDropped", 5)
      ledger.possiblyDuplicatedUnsafe("logs", tally(4))
      const books = yield* ledger.snapshot
      assert.isTrue(Books.isBalanced(books))
      assert.deepEqual(books.receiving, {
        posts: 2,
        malformed: 3,
        postsDropped: 1,
        spillFilesDropped: 5,
        refusedRequests: 0,
        processorFailures: 0
      })
      assert.deepEqual(books.logs.possiblyDuplicated, tally(4))
    }))

  it.effect("does not change a snapshot that has been taken", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe("logs", tally(2))
      ledger.moveUnsafe("logs", "buffered", { dropped: "shutdown" }, tally(1))
      const before = yield* ledger.snapshot
      ledger.moveUnsafe("logs", "buffered", { dropped: "shutdown" }, tally(1))
      ledger.countUnsafe("posts", 1)
      assert.deepEqual(before.logs.dropped, { shutdown: tally(1) })
      assert.strictEqual(before.receiving.posts, 0)
    }))

  it.effect("belongs to one process each", () =>
    Effect.gen(function*() {
      const [one, other] = [yield* open, yield* open]
      one.receiveUnsafe("logs", tally(1))
      assert.deepEqual((yield* other.snapshot).logs.received, tally(0))
    }))

  describe("isBalanced", () => {
    const empty = Effect.runSync(Effect.flatMap(open, (ledger) => ledger.snapshot))

    const makeBooks = (overrides: Partial<Books.Accounts> = {}, signal: Signal = "logs"): Books.LedgerSnapshot => ({
      ...empty,
      [signal]: makeAccounts(overrides)
    })

    const makeAccounts = (overrides: Partial<Books.Accounts>): Books.Accounts => ({
      received: tally(10),
      replayed: tally(2),
      delivered: tally(3),
      rejected: { refused: tally(1), poison: tally(1) },
      dropped: { buffer_full: tally(2) },
      spilled: tally(1),
      buffered: tally(3),
      inFlight: tally(1),
      possiblyDuplicated: tally(7),
      ...overrides
    })

    it.effect("is true when both sides are equal", () =>
      Effect.sync(() => assert.isTrue(Books.isBalanced(makeBooks()))))

    it.effect("is false when any account is off, in records or in bytes", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(
            fc.constantFrom("received", "replayed", "delivered", "spilled", "buffered", "inFlight"),
            fc.constantFrom(tally(1), tally(0, 1), tally(-1), tally(0, -1)),
            fc.constantFrom("logs", "traces", "metrics"),
            (account, off, signal) => {
              const { bytes, records } = makeAccounts({})[account]
              const wrong = { records: records + off.records, bytes: bytes + off.bytes }
              assert.isFalse(Books.isBalanced(makeBooks({ [account]: wrong }, signal)))
            }
          )
        )
      ))

    it.effect("is false when an account is negative", () =>
      Effect.sync(() => assert.isFalse(Books.isBalanced(makeBooks({ buffered: tally(-1), delivered: tally(7) })))))
  })

  it.effect("sums up a group of reasons", () =>
    Effect.sync(() => {
      assert.deepEqual(Books.total({ a: tally(1), b: tally(2, 7) }), tally(3, 107))
      assert.deepEqual(Books.total({}), tally(0))
    }))

  it.effect("keeps the signals apart, and tells of those that there were", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe("logs", tally(2))
      ledger.receiveUnsafe("traces", tally(3))
      ledger.moveUnsafe("traces", "buffered", "inFlight", tally(3))
      ledger.moveUnsafe("traces", "inFlight", "delivered", tally(3))
      const books = yield* ledger.snapshot
      assert.deepEqual(
        [books.logs.received, books.traces.received, books.metrics.received],
        [2, 3, 0].map((n) => tally(n))
      )
      assert.isTrue(Books.isBalanced(books))
      assert.isFalse(Books.isComplete(books))
      const summary = Books.summary(books)
      assert.strictEqual(summary["received"], 2)
      assert.deepInclude(summary["traces"], { received: 3, delivered: 3 })
      assert.notProperty(summary, "metrics")
    }))

  it.effect("summarises itself in record counts", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe("logs", tally(3))
      ledger.moveUnsafe("logs", "buffered", "inFlight", tally(2))
      ledger.moveUnsafe("logs", "inFlight", "delivered", tally(1))
      ledger.moveUnsafe("logs", "inFlight", { rejected: "poison" }, tally(1))
      ledger.countUnsafe("posts", 1)
      assert.deepEqual(Books.summary(yield* ledger.snapshot), {
        received: 3,
        replayed: 0,
        delivered: 1,
        rejected: { poison: 1 },
        dropped: {},
        spilled: 0,
        buffered: 1,
        inFlight: 0,
        possiblyDuplicated: 0,
        receivedBytes: 300,
        deliveredBytes: 100,
        posts: 1,
        malformed: 0,
        postsDropped: 0,
        spillFilesDropped: 0,
        refusedRequests: 0
      })
    }))
})
