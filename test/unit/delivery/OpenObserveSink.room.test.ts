import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import { stored } from "../../support/fakes/ControlledTransport.ts"
import { append, bufferState, deliverAll, hangs, noRetries, withSink } from "../../support/fakes/sinkUnderTest.ts"

const LIMIT_BYTES = 1024 * 1024

const env = { O2_MAX_BUFFER_SIZE_MB: "1" }

const open = OpenObserveSink.use((sink) => sink.open)

/** Begins to wait for all the memory that there is. */
const awaitAllRoom = (atMostMs: number) =>
  Effect.gen(function*() {
    const waiting = yield* Effect.forkChild(OpenObserveSink.use((sink) => sink.awaitRoom(LIMIT_BYTES, atMostMs)))
    yield* TestClock.adjust(0)
    return waiting
  })

const isOver = <A>(waiting: Fiber.Fiber<A>) => waiting.pollUnsafe() !== undefined

describe("OpenObserveSink", () => {
  describe("awaitRoom", () => {
    it.effect("does not wait where there is room", () =>
      withSink({ env }, function*() {
        yield* open
        assert.strictEqual(yield* Fiber.join(yield* awaitAllRoom(1000)), 0)
      }))

    it.effect("has what is open delivered, and waits until there is room", () =>
      withSink({ env }, function*({ transport }) {
        yield* open
        yield* append(1)
        const waiting = yield* awaitAllRoom(1000)
        assert.isFalse(isOver(waiting))
        // what comes meanwhile takes room, too
        yield* append(2)
        yield* TestClock.adjust("300 millis")
        yield* (yield* transport.next).answer(stored(1))
        yield* TestClock.adjust(0)
        assert.isFalse(isOver(waiting))
        yield* TestClock.adjust("100 millis")
        yield* (yield* transport.next).answer(stored(1))
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* Fiber.join(waiting), 400)
        assert.strictEqual((yield* bufferState).heldBytes, 0)
      }))

    it.effect("waits no longer than it is told when no answer comes", () =>
      withSink({ env, ...hangs }, function*() {
        yield* open
        yield* append(1)
        const waiting = yield* awaitAllRoom(1000)
        yield* TestClock.adjust("999 millis")
        assert.isFalse(isOver(waiting))
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(waiting), 1000)
      }))

    it.effect("ends with the beginning of an outage, and does not wait in one", () =>
      withSink({ env: { ...env, ...noRetries } }, function*({ transport }) {
        yield* open
        yield* append(1)
        const waiting = yield* awaitAllRoom(1000)
        yield* (yield* transport.next).answer({ status: 503 })
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* Fiber.join(waiting), 0)
        assert.isTrue(isOver(yield* awaitAllRoom(1000)))
        assert.strictEqual(transport.inFlight(), 0)
      }))

    it.effect("does not wait for what no delivery gives back", () =>
      withSink({ env }, function*() {
        yield* open
        yield* LogBuffer.useSync((buffer) => buffer.reserveUnsafe(1000))
        assert.strictEqual(yield* Fiber.join(yield* awaitAllRoom(1000)), 0)
      }))

    it.effect("does not wait where nothing is sent yet", () =>
      withSink({ env }, function*({ transport }) {
        yield* append(1)
        assert.strictEqual(yield* Fiber.join(yield* awaitAllRoom(1000)), 0)
        assert.strictEqual(transport.exchanges.length, 0)
        yield* deliverAll
      }))
  })
})
