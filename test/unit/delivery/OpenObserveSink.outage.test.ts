/** What waits during an outage, and how it leaves afterwards: few requests, and not all sandboxes at once. */
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
import { withFreezes } from "../../support/fakes/freezes.ts"
import { append, books, makeSink, postOf } from "../../support/fakes/sinkUnderTest.ts"
import { withThaws } from "../../support/fakes/thaws.ts"

const refused: Answer = { code: "ECONNREFUSED", isSent: false }

const flush = (budgetMs = 2000, isLast = false) =>
  OpenObserveSink.use((sink) => sink.flush({ budget: Duration.millis(budgetMs), isLast }))

const send = OpenObserveSink.use((sink) => sink.deliverAll)

const write = (...numbers: ReadonlyArray<number>) => append(postOf(numbers))

const bufferState = LogBuffer.use((buffer) => buffer.state)

const sentBy = (transport: ControlledTransport) =>
  transport.exchanges.map((exchange) => recordsOf(exchange).map(({ n }) => n))

/** A delivery of a single attempt: the first failure begins the outage. */
const noRetries = { O2_MAX_RETRIES: "0" }

describe("OpenObserveSink", () => {
  describe("during an outage", () => {
    it.effect("lets what is open grow, and sends it as one batch once the probe was taken", () => {
      const transport = makeControlledTransport((request, index) => index === 0 ? refused : storeAll(request))
      const { layer } = makeSink(transport, noRetries)
      return Effect.gen(function*() {
        yield* write(1)
        assert.isFalse(yield* flush())
        for (const n of [2, 3, 4]) {
          yield* write(n)
          yield* send
          assert.isFalse(yield* flush())
        }
        assert.deepInclude(yield* bufferState, { openRecords: 3, sealedBatches: 1 })
        // the probe comes by itself, and nobody else has to ask
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(sentBy(transport), [[1], [1], [2, 3, 4]])
        assert.strictEqual((yield* books).delivered.records, 4)
      }).pipe(Effect.provide(layer))
    })

    it.effect("adds no batch while the probe has no answer", () => {
      const transport = makeControlledTransport((_, index) => index === 0 ? refused : undefined)
      const { layer } = makeSink(transport, noRetries)
      return Effect.gen(function*() {
        yield* write(1)
        assert.isFalse(yield* flush())
        yield* TestClock.adjust("5 seconds")
        const probe = yield* transport.next
        yield* write(2)
        yield* send
        yield* write(3)
        const flushing = yield* Effect.forkChild(flush())
        yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual(sentBy(transport), [[1], [1]])
        yield* probe.answer(stored(1))
        const rest = yield* transport.next
        assert.deepStrictEqual(recordsOf(rest).map(({ n }) => n), [2, 3])
        yield* rest.answer(stored(2))
        assert.isTrue(yield* Fiber.join(flushing))
      }).pipe(Effect.provide(layer))
    })

    it.effect("begins to wait with the first attempt that fails, not only with the last", () => {
      const transport = makeControlledTransport((request, index) => index === 0 ? refused : storeAll(request))
      const { layer } = makeSink(transport, { O2_INITIAL_RETRY_DELAY_MS: "1000" })
      return Effect.gen(function*() {
        yield* write(1)
        yield* send
        yield* TestClock.adjust("100 millis")
        yield* write(2)
        yield* send
        yield* write(3)
        yield* send
        assert.deepStrictEqual(sentBy(transport), [[1]])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(sentBy(transport), [[1], [1], [2, 3]])
      }).pipe(Effect.provide(layer))
    })

    it.effect("goes on with what is open when the probe turns out to be poison", () => {
      const poisoned: Answer = { status: 400, body: "{\"code\":400,\"message\":\"Serde\"}" }
      const transport = makeControlledTransport((request, index) => {
        if (index === 0) return refused
        return String(request.body).includes("\"n\":1}") ? poisoned : storeAll(request)
      })
      const { layer } = makeSink(transport, noRetries)
      return Effect.gen(function*() {
        yield* write(1)
        assert.isFalse(yield* flush())
        yield* write(2)
        yield* send
        yield* TestClock.adjust("5 seconds")
        // it may be the server: what is open is tried next
        assert.deepStrictEqual(sentBy(transport), [[1], [1]])
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(sentBy(transport), [[1], [1], [2], [1]])
        const { delivered, rejected } = yield* books
        assert.deepStrictEqual([delivered.records, rejected.poison?.records], [1, 1])
      }).pipe(Effect.provide(layer))
    })

    it.effect("makes a probe of what is open when nothing else is left", () => {
      const transport = makeControlledTransport((request, index) => index === 0 ? refused : storeAll(request))
      const { layer } = makeSink(transport, noRetries)
      return Effect.gen(function*() {
        yield* write(1)
        assert.isFalse(yield* flush())
        yield* LogBuffer.use((buffer) => buffer.drop("buffer_full"))
        yield* write(2)
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(sentBy(transport), [[1], [2]])
      }).pipe(Effect.provide(layer))
    })

    it.effect("seals all at the very end, so that nothing waits behind the probe", () => {
      const transport = makeControlledTransport((request, index) =>
        index === 0 ? refused : String(request.body).includes("\"n\":1}") ? undefined : storeAll(request)
      )
      const { layer } = makeSink(transport, noRetries)
      return Effect.gen(function*() {
        yield* write(1)
        assert.isFalse(yield* flush())
        yield* write(2)
        const flushing = yield* Effect.forkChild(flush(600, true))
        yield* TestClock.adjust("600 millis")
        assert.isFalse(yield* Fiber.join(flushing))
        const { buffered, delivered } = yield* books
        assert.deepStrictEqual([buffered.records, delivered.records], [1, 1])
        assert.deepInclude(yield* bufferState, { openRecords: 0, sealedBatches: 1 })
      }).pipe(Effect.provide(layer))
    })

    it.effect("keeps sandboxes apart that failed at the same moment", () =>
      Effect.gen(function*() {
        const probeOf = Effect.fnUntraced(function*(seed: string) {
          const transport = makeControlledTransport(() => refused)
          const { layer } = makeSink(transport, noRetries)
          return yield* Effect.gen(function*() {
            const began = yield* Clock.currentTimeMillis
            yield* write(1)
            yield* Random.withSeed(flush(), seed)
            yield* TestClock.adjust("6 seconds")
            return transport.exchanges[1]!.sentAt - began
          }).pipe(Effect.provide(layer))
        })
        const pauses = yield* Effect.forEach(["a", "b", "c", "d"], probeOf)
        assert.strictEqual(new Set(pauses).size, 4)
        for (const pause of pauses) assert.isTrue(pause >= 4000 && pause <= 6000, `${pause} ms`)
      }))
  })

  describe("a freeze in an outage", () => {
    it.effect("gives back what it cut off, until the pause is over", () => {
      const transport = makeControlledTransport()
      const { layer } = makeSink(transport)
      return withFreezes((freeze) =>
        Effect.gen(function*() {
          yield* write(1)
          const flushing = yield* Effect.forkChild(flush())
          yield* TestClock.adjust("2 seconds")
          // no answer: the outage begins, with the request still in flight
          assert.isFalse(yield* Fiber.join(flushing))
          const since = yield* Clock.currentTimeMillis
          yield* freeze(3000)
          yield* OpenObserveSink.use((sink) => sink.thawed(since))
          yield* TestClock.adjust("200 millis")
          assert.deepStrictEqual([transport.exchanges.length, transport.inFlight()], [1, 0])
          assert.strictEqual((yield* books).buffered.records, 1)
          yield* TestClock.adjust("5 seconds")
          assert.deepStrictEqual(sentBy(transport), [[1], [1]])
        })
      ).pipe(Effect.provide(layer))
    })

    it.effect("is not taken for the server's silence: what had no answer before it is sent again at once", () => {
      const transport = makeControlledTransport()
      const { layer } = makeSink(transport)
      return withThaws((freeze) =>
        Effect.gen(function*() {
          yield* write(1)
          const flushing = yield* Effect.forkChild(flush())
          yield* TestClock.adjust("2 seconds")
          assert.isFalse(yield* Fiber.join(flushing))
          const since = yield* Clock.currentTimeMillis
          // longer than the pause and the time-out, which is due on thaw before anybody knows of the freeze
          yield* freeze(60_000)
          yield* OpenObserveSink.use((sink) => sink.thawed(since))
          yield* TestClock.adjust("200 millis")
          yield* transport.next
          const again = yield* transport.next
          yield* again.answer(stored(1))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(transport.exchanges.length, 2)
          assert.strictEqual((yield* books).delivered.records, 1)
        })
      ).pipe(Effect.provide(layer))
    })
  })
})
