import { assert, describe, it } from "@effect/vitest"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import * as TestClock from "effect/testing/TestClock"
import { overloaded, storeAll, stored } from "../../support/fakes/ControlledTransport.ts"
import { append, flushDuring, sentBy, withSink } from "../../support/fakes/sinkUnderTest.ts"

describe("A server that fails now and then", () => {
  it.effect("is not away when a flush ends before it could have said how it is", () =>
    withSink({ health: () => undefined }, function*({ log, transport }) {
      yield* append(1)
      assert.isFalse(yield* flushDuring(600, 0))
      yield* (yield* transport.next).answer(stored(1))
      yield* TestClock.adjust("10 seconds")
      yield* append(2)
      // suspect after 1.8 s, three times what is usual
      assert.isFalse(yield* flushDuring("2 seconds"))
      assert.deepEqual(log.at("Warn"), [])
      yield* TestClock.adjust("2 seconds")
      assert.deepEqual(log.at("Warn"), ["OpenObserve takes no records; they wait in memory"])
    }))

  it.effect("is asked again when it answers a question with \"not now\"", () => {
    let questions = 0
    return withSink({
      respond: (request, index) => index === 0 ? undefined : storeAll(request),
      health: () => questions++ === 0 ? overloaded : stored(0)
    }, function*({ log, transport }) {
      yield* append(1)
      assert.isTrue(yield* flushDuring("2 seconds"))
      assert.deepEqual(log.at("Warn"), [])
      assert.deepEqual(sentBy(transport), [[1], [1]])
    })
  })

  it.effect("is taken for as fast as its own answer was, not for as slow as the questions that were lost before", () => {
    let questions = 0
    return withSink({
      respond: (request, index) => index % 2 === 0 ? undefined : storeAll(request),
      health: () => ++questions <= 2 ? undefined : stored(0)
    }, function*({ transport }) {
      yield* append(1)
      assert.isTrue(yield* flushDuring("2 seconds"))
      yield* append(2)
      // suspect after a second, as before
      assert.isTrue(yield* flushDuring("1100 millis"))
      assert.deepEqual(sentBy(transport), [[1], [1], [2], [2]])
    })
  })

  it.effect("is asked once more when what was answered is older than what is suspect", () => {
    let questions = 0
    return withSink({ health: () => questions++ === 0 ? undefined : stored(0) }, function*({ log, transport }) {
      yield* append(1)
      const sink = yield* OpenObserveSink
      yield* sink.deliverNow
      const slow = yield* transport.next
      yield* TestClock.adjust("100 millis")
      yield* append(2)
      yield* sink.deliverNow
      yield* transport.next
      // both are suspect; the answer to the older one comes, that to the other never does
      yield* TestClock.adjust("1100 millis")
      yield* slow.answer(stored(1))
      yield* TestClock.adjust("1 second")
      yield* (yield* transport.next).answer(stored(1))
      yield* TestClock.adjust("1 second")
      assert.deepEqual(sentBy(transport), [[1], [2], [2]])
      assert.deepEqual(log.at("Warn"), [])
    })
  })

  it.effect("is away when it answers empty requests only", () =>
    withSink({ respond: () => undefined }, function*({ log, transport }) {
      const sink = yield* OpenObserveSink
      for (let call = 1; call <= 50; call++) {
        yield* append(call)
        yield* sink.deliverAll
        yield* TestClock.adjust("500 millis")
      }
      assert.deepEqual(log.at("Warn"), ["OpenObserve takes no records; they wait in memory"])
      assert.isAtMost(transport.inFlight(), 16)
    }))
})
