/** What waits during an outage, and how it leaves afterwards: few requests, and not all sandboxes at once. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import type { Answer } from "../../support/fakes/ControlledTransport.ts"
import { recordsOf, storeAfter, stored, storeUnless, unreadable } from "../../support/fakes/ControlledTransport.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"
import {
  append,
  books,
  bufferState,
  deliverAll,
  flush,
  flushDuring,
  hangs,
  noRetries,
  sentBy,
  thawed,
  withSink
} from "../../support/fakes/sinkUnderTest.ts"
import { withThaws } from "../../support/fakes/thaws.ts"

const refused: Answer = { code: "ECONNREFUSED", isSent: false }

describe("OpenObserveSink", () => {
  describe("during an outage", () => {
    it.effect("lets what is open grow, and sends it as one batch once the probe was taken", () =>
      withSink({ respond: storeAfter(refused), env: noRetries }, function*({ transport }) {
        yield* append(1)
        assert.isFalse(yield* flush(2000))
        for (const n of [2, 3, 4]) {
          yield* append(n)
          yield* deliverAll
          assert.isFalse(yield* flush(2000))
        }
        assert.deepInclude(yield* bufferState, { openRecords: 3, sealedBatches: 1 })
        // the probe comes by itself, and nobody else has to ask
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(sentBy(transport), [[1], [1], [2, 3, 4]])
        assert.strictEqual((yield* books).delivered.records, 4)
      }))

    it.effect("adds no batch while the probe has no answer", () =>
      withSink({ respond: (_, index) => index === 0 ? refused : undefined, env: noRetries }, function*({ transport }) {
        yield* append(1)
        assert.isFalse(yield* flush(2000))
        yield* TestClock.adjust("3 seconds")
        const probe = yield* transport.next
        yield* append(2)
        yield* deliverAll
        yield* append(3)
        const flushing = yield* Effect.forkChild(flush(2000))
        yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual(sentBy(transport), [[1], [1]])
        yield* probe.answer(stored(1))
        const rest = yield* transport.next
        assert.deepStrictEqual(recordsOf(rest).map(({ n }) => n), [2, 3])
        yield* rest.answer(stored(2))
        assert.isTrue(yield* Fiber.join(flushing))
      }))

    it.effect("begins to wait with the first attempt that fails, not only with the last", () =>
      withSink({ respond: storeAfter(refused), env: { O2_INITIAL_RETRY_DELAY_MS: "1000" } }, function*({ transport }) {
        yield* append(1)
        yield* deliverAll
        yield* TestClock.adjust("100 millis")
        yield* append(2)
        yield* deliverAll
        yield* append(3)
        yield* deliverAll
        assert.deepStrictEqual(sentBy(transport), [[1]])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(sentBy(transport), [[1], [1], [2, 3]])
      }))

    it.effect("goes on with what is open when the probe turns out to be poison", () =>
      withSink({
        respond: (request, index) => index === 0 ? refused : storeUnless(/"n":1\}/, unreadable)(request, index),
        env: noRetries
      }, function*({ transport }) {
        yield* append(1)
        assert.isFalse(yield* flush(2000))
        yield* append(2)
        yield* deliverAll
        yield* TestClock.adjust("3 seconds")
        // it may be the server: what is open is tried next
        assert.deepStrictEqual(sentBy(transport), [[1], [1]])
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(sentBy(transport), [[1], [1], [2], [1]])
        const { delivered, rejected } = yield* books
        assert.deepStrictEqual([delivered.records, rejected.poison?.records], [1, 1])
      }))

    it.effect("makes a probe of what is open when nothing else is left", () =>
      withSink({ respond: storeAfter(refused), env: noRetries }, function*({ transport }) {
        yield* append(1)
        assert.isFalse(yield* flush(2000))
        yield* LogBuffer.use((buffer) => buffer.drop("buffer_full"))
        yield* append(2)
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(sentBy(transport), [[1], [2]])
      }))

    it.effect("seals all at the very end, so that nothing waits behind the probe", () =>
      withSink({
        respond: (request, index) => index === 0 ? refused : storeUnless(/"n":1\}/, undefined)(request, index),
        env: noRetries
      }, function*() {
        yield* append(1)
        assert.isFalse(yield* flush(2000))
        yield* append(2)
        assert.isFalse(yield* flushDuring("600 millis", 600, true))
        const { buffered, delivered } = yield* books
        assert.deepStrictEqual([buffered.records, delivered.records], [1, 1])
        assert.deepInclude(yield* bufferState, { openRecords: 0, sealedBatches: 1 })
      }))

    it.effect("keeps sandboxes apart that failed at the same moment", () =>
      Effect.gen(function*() {
        const probeOf = (seed: string) =>
          withSink({ respond: () => refused, env: noRetries }, function*({ transport }) {
            const began = yield* Clock.currentTimeMillis
            yield* append(1)
            yield* Random.withSeed(flush(2000), seed)
            yield* TestClock.adjust("4 seconds")
            return transport.exchanges[1]!.sentAt - began
          })
        const pauses = yield* Effect.forEach(["a", "b", "c", "d"], probeOf)
        assert.strictEqual(new Set(pauses).size, 4)
        for (const pause of pauses) assert.isTrue(pause >= 2400 && pause <= 3600, `${pause} ms`)
      }))
  })

  describe("a freeze in an outage", () => {
    it.effect("gives back what it cut off, until the pause is over", () =>
      withFreezes((freeze) =>
        withSink(hangs, function*({ transport }) {
          yield* append(1)
          assert.isFalse(yield* flushDuring("2 seconds"))
          // no answer: the outage begins, with the request still in flight
          const since = yield* Clock.currentTimeMillis
          yield* freeze(1500)
          yield* thawed(since)
          yield* TestClock.adjust("200 millis")
          assert.deepStrictEqual([transport.exchanges.length, transport.inFlight()], [1, 0])
          assert.strictEqual((yield* books).buffered.records, 1)
          yield* TestClock.adjust("3 seconds")
          assert.deepStrictEqual(sentBy(transport), [[1], [1]])
        })
      ))

    it.effect("is not taken for the server's silence: what had no answer before it is sent again at once", () =>
      withThaws((freeze) =>
        withSink(hangs, function*({ transport }) {
          yield* append(1)
          assert.isFalse(yield* flushDuring("2 seconds"))
          const since = yield* Clock.currentTimeMillis
          // longer than the pause and the time-out, which is due on thaw before anybody knows of the freeze
          yield* freeze(60_000)
          yield* thawed(since)
          yield* TestClock.adjust("200 millis")
          yield* transport.next
          const again = yield* transport.next
          yield* again.answer(stored(1))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(transport.exchanges.length, 2)
          assert.strictEqual((yield* books).delivered.records, 1)
        })
      ))
  })
})
