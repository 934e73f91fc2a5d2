/** What the sink does with a batch that cannot be stored as it is: smaller ones, down to the record at fault. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Answer } from "../../support/fakes/ControlledTransport.ts"
import {
  overloaded,
  recordsOf,
  storeAll,
  stored,
  storeUnless,
  unreadable
} from "../../support/fakes/ControlledTransport.ts"
import {
  books,
  bufferState,
  flush,
  flushDuring,
  noRetries,
  numbersBelow,
  sealBatches,
  sentBy,
  withSink
} from "../../support/fakes/sinkUnderTest.ts"

const reset: Answer = { code: "ECONNRESET", isSent: true }

describe("OpenObserveSink", () => {
  describe("dividing", () => {
    it.effect("isolates one poisonous record among 1000 in few requests", () =>
      withSink({ respond: storeUnless(/"n":617\}/, unreadable) }, function*({ transport }) {
        yield* sealBatches(numbersBelow(1000))
        assert.isTrue(yield* flush())
        assert.isAtMost(transport.exchanges.length, 2 * Math.log2(1000) + 2)
        const { delivered, received, rejected } = yield* books
        assert.strictEqual(delivered.records, 999)
        assert.strictEqual(rejected.poison?.records, 1)
        assert.strictEqual(delivered.bytes + rejected.poison!.bytes, received.bytes)
        const accepted = transport.exchanges
          .filter(({ request }) => !String(request.body).includes("\"n\":617}"))
          .flatMap(recordsOf)
        assert.deepStrictEqual(accepted.map(({ n }) => n), numbersBelow(1000).filter((n) => n !== 617))
        assert.strictEqual((yield* bufferState).heldBytes, 0)
      }))

    it.effect("makes requests smaller for a server that takes less, and gives up a record that is too large alone", () =>
      withSink({
        respond: (request) => {
          const records = JSON.parse(String(request.body)) as ReadonlyArray<{ readonly n: number }>
          return records.length > 2 || records.some(({ n }) => n === 5) ? { status: 413 } : storeAll(request)
        }
      }, function*() {
        yield* sealBatches(numbersBelow(8))
        assert.isTrue(yield* flush())
        const { delivered, rejected } = yield* books
        assert.strictEqual(delivered.records, 7)
        assert.strictEqual(rejected.too_large?.records, 1)
      }))

    it.effect("sends the halves of a batch that was dropped without a word", () =>
      withSink({
        respond: (request) => {
          const { length } = JSON.parse(String(request.body)) as ReadonlyArray<unknown>
          return length > 3 ? stored(0, 0) : storeAll(request)
        }
      }, function*({ transport }) {
        yield* sealBatches(numbersBelow(6))
        assert.isTrue(yield* flush())
        assert.deepStrictEqual(sentBy(transport).map(({ length }) => length), [6, 3, 3])
        assert.strictEqual((yield* books).delivered.records, 6)
      }))

    it.effect("counts a record that is dropped without a word alone as unaccounted", () =>
      withSink({ respond: storeUnless(/"n":1\}/, stored(0, 0)) }, function*() {
        yield* sealBatches([1, 2])
        assert.isTrue(yield* flush())
        assert.strictEqual((yield* books).rejected.unaccounted?.records, 1)
      }))

    for (const answer of [stored(0, 0), { status: 400, body: "{\"code\":400}" }, { status: 413 }]) {
      it.effect(`gives up nothing while the server stores nothing at all: ${JSON.stringify(answer)}`, () =>
        withSink({ respond: () => answer, env: noRetries }, function*({ transport }) {
          yield* sealBatches(numbersBelow(8))
          assert.isFalse(yield* flush())
          assert.isAtMost(transport.exchanges.length, 2 * 8)
          const { buffered, rejected } = yield* books
          assert.deepEqual([buffered.records, rejected], [8, {}])
        }))
    }

    it.effect("isolates a record over which the server breaks the connection, though it is well otherwise", () =>
      withSink({ respond: storeUnless(/"n":617\}/, reset) }, function*({ transport }) {
        yield* sealBatches(numbersBelow(1000), [1000])
        assert.isTrue(yield* flushDuring("1 minute", 600_000))
        const { delivered, rejected } = yield* books
        assert.strictEqual(delivered.records, 1000)
        assert.strictEqual(rejected.poison?.records, 1)
        assert.isAtMost(transport.exchanges.length, 2 * Math.log2(1000) + 6)
      }))

    it.effect("isolates a record that a firewall forbids", () =>
      withSink({ respond: storeUnless(/"n":17\}/, { status: 403, body: "Request blocked" }) }, function*({ log }) {
        yield* sealBatches(numbersBelow(100), [100])
        assert.isTrue(yield* flush())
        const { delivered, rejected } = yield* books
        assert.deepEqual([delivered.records, rejected.poison?.records], [100, 1])
        assert.deepEqual(log.entries.map(({ fields }) => fields["reason"]), ["HTTP 403: Request blocked"])
      }))

    it.effect("isolates it also when nothing is to be retried", () =>
      withSink({ respond: storeUnless(/"n":2\}/, reset), env: noRetries }, function*() {
        yield* sealBatches(numbersBelow(5))
        assert.isTrue(yield* flush())
        const { delivered, rejected } = yield* books
        assert.deepEqual([delivered.records, rejected.poison?.records], [4, 1])
      }))

    it.effect("keeps a record that breaks connections while nothing else is stored, and lets others go first", () =>
      withSink({ respond: storeUnless(/"n":1\}/, reset), env: noRetries }, function*({ transport }) {
        yield* sealBatches([1])
        assert.isFalse(yield* flush())
        assert.deepEqual([transport.exchanges.length, (yield* books).buffered.records], [3, 1])
        yield* sealBatches([2])
        yield* TestClock.adjust("6 seconds")
        const { delivered, rejected } = yield* books
        assert.deepEqual([delivered.records, rejected.poison?.records], [1, 1])
      }))

    it.effect("isolates all of several such records wherever they stand", () =>
      withSink({ respond: storeUnless(/"n":(0|1|77|500|998|999)\}/, reset) }, function*() {
        yield* sealBatches(numbersBelow(1000), [1000])
        yield* flushDuring("10 minutes")
        const { delivered, rejected } = yield* books
        assert.deepEqual([delivered.records, rejected.poison?.records], [995, 6])
      }))

    it.effect("isolates them when there are so many that hardly a part is without", () =>
      withSink({ respond: storeUnless(/"n":\d*[07]\}/, reset) }, function*() {
        yield* sealBatches(numbersBelow(1000))
        yield* Effect.forkChild(flush())
        for (let n = 0; n < 1000 && (yield* books).delivered.records < 800; n++) yield* TestClock.adjust("10 millis")
        const { delivered, rejected } = yield* books
        assert.strictEqual(delivered.records, 800)
        assert.isAtLeast(rejected.poison?.records ?? 0, 199)
      }))

    it.effect("divides nothing while the server breaks every connection", () =>
      withSink({ respond: () => reset, health: () => reset }, function*({ transport }) {
        yield* sealBatches(numbersBelow(10))
        assert.isFalse(yield* flushDuring("10 minutes"))
        assert.isTrue(sentBy(transport).every(({ length }) => length === 10))
        assert.strictEqual((yield* books).buffered.records, 10)
      }))

    it.effect("stops dividing while the server stores nothing, though it takes empty requests", () => {
      let isUp = false
      return withSink({ respond: (request) => isUp ? storeAll(request) : reset }, function*({ transport }) {
        yield* sealBatches(numbersBelow(1000))
        assert.isFalse(yield* flushDuring("10 minutes"))
        // 2000 if it were divided to the end
        assert.isAtMost(transport.exchanges.length, 150)
        assert.strictEqual((yield* books).buffered.records, 1000)
        isUp = true
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual((yield* books).delivered.records, 1000)
      })
    })

    it.effect("gives back the parts that are left, in order, when the server goes away meanwhile", () => {
      const answers: ReadonlyArray<Answer> = [{ status: 413 }, { status: 413 }, stored(2), overloaded]
      let isUp = false
      return withSink({
        respond: (request, index) => isUp ? storeAll(request) : answers[index] ?? overloaded,
        env: noRetries
      }, function*({ transport }) {
        yield* sealBatches(numbersBelow(8))
        assert.isFalse(yield* flush())
        const { buffered, delivered, inFlight } = yield* books
        assert.deepStrictEqual([buffered.records, delivered.records, inFlight.records], [6, 2, 0])
        isUp = true
        const before = transport.exchanges.length
        yield* TestClock.adjust("1 minute")
        assert.isTrue(yield* flush())
        const late = sentBy(transport).slice(before).flat()
        assert.deepStrictEqual(late, [2, 3, 4, 5, 6, 7])
      })
    })
  })
})
