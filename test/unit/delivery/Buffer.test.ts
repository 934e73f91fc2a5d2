import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { halve } from "../../../src/delivery/Batch.ts"
import type { Batch } from "../../../src/delivery/Batch.ts"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { books, bufferLayer, numbersIn, postOf, takeAll, takeNext } from "../../support/bufferFixtures.ts"
import { logs } from "../../support/destinations.ts"
import { makeCapturedLog } from "../../support/fakes/capturedLog.ts"

describe("LogBuffer", () => {
  it.effect("hands out sealed batches, the oldest first", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([40, 40]))
      yield* buffer.seal()
      yield* buffer.append(logs, postOf([40], 2))
      yield* buffer.seal()
      assert.deepEqual((yield* takeAll).map(numbersIn), [[0, 1], [2]])
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("hands out nothing that is not sealed", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.seal()
      yield* buffer.append(logs, postOf([40]))
      assert.isUndefined(yield* takeNext)
      assert.deepEqual(yield* buffer.state, { heldBytes: 41, openRecords: 1, sealedBatches: 0 })
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("joins posts in one batch until it is full", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      for (let n = 0; n < 5; n++) yield* buffer.append(logs, postOf([90], n))
      yield* buffer.seal()
      assert.deepEqual((yield* takeAll).map(numbersIn), [[0, 1], [2, 3], [4]])
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("cuts a post into batches", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([150]))
      yield* buffer.append(logs, postOf([40, 40, 40, 40, 40, 40, 40], 1))
      yield* buffer.seal()
      const batches = yield* takeAll
      assert.deepEqual(batches.flatMap(numbersIn), [0, 1, 2, 3, 4, 5, 6, 7])
      assert.isTrue(batches.every(({ tally }) => tally.bytes <= 200))
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("gives a record that is larger than a batch one of its own", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([40, 500, 40]))
      yield* buffer.seal()
      assert.deepEqual((yield* takeAll).map(numbersIn), [[0], [1], [2]])
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("drops a record that is larger than everything", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([40, 1500, 40]))
      yield* buffer.seal()
      assert.deepEqual((yield* takeAll).flatMap(numbersIn), [0, 2])
      assert.deepEqual((yield* books).dropped, { too_large: { records: 1, bytes: 1500 } })
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("evicts the oldest records when it is full", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      for (let n = 0; n < 12; n++) yield* buffer.append(logs, postOf([100], n))
      yield* buffer.seal()
      assert.deepEqual((yield* takeAll).flatMap(numbersIn), [4, 5, 6, 7, 8, 9, 10, 11])
      assert.strictEqual((yield* books).dropped.buffer_full?.records, 4)
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("evicts from the open batch when nothing is sealed", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([60]))
      yield* buffer.append(logs, postOf([60], 1))
      buffer.reserveUnsafe(920)
      yield* buffer.seal()
      assert.deepEqual((yield* takeAll).flatMap(numbersIn), [1])
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("makes room for a post that is being received", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      for (let n = 0; n < 8; n++) yield* buffer.append(logs, postOf([100], n))
      const held = buffer.reserveUnsafe(600)
      const { heldBytes } = yield* buffer.state
      assert.isAtMost(heldBytes, 1000)
      held.release()
      assert.isAtMost((yield* buffer.state).heldBytes, 400)
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("counts what sealing adds", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([100, 100]))
      buffer.reserveUnsafe(800)
      yield* buffer.seal()
      assert.isAtMost((yield* buffer.state).heldBytes, 1000)
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("does not evict what is in flight", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([150]))
      yield* buffer.seal()
      const batch = yield* takeNext
      for (let n = 1; n < 12; n++) yield* buffer.append(logs, postOf([100], n))
      assert.strictEqual((yield* books).inFlight.records, 1)
      assert.isAtMost((yield* buffer.state).heldBytes, 1000)
      assert.deepEqual(batch && numbersIn(batch), [0])
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("leaves what it has listed as unsettled readable, though it is evicted", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([150]))
      yield* buffer.seal()
      const [batch] = yield* buffer.unsettled
      for (let n = 1; n < 12; n++) yield* buffer.append(logs, postOf([100], n))
      assert.strictEqual((yield* books).dropped.buffer_full?.records, 3)
      assert.deepEqual(batch && numbersIn(batch), [0])
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("has room for a batch of any size from an earlier process while it is empty, and for half when it is not", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      assert.strictEqual(yield* buffer.roomBytes, 1000)
      yield* buffer.append(logs, postOf([100]))
      assert.strictEqual(yield* buffer.roomBytes, 399)
      yield* buffer.append(logs, postOf([600]))
      assert.strictEqual(yield* buffer.roomBytes, 0)
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("frees the memory of a batch that is settled", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([150]))
      yield* buffer.seal()
      const batch = yield* takeNext
      if (batch !== undefined) yield* buffer.settle(batch)
      assert.deepEqual(yield* buffer.state, { heldBytes: 0, openRecords: 0, sealedBatches: 0 })
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("puts a batch back where it was", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      for (let n = 0; n < 3; n++) {
        yield* buffer.append(logs, postOf([100], n))
        yield* buffer.seal()
      }
      const [first, second] = [yield* takeNext, yield* takeNext]
      if (second !== undefined) yield* buffer.giveBack(second)
      if (first !== undefined) yield* buffer.giveBack(first)
      assert.deepEqual((yield* takeAll).map(numbersIn), [[0], [1], [2]])
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("puts both halves of a batch back where it was", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([40, 40, 40]))
      yield* buffer.seal()
      const batch = yield* takeNext
      yield* buffer.append(logs, postOf([40], 3))
      yield* buffer.seal()
      assert.isDefined(batch)
      if (batch !== undefined) yield* Effect.forEach(yield* buffer.replace(batch, halve(batch)), buffer.giveBack)
      assert.deepEqual((yield* takeAll).map(numbersIn), [[0], [1, 2], [3]])
      assert.strictEqual((yield* books).received.records, 4)
    }).pipe(Effect.provide(bufferLayer())))

  for (const compression of ["none", "gzip"] as const) {
    it.effect(`merges small batches that come back, ${compression}`, () =>
      Effect.gen(function*() {
        const buffer = yield* LogBuffer
        const batches: Array<Batch> = []
        for (let n = 0; n < 5; n++) {
          // the fourth is not small
          yield* buffer.append(logs, postOf([n === 3 ? 300 : 100, 100], 2 * n))
          yield* buffer.seal()
          const batch = yield* takeNext
          if (batch !== undefined) batches.push(batch)
        }
        yield* Effect.forEach(batches, buffer.giveBack)
        const waiting = yield* takeAll
        const numbers = waiting.map(numbersIn)
        assert.deepEqual(numbers.flat().toSorted((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        assert.deepEqual(numbers.filter((found) => found.includes(6)), [[6, 7]])
        assert.isBelow(waiting.length, batches.length)
        for (const { tally } of waiting) assert.isAtMost(tally.bytes, 1000)
        assert.strictEqual((yield* books).inFlight.records, 10)
      }).pipe(Effect.provide(bufferLayer({ compression, maxBatchBytes: 1000, maxBufferBytes: 10_000 }))))
  }

  it.effect("merges nothing that may be on the disk", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      for (let n = 0; n < 2; n++) {
        yield* buffer.append(logs, postOf([100], n))
        yield* buffer.seal()
      }
      assert.deepEqual((yield* buffer.unsettled).map(numbersIn), [[0], [1]])
      const batch = yield* takeNext
      if (batch !== undefined) yield* buffer.giveBack(batch)
      assert.deepEqual((yield* takeAll).map(numbersIn), [[0], [1]])
    }).pipe(Effect.provide(bufferLayer({ maxBatchBytes: 1000, maxBufferBytes: 10_000 }))))

  it.effect("leaves alone what is being written to the disk when it evicts it meanwhile", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([100]))
      yield* buffer.seal()
      const [batch] = yield* buffer.unsettled
      buffer.reserveUnsafe(1000)
      assert.strictEqual((yield* books).dropped.buffer_full?.records, 1)
      assert.deepEqual(numbersIn(batch!), [0])
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("has room for half of what it may hold, and for all of it while it holds nothing", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      assert.strictEqual(yield* buffer.roomBytes, 1000)
      yield* buffer.append(logs, postOf([99]))
      assert.strictEqual(yield* buffer.roomBytes, 400)
      buffer.reserveUnsafe(500)
      assert.strictEqual(yield* buffer.roomBytes, 0)
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("gives up everything that waits, for the reason that is named", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf([150, 150, 40]))
      yield* buffer.drop("shutdown")
      assert.deepEqual(yield* buffer.state, { heldBytes: 0, openRecords: 0, sealedBatches: 0 })
      assert.deepEqual((yield* books).dropped, { shutdown: { records: 3, bytes: 340 } })
    }).pipe(Effect.provide(bufferLayer())))

  it.effect("compresses a batch when it is sealed, so that an outage holds more", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf(Array.from({ length: 100 }, () => 100)))
      yield* buffer.seal()
      while ((yield* buffer.state).heldBytes > 2000) yield* Effect.promise(() => new Promise(setImmediate))
      assert.strictEqual((yield* buffer.state).sealedBatches, 1)
      assert.deepEqual((yield* books).buffered, { records: 100, bytes: 10_000 })
    }).pipe(Effect.provide(bufferLayer({ compression: "gzip", maxBatchBytes: 20_000, maxBufferBytes: 40_000 }))))

  it.effect("hands out a batch compressed, and compresses it only once", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* buffer.append(logs, postOf(Array.from({ length: 100 }, () => 100)))
      yield* buffer.seal()
      const batch = yield* takeNext
      assert.isTrue(batch?.coding === "gzip" && batch.body.length < 2000)
      assert.deepEqual(batch?.tally, { records: 100, bytes: 10_000 })
      if (batch !== undefined) yield* buffer.giveBack(batch)
      assert.strictEqual((yield* takeNext)?.body, batch?.body)
      assert.strictEqual((yield* buffer.state).heldBytes, batch?.body.length)
    }).pipe(Effect.provide(bufferLayer({ compression: "gzip", maxBatchBytes: 20_000, maxBufferBytes: 40_000 }))))

  it.effect("survives as many small posts as fit into a batch", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      const post = postOf([1])
      yield* Effect.forEach(Array.from({ length: 200_000 }), () => buffer.append(logs, post), { discard: true })
      yield* buffer.seal()
      assert.strictEqual((yield* takeNext)?.tally.records, 200_000)
    }).pipe(Effect.provide(bufferLayer({ maxBatchBytes: 10_000_000, maxBufferBytes: 20_000_000 }))))

  it.effect("warns of dropped records once a minute", () => {
    const log = makeCapturedLog()
    return Effect.gen(function*() {
      const buffer = yield* LogBuffer
      const overflow = Effect.forEach(Array.from({ length: 12 }), () => buffer.append(logs, postOf([100])))
      yield* overflow
      yield* overflow
      assert.deepEqual(log.entries.map(({ fields }) => fields["count"]), [2])
      yield* TestClock.adjust("1 minute")
      yield* overflow
      assert.strictEqual(log.entries.length, 2)
      assert.include(log.at("Warn")[0], "O2_MAX_BUFFER_SIZE_MB")
    }).pipe(Effect.provide([bufferLayer(), log.layer]))
  })
})
