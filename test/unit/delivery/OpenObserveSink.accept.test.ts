import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import { LogsDestination } from "../../../src/openobserve/LogsDestination.ts"
import { makeDestination } from "../../support/destinations.ts"
import { storeAll } from "../../support/fakes/ControlledTransport.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"
import { deliverDue, numbersBelow, postOf, sentBy, withSink } from "../../support/fakes/sinkUnderTest.ts"

/** Hands a record to the sink as the pipeline does. */
const accept = Effect.fnUntraced(function*(...numbers: ReadonlyArray<number>) {
  const sink = yield* OpenObserveSink
  yield* sink.accept(yield* LogsDestination, postOf(numbers))
  yield* TestClock.adjust(0)
})

const open = OpenObserveSink.use((sink) => sink.open)

describe("OpenObserveSink", () => {
  describe("accept", () => {
    it.effect("has a batch delivered as soon as it is full", () =>
      withSink({ respond: storeAll, env: { O2_MAX_BATCH_SIZE_KB: "1" } }, function*({ transport }) {
        yield* open
        let n = 0
        while (transport.exchanges.length === 0) yield* accept(n++)
        assert.deepStrictEqual(sentBy(transport), [numbersBelow(n - 1)])
      }))

    it.effect("sends what has reached O2_FLUSH_INTERVAL_MS, counted from the first record", () =>
      withSink({ respond: storeAll, env: { O2_FLUSH_INTERVAL_MS: "5000" } }, function*({ transport }) {
        yield* open
        yield* accept(1)
        yield* TestClock.adjust("3 seconds")
        yield* accept(2)
        yield* TestClock.adjust("1999 millis")
        assert.deepStrictEqual(sentBy(transport), [])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(sentBy(transport), [[1, 2]])
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(transport.exchanges.length, 1)
      }))

    it.effect("leaves what has got old in a frozen sandbox for 200 ms to whom INVOKE wakes", () =>
      withFreezes((freeze) =>
        withSink({ respond: storeAll, env: { O2_FLUSH_INTERVAL_MS: "5000" } }, function*({ transport }) {
          yield* open
          yield* accept(1)
          yield* freeze(3_600_000)
          yield* TestClock.adjust("5199 millis")
          assert.deepStrictEqual(sentBy(transport), [])
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(sentBy(transport), [[1]])
        })
      ))

    it.effect("sends nothing before it is opened, where a snapshot may be taken; then what is there gets old", () =>
      withSink({ respond: storeAll, env: { O2_FLUSH_INTERVAL_MS: "5000" } }, function*({ transport }) {
        yield* accept(1)
        yield* TestClock.adjust("1 hour")
        yield* LogBuffer.use((buffer) => buffer.seal())
        yield* accept(2)
        assert.deepStrictEqual(sentBy(transport), [])
        yield* open
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(sentBy(transport), [[1]])
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(sentBy(transport), [[1], [2]])
      }))

    it.effect("refuses a destination that nobody has announced", () =>
      withSink({ respond: storeAll }, function*() {
        const sink = yield* OpenObserveSink
        const exit = yield* Effect.exit(sink.accept(makeDestination({ name: "elsewhere" }), postOf([1])))
        assert.strictEqual(exit._tag, "Failure")
      }))
  })

  describe("deliverDue", () => {
    it.effect("sends what has been open for the interval, which a freeze may hide from the timer", () =>
      withFreezes((freeze) =>
        withSink({ respond: storeAll, env: { O2_FLUSH_INTERVAL_MS: "5000" } }, function*({ transport }) {
          yield* open
          yield* accept(1)
          yield* freeze(4999)
          yield* deliverDue
          yield* TestClock.adjust(0)
          assert.deepStrictEqual(sentBy(transport), [])
          yield* freeze(1)
          yield* deliverDue
          yield* TestClock.adjust(0)
          assert.deepStrictEqual(sentBy(transport), [[1]])
          yield* accept(2)
          yield* deliverDue
          yield* TestClock.adjust(0)
          assert.strictEqual(transport.exchanges.length, 1)
        })
      ))
  })
})
