/** The sink and what never answers: hanging servers, connections that died in a freeze, the last moments. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import { recordsOf, storeAfter, stored, unanswered } from "../../support/fakes/ControlledTransport.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"
import {
  append,
  books,
  deliverAll,
  deliverDue,
  flush,
  flushDuring,
  hangs,
  sealBatches,
  sentBy,
  thawed,
  withSink
} from "../../support/fakes/sinkUnderTest.ts"

const isPaused = Effect.map(OpenObserveSink.use((sink) => sink.outages), (outages) => outages === "all")

const OUTAGE = "OpenObserve takes no records; they wait in memory"

describe("OpenObserveSink", () => {
  describe("a server that hangs", () => {
    it.effect("is an outage when an empty request gets no answer either, and said once", () =>
      withSink(hangs, function*({ log, transport }) {
        yield* sealBatches([1])
        assert.isFalse(yield* flushDuring("2 seconds"))
        assert.isTrue(yield* isPaused)
        // nobody waits from now on
        assert.isFalse(yield* flush(2000))
        assert.strictEqual(yield* Clock.currentTimeMillis, 2000)
        assert.deepStrictEqual(log.at("Warn"), [OUTAGE])
        assert.strictEqual(log.entries[0]?.fields["cause"], "no answer from openobserve.test within 2000 ms")
        // what is tried after the pause is empty: nothing can be stored twice
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(log.at("Warn"), [OUTAGE])
        assert.deepStrictEqual([transport.exchanges.length, transport.asks() > 1], [1, true])
      }))

    it.effect("is said to make no connection, where an attempt has come to that", () =>
      withSink(hangs, function*({ log, transport }) {
        yield* sealBatches([1])
        yield* deliverDue
        yield* TestClock.adjust("1500 millis")
        yield* (yield* transport.next).answer({ code: "ETIMEDOUT", isSent: false })
        yield* TestClock.adjust("500 millis")
        assert.deepStrictEqual(log.at("Warn"), [OUTAGE])
        assert.strictEqual(
          log.entries[0]?.fields["cause"],
          "no connection was made in time to openobserve.test (ETIMEDOUT)"
        )
      }))

    it.effect("is noticed without anybody waiting", () =>
      withSink(hangs, function*({ log }) {
        yield* sealBatches([1])
        yield* deliverDue
        yield* TestClock.adjust("2 seconds")
        assert.isTrue(yield* isPaused)
        assert.deepStrictEqual(log.at("Warn"), [OUTAGE])
      }))

    it.effect("is no outage yet after a shorter wait", () =>
      withSink(hangs, function*({ log }) {
        yield* sealBatches([1])
        assert.isFalse(yield* flushDuring("999 millis"))
        assert.isFalse(yield* isPaused)
        assert.deepStrictEqual(log.entries, [])
      }))

    it.effect("sinks no further batch into silence", () =>
      withSink(hangs, function*({ transport }) {
        for (let n = 0; n < 60; n++) {
          yield* append(n)
          yield* deliverAll
          yield* TestClock.adjust("500 millis")
        }
        assert.isAtMost(transport.exchanges.length, 2)
      }))

    it.effect("ends the outage by answering late", () =>
      withSink(hangs, function*({ log, transport }) {
        yield* sealBatches([1])
        const flushing = yield* Effect.forkChild(flush(2000))
        const { answer } = yield* transport.next
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(flushing)
        yield* answer(stored(1))
        yield* TestClock.adjust(0)
        assert.isFalse(yield* isPaused)
        assert.deepStrictEqual(log.at("Info"), ["OpenObserve takes records again"])
        const { delivered, possiblyDuplicated } = yield* books
        assert.deepStrictEqual([delivered.records, possiblyDuplicated.records], [1, 0])
      }))
  })

  describe("a request whose answer is lost", () => {
    it.effect("is repeated when an empty one shows that the server is well: no outage, nobody waits for the budget", () =>
      withSink({ respond: storeAfter(undefined) }, function*({ log, transport }) {
        yield* sealBatches([1])
        assert.isTrue(yield* flushDuring("1 second", 2000))
        assert.strictEqual(transport.asks(), 1)
        assert.deepStrictEqual(sentBy(transport), [[1], [1]])
        assert.deepStrictEqual(log.at("Warn"), [])
        const { delivered, possiblyDuplicated } = yield* books
        assert.deepStrictEqual([delivered.records, possiblyDuplicated.records], [1, 1])
      }))

    it.effect("is repeated when others were stored meanwhile, without asking", () =>
      withSink({ respond: storeAfter(undefined) }, function*({ transport }) {
        yield* sealBatches([1], [2])
        yield* deliverDue
        yield* TestClock.adjust("1 second")
        yield* sealBatches([3])
        yield* deliverDue
        yield* TestClock.adjust(0)
        assert.isTrue(yield* flush(0))
        assert.deepStrictEqual(sentBy(transport).flat().sort(), [1, 1, 2, 3])
        assert.isFalse(yield* isPaused)
      }))

    it.effect("is repeated once: a second answer that does not come is waited for", () =>
      withSink({ respond: storeAfter(undefined, undefined) }, function*({ transport }) {
        yield* sealBatches([1])
        yield* deliverDue
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(sentBy(transport), [[1], [1]])
        // others go round it
        yield* append(2)
        assert.isFalse(yield* flush(0))
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(sentBy(transport), [[1], [1], [2]])
      }))

    it.effect("holds up no later flush", () =>
      withSink({ respond: storeAfter(undefined, undefined) }, function*({ transport }) {
        yield* sealBatches([1])
        yield* deliverDue
        yield* TestClock.adjust("5 seconds")
        const before = yield* Clock.currentTimeMillis
        yield* append(2)
        yield* flush(2000)
        assert.strictEqual(yield* Clock.currentTimeMillis, before)
        assert.deepStrictEqual(sentBy(transport), [[1], [1], [2]])
      }))

    it.effect("is suspect late where answers take long", () =>
      withSink({ respond: unanswered }, function*({ transport }) {
        yield* sealBatches([1])
        yield* deliverDue
        const first = yield* transport.next
        yield* TestClock.adjust("900 millis")
        yield* first.answer(stored(1))
        yield* sealBatches([2])
        yield* deliverDue
        yield* TestClock.adjust("2699 millis")
        assert.strictEqual(transport.asks(), 0)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(transport.asks(), 1)
      }))
  })

  describe("the last flush", () => {
    it.effect("sends again what has had no answer for 2 s, at once, and counts it", () =>
      withSink({ respond: storeAfter(undefined) }, function*({ transport }) {
        yield* sealBatches([1, 2])
        yield* deliverDue
        yield* TestClock.adjust("2001 millis")
        assert.isTrue(yield* flush(600, true))
        assert.strictEqual(yield* Clock.currentTimeMillis, 2001)
        assert.deepStrictEqual(sentBy(transport).map(({ length }) => length), [2, 2])
        assert.strictEqual(transport.inFlight(), 0)
        const { delivered, possiblyDuplicated } = yield* books
        assert.deepStrictEqual([delivered.records, possiblyDuplicated.records], [2, 2])
      }))

    it.effect("waits for the answer to a younger request", () =>
      withSink(hangs, function*({ transport }) {
        yield* sealBatches([1])
        yield* deliverDue
        const { answer } = yield* transport.next
        yield* TestClock.adjust("2 seconds")
        const flushing = yield* Effect.forkChild(flush(600, true))
        yield* TestClock.adjust("500 millis")
        yield* answer(stored(1))
        assert.isTrue(yield* Fiber.join(flushing))
        assert.strictEqual(transport.exchanges.length, 1)
        assert.strictEqual((yield* books).possiblyDuplicated.records, 0)
      }))

    it.effect("is not held up by a request that hangs, and delivers what waits behind it", () =>
      withSink({
        respond: storeAfter(undefined, undefined, undefined, undefined),
        health: hangs.health
      }, function*({ transport }) {
        yield* sealBatches([1], [2], [3], [4], [5])
        yield* deliverDue
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(transport.inFlight(), 4)
        assert.isTrue(yield* flush(600, true))
        assert.strictEqual((yield* books).delivered.records, 5)
      }))
  })

  describe("thawed", () => {
    it.effect("drops idle connections, and gives requests from before 200 ms for an answer", () =>
      withFreezes((freeze) =>
        withSink({}, function*({ transport }) {
          yield* sealBatches([1], [2])
          yield* deliverDue
          const answered = yield* transport.next
          const lost = yield* transport.next
          yield* TestClock.adjust("10 millis")
          const since = yield* Clock.currentTimeMillis
          yield* freeze(20_000)
          assert.strictEqual(transport.drops(), 0)
          yield* thawed(since)
          assert.strictEqual(transport.drops(), 1)
          yield* TestClock.adjust("199 millis")
          yield* answered.answer(stored(1))
          yield* TestClock.adjust(0)
          assert.strictEqual(transport.exchanges.length, 2)
          yield* TestClock.adjust("1 millis")
          // at once and not as a retry, whatever the retry delay
          const repeated = yield* transport.next
          assert.deepStrictEqual(recordsOf(repeated), recordsOf(lost))
          yield* repeated.answer(stored(1))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(transport.exchanges.length, 3)
          const { delivered, possiblyDuplicated } = yield* books
          assert.deepStrictEqual([delivered.records, possiblyDuplicated.records], [2, 1])
        })
      ))

    it.effect("leaves requests alone that were begun after", () =>
      withSink(hangs, function*({ transport }) {
        yield* sealBatches([1])
        const since = yield* Clock.currentTimeMillis
        yield* deliverDue
        const { answer } = yield* transport.next
        yield* TestClock.adjust("3 seconds")
        yield* thawed(since)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(transport.exchanges.length, 1)
        yield* answer(stored(1))
        yield* TestClock.adjust(0)
        const { delivered, possiblyDuplicated } = yield* books
        assert.deepStrictEqual([delivered.records, possiblyDuplicated.records], [1, 0])
      }))

    it.effect("does not repeat for ever what is never answered", () =>
      withSink(hangs, function*({ transport }) {
        yield* sealBatches([1])
        yield* deliverDue
        yield* TestClock.adjust("2 seconds")
        yield* thawed(1000)
        yield* TestClock.adjust("25 seconds")
        assert.strictEqual(transport.exchanges.length, 2)
        assert.strictEqual((yield* books).possiblyDuplicated.records, 1)
      }))
  })

  describe("a time-out that was due during a freeze", () => {
    it.effect("leaves time for reading the answer that has come meanwhile", () =>
      withFreezes((freeze) =>
        withSink(hangs, function*({ transport }) {
          yield* sealBatches([1])
          yield* deliverDue
          const { answer } = yield* transport.next
          yield* TestClock.adjust("29 seconds")
          yield* freeze(3_600_000)
          yield* TestClock.adjust("1199 millis")
          assert.strictEqual(transport.inFlight(), 1)
          yield* answer(stored(1))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(transport.exchanges.length, 1)
          const { delivered, possiblyDuplicated } = yield* books
          assert.deepStrictEqual([delivered.records, possiblyDuplicated.records], [1, 0])
        })
      ))
  })

  describe("the probe after a pause", () => {
    it.effect("is a single attempt", () =>
      withSink(
        { respond: () => ({ status: 503 }), env: { O2_MAX_RETRIES: "3", O2_INITIAL_RETRY_DELAY_MS: "10" } },
        function*({ transport }) {
          yield* sealBatches([1])
          assert.isFalse(yield* flushDuring("1 second"))
          assert.strictEqual(transport.exchanges.length, 4)
          const before = transport.exchanges.length
          // by itself, without anybody asking: the retries of one delivery were 10, 20 and 40 ms apart
          yield* TestClock.adjust("3 seconds")
          assert.strictEqual(transport.exchanges.length, before + 1)
        }
      ))
  })
})
