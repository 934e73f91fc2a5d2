import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Ledger from "../../../src/delivery/Ledger.ts"

const tally = (records: number, bytes = records * 100) => ({ records, bytes })
const open = Effect.provide(Ledger.Ledger, Ledger.Ledger.layer)

describe("Ledger", () => {
  it.effect("is empty and balanced at the start", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      const books = yield* ledger.snapshot
      assert.isTrue(Ledger.isBalanced(books))
      assert.deepEqual(books.received, tally(0))
      assert.deepEqual(books.intake, { posts: 0, malformed: 0, postsDropped: 0, spillFilesDropped: 0 })
    }))

  it.effect("has what was received in the buffer", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe(tally(2))
      ledger.receiveUnsafe(tally(3))
      const books = yield* ledger.snapshot
      assert.deepEqual(books.received, tally(5))
      assert.deepEqual(books.buffered, tally(5))
    }))

  it.effect("has what was replayed in the buffer", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe(tally(2))
      ledger.replayUnsafe(tally(3))
      ledger.replayUnsafe(tally(4))
      const books = yield* ledger.snapshot
      assert.isTrue(Ledger.isBalanced(books))
      assert.deepEqual([books.received, books.replayed, books.buffered], [2, 7, 9].map((n) => tally(n)))
    }))

  it.effect("moves records between accounts and keeps reasons apart", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe(tally(10))
      ledger.moveUnsafe("buffered", { dropped: "buffer_full" }, tally(1))
      ledger.moveUnsafe("buffered", { dropped: "shutdown" }, tally(1))
      ledger.moveUnsafe("buffered", "spilled", tally(1))
      ledger.moveUnsafe("buffered", "inFlight", tally(6))
      ledger.moveUnsafe("inFlight", "delivered", tally(2))
      ledger.moveUnsafe("inFlight", { rejected: "refused" }, tally(1))
      ledger.moveUnsafe("inFlight", { rejected: "refused" }, tally(1))
      ledger.moveUnsafe("inFlight", { rejected: "unaccounted" }, tally(1))
      const books = yield* ledger.snapshot
      assert.isTrue(Ledger.isBalanced(books))
      assert.deepEqual(books.dropped, { buffer_full: tally(1), shutdown: tally(1) })
      assert.deepEqual(books.rejected, { refused: tally(2), unaccounted: tally(1) })
      assert.deepEqual(
        [books.buffered, books.inFlight, books.delivered, books.spilled],
        [1, 1, 2, 1].map((n) => tally(n))
      )
    }))

  it.effect("names no reason for no records", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.moveUnsafe("inFlight", { rejected: "refused" }, tally(0))
      assert.deepEqual((yield* ledger.snapshot).rejected, {})
    }))

  it.effect("counts posts, malformed fragments and duplicates beside the balance", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.countUnsafe("posts", 2)
      ledger.countUnsafe("malformed", 3)
      ledger.countUnsafe("postsDropped", 1)
      ledger.countUnsafe("spillFilesDropped", 5)
      ledger.possiblyDuplicatedUnsafe(tally(4))
      const books = yield* ledger.snapshot
      assert.isTrue(Ledger.isBalanced(books))
      assert.deepEqual(books.intake, { posts: 2, malformed: 3, postsDropped: 1, spillFilesDropped: 5 })
      assert.deepEqual(books.possiblyDuplicated, tally(4))
    }))

  it.effect("does not change a snapshot that has been taken", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe(tally(2))
      ledger.moveUnsafe("buffered", { dropped: "shutdown" }, tally(1))
      const before = yield* ledger.snapshot
      ledger.moveUnsafe("buffered", { dropped: "shutdown" }, tally(1))
      ledger.countUnsafe("posts", 1)
      assert.deepEqual(before.dropped, { shutdown: tally(1) })
      assert.strictEqual(before.intake.posts, 0)
    }))

  it.effect("belongs to one process each", () =>
    Effect.gen(function*() {
      const [one, other] = [yield* open, yield* open]
      one.receiveUnsafe(tally(1))
      assert.deepEqual((yield* other.snapshot).received, tally(0))
    }))

  describe("isBalanced", () => {
    const makeBooks = (overrides: Partial<Ledger.LedgerSnapshot> = {}): Ledger.LedgerSnapshot => ({
      received: tally(10),
      replayed: tally(2),
      delivered: tally(3),
      rejected: { refused: tally(1), poison: tally(1) },
      dropped: { buffer_full: tally(2) },
      spilled: tally(1),
      buffered: tally(3),
      inFlight: tally(1),
      possiblyDuplicated: tally(7),
      intake: { posts: 1, malformed: 2, postsDropped: 3, spillFilesDropped: 4 },
      ...overrides
    })

    it.effect("is true when both sides are equal", () =>
      Effect.sync(() => assert.isTrue(Ledger.isBalanced(makeBooks()))))

    it.effect("is false when any account is off, in records or in bytes", () =>
      Effect.sync(() =>
        fc.assert(
          fc.property(
            fc.constantFrom("received", "replayed", "delivered", "spilled", "buffered", "inFlight"),
            fc.constantFrom(tally(1), tally(0, 1), tally(-1), tally(0, -1)),
            (account, off) => {
              const books = makeBooks()
              const { bytes, records } = books[account]
              const wrong = { records: records + off.records, bytes: bytes + off.bytes }
              assert.isFalse(Ledger.isBalanced(makeBooks({ [account]: wrong })))
            }
          )
        )
      ))

    it.effect("is false when an account is negative", () =>
      Effect.sync(() => assert.isFalse(Ledger.isBalanced(makeBooks({ buffered: tally(-1), delivered: tally(7) })))))
  })

  it.effect("sums up a group of reasons", () =>
    Effect.sync(() => {
      assert.deepEqual(Ledger.total({ a: tally(1), b: tally(2, 7) }), tally(3, 107))
      assert.deepEqual(Ledger.total({}), tally(0))
    }))

  it.effect("summarises itself in record counts", () =>
    Effect.gen(function*() {
      const ledger = yield* open
      ledger.receiveUnsafe(tally(3))
      ledger.moveUnsafe("buffered", "inFlight", tally(2))
      ledger.moveUnsafe("inFlight", "delivered", tally(1))
      ledger.moveUnsafe("inFlight", { rejected: "poison" }, tally(1))
      ledger.countUnsafe("posts", 1)
      assert.deepEqual(Ledger.summary(yield* ledger.snapshot), {
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
        spillFilesDropped: 0
      })
    }))
})
