/** What the sink does with a batch that cannot be stored as it is: smaller ones, down to the record at fault. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import type { Answer } from "../../support/fakes/ControlledTransport.ts"
import { makeControlledTransport, recordsOf, storeAll, stored } from "../../support/fakes/ControlledTransport.ts"
import { books, makeSink, sealBatches } from "../../support/fakes/sinkUnderTest.ts"

const flush = (isLast = false) => OpenObserveSink.use((sink) => sink.flush({ budget: Duration.minutes(10), isLast }))

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

const overloaded: Answer = { status: 503, body: "Error# MemoryTableOverflowError" }

describe("OpenObserveSink", () => {
  describe("dividing", () => {
    it.effect("isolates one poisonous record among 1000 in few requests", () => {
      const transport = makeControlledTransport((request) =>
        String(request.body).includes("\"n\":617}")
          ? { status: 400, body: "{\"code\":400,\"message\":\"SerdeJsonError# …\"}" }
          : storeAll(request)
      )
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches(numbers(1000))
        assert.isTrue(yield* flush())
        assert.isAtMost(transport.exchanges.length, 2 * Math.log2(1000) + 2)
        const { delivered, received, rejected } = yield* books
        assert.strictEqual(delivered.records, 999)
        assert.strictEqual(rejected.poison?.records, 1)
        assert.strictEqual(delivered.bytes + rejected.poison!.bytes, received.bytes)
        const accepted = transport.exchanges
          .filter(({ request }) => !String(request.body).includes("\"n\":617}"))
          .flatMap(recordsOf)
        assert.deepStrictEqual(accepted.map(({ n }) => n), numbers(1000).filter((n) => n !== 617))
        assert.strictEqual((yield* LogBuffer.use((buffer) => buffer.state)).heldBytes, 0)
      }).pipe(Effect.provide(layer))
    })

    it.effect("makes requests smaller for a server that takes less, and gives up a record that is too large alone", () => {
      const transport = makeControlledTransport((request) => {
        const records = JSON.parse(String(request.body)) as ReadonlyArray<{ readonly n: number }>
        return records.length > 2 || records.some(({ n }) => n === 5) ? { status: 413 } : storeAll(request)
      })
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches(numbers(8))
        assert.isTrue(yield* flush())
        const { delivered, rejected } = yield* books
        assert.strictEqual(delivered.records, 7)
        assert.strictEqual(rejected.too_large?.records, 1)
      }).pipe(Effect.provide(layer))
    })

    it.effect("sends the halves of a batch that was dropped without a word", () => {
      const transport = makeControlledTransport((request) => {
        const { length } = JSON.parse(String(request.body)) as ReadonlyArray<unknown>
        return length > 3 ? stored(0, 0) : storeAll(request)
      })
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches(numbers(6))
        assert.isTrue(yield* flush())
        assert.deepStrictEqual(transport.exchanges.map((exchange) => recordsOf(exchange).length), [6, 3, 3])
        assert.strictEqual((yield* books).delivered.records, 6)
      }).pipe(Effect.provide(layer))
    })

    it.effect("counts a record that is dropped without a word alone as unaccounted", () => {
      const transport = makeControlledTransport((request) =>
        String(request.body).includes("\"n\":1}") ? stored(0, 0) : storeAll(request)
      )
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches([1, 2])
        assert.isTrue(yield* flush())
        assert.strictEqual((yield* books).rejected.unaccounted?.records, 1)
      }).pipe(Effect.provide(layer))
    })

    for (const answer of [stored(0, 0), { status: 400, body: "{\"code\":400}" }, { status: 413 }]) {
      it.effect(`gives up nothing while the server stores nothing at all: ${JSON.stringify(answer)}`, () => {
        const transport = makeControlledTransport(() => answer)
        const { layer } = makeSink(transport, { O2_MAX_RETRIES: "0" })
        return Effect.gen(function*() {
          yield* sealBatches(numbers(8))
          assert.isFalse(yield* flush())
          assert.isAtMost(transport.exchanges.length, 2 * 8)
          const { buffered, rejected } = yield* books
          assert.deepEqual([buffered.records, rejected], [8, {}])
        }).pipe(Effect.provide(layer))
      })
    }

    it.effect("isolates a record over which the server breaks the connection, though it is well otherwise", () => {
      const transport = makeControlledTransport((request) =>
        String(request.body).includes("\"n\":617}") ? { code: "ECONNRESET", isSent: true } : storeAll(request)
      )
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches(numbers(1000), [1000])
        const flushing = yield* Effect.forkChild(flush())
        yield* TestClock.adjust("1 minute")
        assert.isTrue(yield* Fiber.join(flushing))
        const { delivered, rejected } = yield* books
        assert.strictEqual(delivered.records, 1000)
        assert.strictEqual(rejected.poison?.records, 1)
        assert.isAtMost(transport.exchanges.length, 2 * Math.log2(1000) + 6)
      }).pipe(Effect.provide(layer))
    })

    it.effect("isolates a record that a firewall forbids", () => {
      const transport = makeControlledTransport((request) =>
        String(request.body).includes("\"n\":17}") ? { status: 403, body: "Request blocked" } : storeAll(request)
      )
      const { layer, log } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches(numbers(100), [100])
        assert.isTrue(yield* flush())
        const { delivered, rejected } = yield* books
        assert.deepEqual([delivered.records, rejected.poison?.records], [100, 1])
        assert.deepEqual(log.entries.map(({ fields }) => fields["reason"]), ["HTTP 403: Request blocked"])
      }).pipe(Effect.provide(layer))
    })

    it.effect("isolates it also when nothing is to be retried", () => {
      const transport = makeControlledTransport((request) =>
        String(request.body).includes("\"n\":2}") ? { code: "ECONNRESET", isSent: true } : storeAll(request)
      )
      const { layer } = makeSink(transport, { O2_MAX_RETRIES: "0" })
      return Effect.gen(function*() {
        yield* sealBatches(numbers(5))
        assert.isTrue(yield* flush())
        const { delivered, rejected } = yield* books
        assert.deepEqual([delivered.records, rejected.poison?.records], [4, 1])
      }).pipe(Effect.provide(layer))
    })

    it.effect("keeps a record that breaks connections while nothing else is stored, and lets others go first", () => {
      const transport = makeControlledTransport((request) =>
        String(request.body).includes("\"n\":1}") ? { code: "ECONNRESET", isSent: true } : storeAll(request)
      )
      const { layer } = makeSink(transport, { O2_MAX_RETRIES: "0" })
      return Effect.gen(function*() {
        yield* sealBatches([1])
        assert.isFalse(yield* flush())
        assert.deepEqual([transport.exchanges.length, (yield* books).buffered.records], [3, 1])
        yield* sealBatches([2])
        yield* TestClock.adjust("6 seconds")
        const { delivered, rejected } = yield* books
        assert.deepEqual([delivered.records, rejected.poison?.records], [1, 1])
      }).pipe(Effect.provide(layer))
    })

    it.effect("isolates all of several such records wherever they stand", () => {
      const transport = makeControlledTransport((request) =>
        /"n":(0|1|77|500|998|999)\}/.test(String(request.body))
          ? { code: "ECONNRESET", isSent: true }
          : storeAll(request)
      )
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches(numbers(1000), [1000])
        const flushing = yield* Effect.forkChild(flush())
        yield* TestClock.adjust("10 minutes")
        yield* Fiber.join(flushing)
        const { delivered, rejected } = yield* books
        assert.deepEqual([delivered.records, rejected.poison?.records], [995, 6])
      }).pipe(Effect.provide(layer))
    })

    it.effect("isolates them when there are so many that hardly a part is without", () => {
      const transport = makeControlledTransport((request) =>
        /"n":\d*[07]\}/.test(String(request.body)) ? { code: "ECONNRESET", isSent: true } : storeAll(request)
      )
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches(numbers(1000))
        yield* Effect.forkChild(flush())
        for (let n = 0; n < 1000 && (yield* books).delivered.records < 800; n++) yield* TestClock.adjust("10 millis")
        const { delivered, rejected } = yield* books
        assert.strictEqual(delivered.records, 800)
        assert.isAtLeast(rejected.poison?.records ?? 0, 199)
      }).pipe(Effect.provide(layer))
    })

    it.effect("divides nothing while the server breaks every connection", () => {
      const reset: Answer = { code: "ECONNRESET", isSent: true }
      const transport = makeControlledTransport(() => reset, () => reset)
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches(numbers(10))
        const flushing = yield* Effect.forkChild(flush())
        yield* TestClock.adjust("10 minutes")
        assert.isFalse(yield* Fiber.join(flushing))
        assert.isTrue(transport.exchanges.every((exchange) => recordsOf(exchange).length === 10))
        assert.strictEqual((yield* books).buffered.records, 10)
      }).pipe(Effect.provide(layer))
    })

    it.effect("stops dividing while the server stores nothing, though it takes empty requests", () => {
      let isUp = false
      const transport = makeControlledTransport((request) =>
        isUp ? storeAll(request) : { code: "ECONNRESET", isSent: true }
      )
      const { layer } = makeSink(transport)
      return Effect.gen(function*() {
        yield* sealBatches(numbers(1000))
        const flushing = yield* Effect.forkChild(flush())
        yield* TestClock.adjust("10 minutes")
        assert.isFalse(yield* Fiber.join(flushing))
        // 2000 if it were divided to the end
        assert.isAtMost(transport.exchanges.length, 150)
        assert.strictEqual((yield* books).buffered.records, 1000)
        isUp = true
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual((yield* books).delivered.records, 1000)
      }).pipe(Effect.provide(layer))
    })

    it.effect("gives back the parts that are left, in order, when the server goes away meanwhile", () => {
      const answers: ReadonlyArray<Answer> = [{ status: 413 }, { status: 413 }, stored(2), overloaded]
      let isUp = false
      const transport = makeControlledTransport((request, index) =>
        isUp ? storeAll(request) : answers[index] ?? overloaded
      )
      const { layer } = makeSink(transport, { O2_MAX_RETRIES: "0" })
      return Effect.gen(function*() {
        yield* sealBatches(numbers(8))
        assert.isFalse(yield* flush())
        const { buffered, delivered, inFlight } = yield* books
        assert.deepStrictEqual([buffered.records, delivered.records, inFlight.records], [6, 2, 0])
        isUp = true
        const before = transport.exchanges.length
        yield* TestClock.adjust("1 minute")
        assert.isTrue(yield* flush())
        const late = transport.exchanges.slice(before).flatMap(recordsOf).map(({ n }) => n)
        assert.deepStrictEqual(late, [2, 3, 4, 5, 6, 7])
      }).pipe(Effect.provide(layer))
    })
  })
})
