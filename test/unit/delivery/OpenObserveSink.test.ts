import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import type { Answer, ControlledTransport } from "../../support/fakes/ControlledTransport.ts"
import { makeControlledTransport, recordsOf, storeAll, stored } from "../../support/fakes/ControlledTransport.ts"
import { append, books, makeSink, postOf, sealBatches } from "../../support/fakes/sinkUnderTest.ts"

const overloaded: Answer = { status: 503, body: "Error# MemoryTableOverflowError" }

const flush = (budgetMs: number, isLast = false) =>
  OpenObserveSink.use((sink) => sink.flush({ budget: Duration.millis(budgetMs), isLast }))

const minutes = 60_000

/** What the exchanges so far carried, as lists of numbers. */
const sentBy = (transport: ControlledTransport) =>
  transport.exchanges.map((exchange) => recordsOf(exchange).map(({ n }) => n))

describe("OpenObserveSink", () => {
  describe("retries", () => {
    it.effect("waits exponentially, up to the cap, with at most 20 % of jitter", () => {
      const transport = makeControlledTransport(() => overloaded)
      const { layer } = makeSink(transport, {
        O2_MAX_RETRIES: "5",
        O2_INITIAL_RETRY_DELAY_MS: "1000",
        O2_MAX_RETRY_DELAY_MS: "5000"
      })
      return Effect.gen(function*() {
        yield* sealBatches([1])
        const flushing = yield* Effect.forkChild(Random.withSeed(flush(10 * minutes), "any"))
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
      }).pipe(Effect.provide(layer))
    })

    it.effect("makes a single attempt when no retries are wanted", () => {
      const transport = makeControlledTransport(() => overloaded)
      const { layer } = makeSink(transport, { O2_MAX_RETRIES: "0" })
      return Effect.gen(function*() {
        yield* sealBatches([1])
        assert.isFalse(yield* flush(10 * minutes))
        assert.strictEqual(transport.exchanges.length, 1)
        assert.strictEqual((yield* books).buffered.records, 1)
      }).pipe(Effect.provide(layer))
    })

    it.effect("waits as long as Retry-After asks", () => {
      const transport = makeControlledTransport((request, index) =>
        index === 0 ? { ...overloaded, headers: { "retry-after": "7" } } : storeAll(request)
      )
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches([1])
        const flushing = yield* Effect.forkChild(flush(10 * minutes))
        yield* TestClock.adjust("6999 millis")
        assert.strictEqual(transport.exchanges.length, 1)
        yield* TestClock.adjust("1 millis")
        assert.isTrue(yield* Fiber.join(flushing))
        assert.strictEqual(transport.exchanges.length, 2)
      }).pipe(Effect.provide(layer))
    })

    it.effect("gives up at once when Retry-After asks for more than the longest delay, and leaves the server in peace", () => {
      const transport = makeControlledTransport(() => ({ ...overloaded, headers: { "retry-after": "31" } }))
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches([1])
        assert.isFalse(yield* flush(10 * minutes))
        // what was asked for, and by chance up to a fifth more: here a tenth
        yield* TestClock.adjust("34099 millis")
        assert.isFalse(yield* flush(1000))
        assert.strictEqual(transport.exchanges.length, 1)
        yield* TestClock.adjust("1 millis")
        yield* flush(1000)
        assert.strictEqual(transport.exchanges.length, 2)
      }).pipe(Effect.provide(layer))
    })

    it.effect("ends an attempt at its time-out and counts what may have been stored", () => {
      const transport = makeControlledTransport()
      const { layer } = makeSink(transport, { O2_REQUEST_TIMEOUT_MS: "2000", O2_MAX_RETRIES: "1" })
      return Effect.gen(function*() {
        yield* sealBatches([1, 2])
        const flushing = yield* Effect.forkChild(flush(10 * minutes))
        yield* transport.next
        yield* TestClock.adjust("1999 millis")
        assert.strictEqual(transport.inFlight(), 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(transport.inFlight(), 0)
        assert.strictEqual((yield* books).possiblyDuplicated.records, 2)
        yield* TestClock.adjust("1200 millis")
        const second = yield* transport.next
        yield* second.answer(stored(2))
        assert.isTrue(yield* Fiber.join(flushing))
        assert.strictEqual((yield* books).delivered.records, 2)
      }).pipe(Effect.provide(layer))
    })

    it.effect("counts as possibly duplicated only what the server may have received", () => {
      const answers: ReadonlyArray<Answer> = [
        { code: "ECONNREFUSED", isSent: false },
        { code: "ECONNRESET", isSent: true }
      ]
      const transport = makeControlledTransport((request, index) => answers[index] ?? storeAll(request))
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches([1])
        const flushing = yield* Effect.forkChild(flush(10 * minutes))
        yield* Effect.yieldNow
        assert.strictEqual((yield* books).possiblyDuplicated.records, 0)
        yield* TestClock.adjust("1 minute")
        assert.isTrue(yield* Fiber.join(flushing))
        assert.strictEqual((yield* books).possiblyDuplicated.records, 1)
      }).pipe(Effect.provide(layer))
    })

    it.effect("returns a batch to its place, so that order is kept", () => {
      let isUp = false
      const transport = makeControlledTransport((request) => isUp ? storeAll(request) : overloaded)
      const { layer } = makeSink(transport, { O2_MAX_RETRIES: "0" })
      return Effect.gen(function*() {
        yield* sealBatches([1], [2], [3])
        assert.isFalse(yield* flush(1000))
        yield* sealBatches([4])
        isUp = true
        const before = transport.exchanges.length
        yield* TestClock.adjust("1 minute")
        assert.isTrue(yield* flush(1000))
        assert.deepStrictEqual(sentBy(transport).slice(before), [[1], [2], [3], [4]])
      }).pipe(Effect.provide(layer))
    })
  })

  describe("flush", () => {
    it.effect("does not wait for a retry that does not fit its budget", () => {
      const transport = makeControlledTransport(() => overloaded)
      const { layer } = makeSink(transport, { O2_INITIAL_RETRY_DELAY_MS: "1000" })
      return Effect.gen(function*() {
        yield* sealBatches([1])
        assert.isFalse(yield* flush(700))
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
        assert.strictEqual((yield* books).buffered.records, 1)
      }).pipe(Effect.provide(layer))
    })

    it.effect("ends the sleep of a retry that does not fit the budget of a later flush", () => {
      const transport = makeControlledTransport(() => overloaded)
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches([1])
        yield* OpenObserveSink.use((sink) => sink.deliverDue)
        yield* Effect.yieldNow
        assert.strictEqual((yield* books).inFlight.records, 1)
        assert.isFalse(yield* flush(500))
        assert.strictEqual((yield* books).buffered.records, 1)
      }).pipe(Effect.provide(layer))
    })

    it.effect("cuts the sleep of a retry short when it is the last", () => {
      const transport = makeControlledTransport((request, index) => index === 0 ? overloaded : storeAll(request))
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches([1])
        yield* OpenObserveSink.use((sink) => sink.deliverDue)
        yield* Effect.yieldNow
        assert.isTrue(yield* flush(2000, true))
        assert.strictEqual(yield* Clock.currentTimeMillis, 0)
        assert.strictEqual((yield* books).delivered.records, 1)
      }).pipe(Effect.provide(layer))
    })

    it.effect("leaves in flight what has not been answered when the budget ends", () => {
      const transport = makeControlledTransport()
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
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
      }).pipe(Effect.provide(layer))
    })

    it.effect("seals what is open", () => {
      const transport = makeControlledTransport(storeAll)
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches([1])
        yield* append(postOf([2]))
        assert.isTrue(yield* flush(500))
        assert.deepStrictEqual(sentBy(transport), [[1], [2]])
      }).pipe(Effect.provide(layer))
    })

    it.effect("gives back what is in flight when its budget ends and it is the last", () => {
      const transport = makeControlledTransport()
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
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
      }).pipe(Effect.provide(layer))
    })
  })

  describe("after the last flush", () => {
    it.effect("sends nothing more: what is left is for the disk", () => {
      const transport = makeControlledTransport()
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        const sink = yield* OpenObserveSink
        yield* sealBatches([1])
        const flushing = yield* Effect.forkChild(flush(500, true))
        yield* TestClock.adjust("500 millis")
        yield* Fiber.join(flushing)
        yield* sink.deliverAll
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(transport.exchanges.length, 1)
        assert.strictEqual((yield* books).buffered.records, 1)
      }).pipe(Effect.provide(layer))
    })
  })

  describe("concurrency", () => {
    it.effect("has four requests in flight when there is a backlog", () => {
      const transport = makeControlledTransport()
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches([1], [2], [3], [4], [5], [6])
        const flushing = yield* Effect.forkChild(flush(10 * minutes))
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
      }).pipe(Effect.provide(layer))
    })

    it.effect("has one request in flight for a single batch, however often it is started", () => {
      const transport = makeControlledTransport()
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        const sink = yield* OpenObserveSink
        yield* sealBatches([1])
        yield* sink.deliverDue
        yield* sink.deliverDue
        const { answer } = yield* transport.next
        yield* sink.deliverDue
        yield* Effect.yieldNow
        assert.strictEqual(transport.exchanges.length, 1)
        yield* answer(stored(1))
      }).pipe(Effect.provide(layer))
    })
  })
})
