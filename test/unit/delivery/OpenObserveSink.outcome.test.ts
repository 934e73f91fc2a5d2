/** What the sink makes of answers: the books, what is given up, outages. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { Batch } from "../../../src/delivery/Batch.ts"
import { LogsDestination } from "../../../src/openobserve/LogsDestination.ts"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import type { Answer } from "../../support/fakes/ControlledTransport.ts"
import {
  overloaded,
  storeAfter,
  storeAll,
  stored,
  storeUnless,
  unreadable
} from "../../support/fakes/ControlledTransport.ts"
import {
  append,
  books,
  bufferState,
  deliverDue,
  flush,
  numbersBelow,
  sealBatches,
  sentBy,
  withSink
} from "../../support/fakes/sinkUnderTest.ts"

const denied: Answer = { status: 401, body: "Unauthorized Access" }

describe("OpenObserveSink", () => {
  describe("books", () => {
    it.effect("accounts for records that are stored, refused and passed over in silence", () =>
      withSink({ respond: () => stored(3, 1, "Too old data") }, function*({ log }) {
        yield* sealBatches(numbersBelow(5))
        assert.isTrue(yield* flush())
        const { delivered, received, rejected } = yield* books
        assert.strictEqual(delivered.records, 3)
        assert.strictEqual(rejected.refused?.records, 1)
        assert.strictEqual(rejected.unaccounted?.records, 1)
        const bytes = delivered.bytes + rejected.refused!.bytes + rejected.unaccounted!.bytes
        assert.strictEqual(bytes, received.bytes)
        assert.strictEqual((yield* bufferState).heldBytes, 0)
        assert.deepStrictEqual(log.entries.map(({ fields, level }) => ({ level, reason: fields["reason"] })), [
          { level: "Warn", reason: "Too old data" }
        ])
      }))

    it.effect("does not believe a server that claims more than was sent", () =>
      withSink({ respond: () => stored(7, 7) }, function*() {
        yield* sealBatches([1, 2])
        assert.isTrue(yield* flush())
        assert.strictEqual((yield* books).delivered.records, 2)
      }))
  })

  describe("gives up at once, and counts, what an earlier generation cannot have left:", () => {
    const madeUp = { id: -1, tally: { records: 2, bytes: 20 }, coding: "identity" } as const
    it.effect.each<[string, Pick<Batch, "body" | "coding" | "oldestTimestamp">]>([
      ["what is not compressed as it says", { body: Buffer.from("text"), coding: "gzip", oldestTimestamp: 0 }],
      ["no records", { body: Buffer.from("text"), coding: "identity", oldestTimestamp: -Infinity }],
      ["other values", { body: Buffer.from("[1,2]"), coding: "identity", oldestTimestamp: -Infinity }],
      ["records without a time", { body: Buffer.from("[{},{}]"), coding: "identity", oldestTimestamp: -Infinity }]
    ])("%s", ([, content]) =>
      withSink({ respond: storeUnless(/^text$/, unreadable) }, function*({ log }) {
        yield* TestClock.adjust(Duration.days(1))
        const buffer = yield* LogBuffer
        yield* buffer.restore({ ...madeUp, destination: yield* LogsDestination, ...content })
        yield* sealBatches([1])
        assert.isTrue(yield* flush())
        const { delivered, dropped, inFlight } = yield* books
        assert.deepStrictEqual({ delivered: delivered.records, dropped, inFlight: inFlight.records }, {
          delivered: 1,
          dropped: { unreadable: { records: 2, bytes: 20 } },
          inFlight: 0
        })
        assert.deepStrictEqual(log.entries.map(({ message }) => message), [
          "records cannot be read and were dropped"
        ])
      }))
  })

  it.effect("gives up what cannot be read for a server that takes no compression, and goes on", () =>
    withSink({
      respond: (request) => request.headers["content-encoding"] === undefined ? storeAll(request) : { status: 415 }
    }, function*({ log }) {
      const buffer = yield* LogBuffer
      const destination = yield* LogsDestination
      const oldestTimestamp = (yield* Clock.currentTimeMillis) * 1000
      const body = Buffer.from("text")
      yield* buffer.restore({
        id: -1,
        tally: { records: 2, bytes: 20 },
        coding: "gzip",
        destination,
        body,
        oldestTimestamp
      })
      yield* sealBatches([1])
      assert.isTrue(yield* flush())
      const { delivered, dropped } = yield* books
      assert.strictEqual(delivered.records, 1)
      assert.deepStrictEqual(dropped, { unreadable: { records: 2, bytes: 20 } })
      assert.isFalse(log.entries.some(({ message }) => message === "a delivery ended unexpectedly"))
    }))

  it.effect("sends without compression to a server that takes none, and says so once", () =>
    withSink({
      respond: (request) => request.headers["content-encoding"] === undefined ? storeAll(request) : { status: 415 },
      env: { O2_COMPRESSION: "gzip" }
    }, function*({ log, transport }) {
      for (let n = 0; n < 3; n++) {
        yield* sealBatches([n])
        assert.isTrue(yield* flush())
      }
      assert.strictEqual((yield* books).delivered.records, 3)
      assert.strictEqual(transport.exchanges.length, 4)
      assert.strictEqual(log.at("Warn").length, 1)
      assert.include(String(log.entries[0]?.fields["remedy"]), "O2_COMPRESSION")
    }))

  describe("warmUp", () => {
    const warmUp = OpenObserveSink.use((sink) => Effect.andThen(sink.warmUp, TestClock.adjust(0)))

    it.effect("tells wrong credentials before there is anything to send", () =>
      withSink({ respond: storeAll, health: () => denied }, function*({ log, transport }) {
        yield* warmUp
        assert.strictEqual(transport.asks(), 1)
        assert.include(String(log.entries[0]?.fields["remedy"]), "O2_AUTHORIZATION_HEADER")
        assert.strictEqual(yield* OpenObserveSink.use((sink) => sink.outages), "all")
      }))

    it.effect("makes nothing of what may pass", () =>
      withSink({ respond: storeAll, health: () => overloaded }, function*({ log }) {
        yield* warmUp
        assert.deepStrictEqual(log.entries, [])
        yield* sealBatches([1])
        assert.isTrue(yield* flush())
      }))
  })

  describe("outages", () => {
    it.effect("make one request of what many calls wrote meanwhile", () => {
      let isUp = false
      return withSink({ respond: (request) => isUp ? storeAll(request) : denied }, function*({ transport }) {
        yield* sealBatches([0])
        yield* flush()
        for (let n = 1; n < 20; n++) {
          yield* append(n)
          yield* flush()
        }
        isUp = true
        const before = transport.exchanges.length
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(
          sentBy(transport).slice(before).map(({ length }) => length),
          [1, 19]
        )
      })
    })

    it.effect("says once which setting is wrong, and keeps the records", () =>
      withSink({ respond: () => denied }, function*({ log, transport }) {
        yield* sealBatches([1])
        assert.isFalse(yield* flush())
        assert.strictEqual(transport.exchanges.length, 1)
        yield* TestClock.adjust("1 minute")
        assert.isFalse(yield* flush())
        // probes after 5, 10 and 20 s
        assert.strictEqual(transport.exchanges.length, 4)
        assert.deepStrictEqual(log.at("Warn"), ["OpenObserve takes no records; they wait in memory"])
        assert.include(String(log.entries[0]?.fields["remedy"]), "O2_AUTHORIZATION_HEADER")
        assert.notInclude(JSON.stringify(log.entries), "Basic eDpzZWNyZXQ=")
        assert.strictEqual((yield* books).buffered.records, 1)
      }))

    it.effect("waits for nobody during an outage, and sends a single probe after the pause", () =>
      withSink({ respond: (_, index) => index === 0 ? denied : undefined }, function*({ log, transport }) {
        yield* sealBatches([1])
        assert.isFalse(yield* flush())
        yield* sealBatches([2], [3])
        yield* TestClock.adjust("4999 millis")
        assert.isFalse(yield* flush())
        yield* deliverDue
        yield* Effect.yieldNow
        assert.strictEqual(transport.exchanges.length, 1)
        yield* TestClock.adjust("1 millis")
        const flushing = yield* Effect.forkChild(flush())
        const probe = yield* transport.next
        yield* deliverDue
        yield* Effect.yieldNow
        assert.strictEqual(transport.exchanges.length, 2)
        yield* probe.answer(stored(1))
        for (let index = 0; index < 2; index++) yield* Effect.flatMap(transport.next, ({ answer }) => answer(stored(1)))
        assert.isTrue(yield* Fiber.join(flushing))
        assert.deepStrictEqual(log.at("Info"), ["OpenObserve takes records again"])
      }))

    it.effect("takes failures of requests that were in flight together for one", () =>
      withSink({ respond: storeAfter(undefined, undefined, undefined, undefined) }, function*({ transport }) {
        yield* sealBatches([1], [2], [3], [4])
        const flushing = yield* Effect.forkChild(flush())
        const exchanges = yield* Effect.all([transport.next, transport.next, transport.next, transport.next])
        yield* Effect.forEach(exchanges, ({ answer }) => answer(denied))
        assert.isFalse(yield* Fiber.join(flushing))
        assert.strictEqual(transport.exchanges.length, 4)
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(yield* flush())
      }))

    it.effect("doubles the pause with each failed probe, up to a minute", () =>
      withSink({ respond: () => denied }, function*({ transport }) {
        yield* sealBatches([1])
        yield* flush()
        for (const seconds of [5, 10, 20, 40, 60, 60]) {
          const before = transport.exchanges.length
          yield* TestClock.adjust(Duration.millis(seconds * 1000 - 1))
          yield* flush()
          assert.strictEqual(transport.exchanges.length, before)
          yield* TestClock.adjust("1 millis")
          yield* flush()
          assert.strictEqual(transport.exchanges.length, before + 1)
        }
      }))

    it.effect("tries once more at the very end", () =>
      withSink({ respond: storeAfter(denied) }, function*() {
        yield* sealBatches([1])
        assert.isFalse(yield* flush())
        assert.isTrue(yield* flush(600_000, true))
        assert.strictEqual((yield* books).delivered.records, 1)
      }))

    it.effect("warns again when it happens again", () =>
      withSink({ respond: (request, index) => index === 1 ? storeAll(request) : denied }, function*({ log }) {
        yield* sealBatches([1])
        yield* flush()
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(yield* flush())
        yield* sealBatches([2])
        yield* flush()
        assert.strictEqual(log.at("Warn").length, 2)
        assert.strictEqual(log.at("Info").length, 1)
      }))
  })
})
