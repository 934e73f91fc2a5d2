import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { overloaded, storeAfter, storeAll, stored } from "../../support/fakes/ControlledTransport.ts"
import {
  append,
  books,
  deliverAll,
  deliverDue,
  flush,
  flushDuring,
  hangs,
  noRetries,
  sealBatches,
  sentBy,
  withSink
} from "../../support/fakes/sinkUnderTest.ts"

describe("OpenObserveSink", () => {
  describe("retries", () => {
    it.effect("waits exponentially, up to the cap, with at most 20 % of jitter", () =>
      withSink({
        respond: () => overloaded,
        env: {
          O2_MAX_RETRIES: "5",
          O2_INITIAL_RETRY_DELAY_MS: "1000",
          O2_MAX_RETRY_DELAY_MS: "5000",
          // attempts that have failed for so long are an outage
          O2_FLUSH_BUDGET_MS: "60000"
        }
      }, function*({ transport }) {
        yield* sealBatches([1])
        const flushing = yield* Effect.forkChild(Random.withSeed(flush(), "any"))
        yield* TestClock.adjust("5 minutes")
        assert.isFalse(yield* Fiber.join(flushing))
        // what follows later are the probes of the outage
        const times = transport.exchanges.slice(0, 6).map(({ sentAt }) => sentAt)
        // sums of fractions of milliseconds are not exact
        const delays = times.slice(1).map((time, index) => Math.round((time - times[index]!) * 1000) / 1000)
        assert.strictEqual(delays.length, 5)
        for (const [index, nominal] of [1000, 2000, 4000, 5000, 5000].entries()) {
          assert.isAtLeast(delays[index]!, nominal * 0.8)
          assert.isAtMost(delays[index]!, Math.min(nominal * 1.2, 5000))
        }
        assert.notDeepEqual(delays, [1000, 2000, 4000, 5000, 5000])
      }))

    it.effect("makes a single attempt when no retries are wanted", () =>
      withSink({ respond: () => overloaded, env: noRetries }, function*({ transport }) {
        yield* sealBatches([1])
        assert.isFalse(yield* flush())
        assert.strictEqual(transport.exchanges.length, 1)
        assert.strictEqual((yield* books).buffered.records, 1)
      }))

    it.effect("waits as long as Retry-After asks", () =>
      withSink({ respond: storeAfter({ ...overloaded, headers: { "retry-after": "7" } }) }, function*({ transport }) {
        yield* sealBatches([1])
        const flushing = yield* Effect.forkChild(flush())
        yield* TestClock.adjust("6999 millis")
        assert.strictEqual(transport.exchanges.length, 1)
        yield* TestClock.adjust("1 millis")
        assert.isTrue(yield* Fiber.join(flushing))
        assert.strictEqual(transport.exchanges.length, 2)
      }))

    it.effect("gives up at once when Retry-After asks for more than the longest delay, and leaves the server in peace", () =>
      withSink({ respond: () => ({ ...overloaded, headers: { "retry-after": "31" } }) }, function*({ transport }) {
        yield* sealBatches([1])
        assert.isFalse(yield* flush())
        // what was asked for, and by chance up to a fifth more: here a tenth
        yield* TestClock.adjust("34099 millis")
        assert.isFalse(yield* flush(1000))
        assert.strictEqual(transport.exchanges.length, 1)
        yield* TestClock.adjust("1 millis")
        yield* flush(1000)
        assert.strictEqual(transport.exchanges.length, 2)
      }))

    it.effect("ends an attempt at its time-out and counts what may have been stored", () =>
      withSink({
        ...hangs,
        env: { O2_REQUEST_TIMEOUT_MS: "900", O2_MAX_RETRIES: "1" }
      }, function*({ transport }) {
        yield* sealBatches([1, 2])
        const flushing = yield* Effect.forkChild(flush())
        yield* transport.next
        yield* TestClock.adjust("899 millis")
        assert.strictEqual(transport.inFlight(), 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(transport.inFlight(), 0)
        assert.strictEqual((yield* books).possiblyDuplicated.records, 2)
        yield* TestClock.adjust("1200 millis")
        const second = yield* transport.next
        yield* second.answer(stored(2))
        assert.isTrue(yield* Fiber.join(flushing))
        assert.strictEqual((yield* books).delivered.records, 2)
      }))

    it.effect("counts as possibly duplicated only what the server may have received", () =>
      withSink({
        respond: storeAfter({ code: "ECONNREFUSED", isSent: false }, { code: "ECONNRESET", isSent: true })
      }, function*() {
        yield* sealBatches([1])
        const flushing = yield* Effect.forkChild(flush())
        yield* Effect.yieldNow
        assert.strictEqual((yield* books).possiblyDuplicated.records, 0)
        yield* TestClock.adjust("1 minute")
        assert.isTrue(yield* Fiber.join(flushing))
        assert.strictEqual((yield* books).possiblyDuplicated.records, 1)
      }))

    it.effect("returns batches to their place, merged when they are small, so that order is kept", () => {
      let isUp = false
      return withSink(
        { respond: (request) => isUp ? storeAll(request) : overloaded, env: noRetries },
        function*({ transport }) {
          yield* sealBatches([1], [2], [3])
          assert.isFalse(yield* flush(1000))
          yield* sealBatches([4])
          isUp = true
          const before = transport.exchanges.length
          yield* TestClock.adjust("1 minute")
          assert.isTrue(yield* flush(1000))
          assert.deepStrictEqual(sentBy(transport).slice(before), [[1, 2, 3], [4]])
        }
      )
    })
  })

  describe("flush", () => {
    it.effect("does not wait for a retry that does not fit its budget", () =>
      withSink({ respond: () => overloaded, env: { O2_INITIAL_RETRY_DELAY_MS: "1000" } }, function*() {
        yield* sealBatches([1])
        assert.isFalse(yield* flush(700))
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
        assert.strictEqual((yield* books).buffered.records, 1)
      }))

    it.effect("ends the sleep of a retry that does not fit the budget of a later flush", () =>
      withSink({ respond: () => overloaded }, function*() {
        yield* sealBatches([1])
        yield* deliverDue
        yield* Effect.yieldNow
        assert.strictEqual((yield* books).inFlight.records, 1)
        assert.isFalse(yield* flush(500))
        assert.strictEqual((yield* books).buffered.records, 1)
      }))

    it.effect("cuts the sleep of a retry short when it is the last", () =>
      withSink({ respond: storeAfter(overloaded) }, function*() {
        yield* sealBatches([1])
        yield* deliverDue
        yield* Effect.yieldNow
        assert.isTrue(yield* flush(2000, true))
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
        assert.strictEqual((yield* books).delivered.records, 1)
      }))

    it.effect("leaves in flight what has not been answered when the budget ends", () =>
      withSink({}, function*({ transport }) {
        yield* sealBatches([1])
        const flushing = yield* Effect.forkChild(flush(500))
        const { answer } = yield* transport.next
        yield* TestClock.adjust("500 millis")
        assert.isFalse(yield* Fiber.join(flushing))
        assert.strictEqual((yield* books).inFlight.records, 1)
        yield* answer(stored(1))
        assert.isTrue(yield* flush(500))
        assert.strictEqual((yield* books).delivered.records, 1)
        assert.strictEqual(transport.exchanges.length, 1)
      }))

    it.effect("seals what is open", () =>
      withSink({ respond: storeAll }, function*({ transport }) {
        yield* sealBatches([1])
        yield* append(2)
        assert.isTrue(yield* flush(500))
        assert.deepStrictEqual(sentBy(transport), [[1], [2]])
      }))

    it.effect("gives back what is in flight when its budget ends and it is the last", () =>
      withSink({}, function*({ transport }) {
        yield* sealBatches([1, 2], [3])
        const flushing = yield* Effect.forkChild(flush(500, true))
        yield* transport.next
        yield* TestClock.adjust("500 millis")
        assert.isFalse(yield* Fiber.join(flushing))
        assert.strictEqual(transport.inFlight(), 0)
        const before = yield* books
        assert.strictEqual(before.buffered.records, 3)
        assert.strictEqual(before.possiblyDuplicated.records, 3)
        yield* LogBuffer.use((buffer) => buffer.drop("shutdown"))
        assert.strictEqual((yield* books).dropped.shutdown?.records, 3)
      }))
  })

  describe("after the last flush", () => {
    it.effect("sends nothing more: what is left is for the disk", () =>
      withSink({}, function*({ transport }) {
        yield* sealBatches([1])
        yield* flushDuring("500 millis", 500, true)
        yield* deliverAll
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(transport.exchanges.length, 1)
        assert.strictEqual((yield* books).buffered.records, 1)
      }))
  })

  describe("concurrency", () => {
    it.effect("has four requests in flight when there is a backlog", () =>
      withSink({}, function*({ transport }) {
        yield* sealBatches([1], [2], [3], [4], [5], [6])
        const flushing = yield* Effect.forkChild(flush())
        for (let index = 0; index < 6; index++) {
          const { answer } = yield* transport.next
          assert.isAtMost(transport.inFlight(), 4)
          if (index === 0) {
            yield* Effect.yieldNow
            assert.strictEqual(transport.inFlight(), 4)
          }
          yield* answer(stored(1))
        }
        assert.isTrue(yield* Fiber.join(flushing))
      }))

    it.effect("has one request in flight for a single batch, however often it is started", () =>
      withSink({}, function*({ transport }) {
        yield* sealBatches([1])
        yield* deliverDue
        yield* deliverDue
        const { answer } = yield* transport.next
        yield* deliverDue
        yield* Effect.yieldNow
        assert.strictEqual(transport.exchanges.length, 1)
        yield* answer(stored(1))
      }))
  })
})
