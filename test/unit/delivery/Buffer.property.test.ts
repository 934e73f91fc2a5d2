import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { runs } from "../../support/fuzzing.ts"
import { type Batch, halve } from "../../../src/delivery/Batch.ts"
import type { Reservation } from "../../../src/delivery/MemoryBudget.ts"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import type { Configuration } from "../../../src/config/Config.ts"
import { type Tally, total } from "../../../src/delivery/Books.ts"
import { Ledger } from "../../../src/delivery/Ledger.ts"
import { books, bufferLayer, numbersIn, postOf, takeAll, takeNext } from "../../support/bufferFixtures.ts"
import { logs } from "../../support/destinations.ts"
import { makeCapturedLog } from "../../support/fakes/capturedLog.ts"

// round numbers often enough that a limit is met exactly
const recordSize = fc.oneof(fc.integer({ min: 30, max: 300 }), fc.integer({ min: 1, max: 6 }).map((n) => n * 50))

const sizes = fc.record({
  compression: fc.constantFrom("none" as const, "none" as const, "gzip" as const),
  maxBufferBytes: fc.integer({ min: 4, max: 60 }).map((n) => n * 50),
  maxBatchBytes: fc.integer({ min: 50, max: 700 })
}).filter(({ maxBatchBytes, maxBufferBytes }) => maxBatchBytes * 2 <= maxBufferBytes)

const operations = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.array(recordSize, { maxLength: 8 }).map((sizes) => ({ sizes })) },
    { weight: 6, arbitrary: fc.constantFrom("seal" as const, "take" as const, "take" as const) },
    { weight: 1, arbitrary: fc.constantFrom("drop" as const, "lend" as const) },
    { weight: 4, arbitrary: fc.record({ what: fc.constantFrom("settle", "giveBack", "divide"), index: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.integer({ min: -600, max: 600 }).map((hold) => ({ hold })) }
  ),
  { maxLength: 60 }
)

type Operation = typeof operations extends fc.Arbitrary<ReadonlyArray<infer A>> ? A : never

const lengthOf = (batches: ReadonlyArray<Batch>) => batches.reduce((sum, { body }) => sum + body.length, 0)

const tallyOf = (batches: ReadonlyArray<Batch>) => ({
  records: batches.reduce((sum, { tally }) => sum + tally.records, 0),
  bytes: batches.reduce((sum, { tally }) => sum + tally.bytes, 0)
})

const minus = (one: Tally, other: Tally): Tally => ({
  records: one.records - other.records,
  bytes: one.bytes - other.bytes
})

const runModel = (config: Partial<Configuration>, operations: ReadonlyArray<Operation>) =>
  Effect.gen(function*() {
    const buffer = yield* LogBuffer
    const ledger = yield* Ledger
    const bound = config.maxBufferBytes ?? 0
    const taken: Array<Batch> = []
    const settled: Array<Batch> = []
    // what others may still read, whatever becomes of it here
    const lent: Array<Batch> = []
    let received = 0
    const held: Array<Reservation> = []
    const receiving = () => held.reduce((sum, { bytes }) => sum + bytes, 0)
    // what compressing and dividing have added since records were last evicted
    let growth = 0

    const apply = Effect.fnUntraced(function*(operation: Operation) {
      const before = (yield* buffer.state).heldBytes
      if (operation === "seal") return yield* buffer.seal()
      if (operation === "drop") return yield* buffer.drop("shutdown")
      if (operation === "lend") {
        lent.push(...(yield* buffer.unsettled))
        growth += Math.max(0, (yield* buffer.state).heldBytes - before)
      } else if (operation === "take") {
        const batch = yield* takeNext
        if (batch !== undefined) {
          taken.push(batch)
          lent.push(batch)
        }
        growth += Math.max(0, (yield* buffer.state).heldBytes - before)
      } else if ("sizes" in operation) {
        yield* buffer.append(logs, postOf(operation.sizes, received))
        received += operation.sizes.length
        if (operation.sizes.length > 0) growth = 0
      } else if ("hold" in operation) {
        if (operation.hold < 0) held.pop()?.release()
        else {
          held.push(buffer.reserveUnsafe(operation.hold))
          growth = 0
        }
      } else {
        const [batch] = taken.splice(operation.index, 1)
        if (batch === undefined) return
        if (operation.what === "giveBack") {
          yield* buffer.giveBack(batch)
          growth = 0
        } else if (operation.what === "divide" && batch.tally.records > 1) {
          taken.push(...(yield* buffer.replace(batch, halve(batch))))
          growth += Math.max(0, (yield* buffer.state).heldBytes - before)
        } else {
          ledger.moveUnsafe("logs", "inFlight", "delivered", batch.tally)
          yield* buffer.settle(batch)
          settled.push(batch)
        }
      }
    })

    const check = Effect.gen(function*() {
      const { buffered, delivered, inFlight, received: all } = yield* books
      const { heldBytes, openRecords, sealedBatches } = yield* buffer.state
      const waiting = heldBytes - receiving() - lengthOf(taken)
      assert.deepEqual(inFlight, tallyOf(taken))
      assert.deepEqual(delivered, tallyOf(settled))
      assert.strictEqual(all.records, received)
      assert.isAtLeast(waiting, 0)
      assert.strictEqual(waiting === 0, buffered.records === 0)
      assert.strictEqual(buffered.records === 0, openRecords === 0 && sealedBatches === 0)
      assert.isTrue(heldBytes <= bound + growth || waiting === 0)
    })

    for (const operation of operations) {
      yield* apply(operation)
      yield* check
    }

    yield* buffer.seal()
    const { buffered, dropped: droppedBefore } = yield* books
    const waitingBytes = (yield* buffer.state).heldBytes - receiving() - lengthOf(taken)
    const waiting = yield* takeAll
    const { dropped } = yield* books
    // taking waits for compressing, by which the smallest batches grow and may evict others
    assert.deepEqual(tallyOf(waiting), minus(buffered, minus(total(dropped), total(droppedBefore))))
    if (config.compression === "none") assert.deepEqual(dropped, droppedBefore)
    if (config.compression === "none") assert.strictEqual(lengthOf(waiting), waitingBytes)
    const ids = waiting.map(({ id }) => id)
    assert.deepEqual(ids, [...ids].sort((a, b) => a - b))
    const batches = [...waiting, ...taken, ...settled]
    for (const batch of batches) {
      const numbers = numbersIn(batch)
      assert.strictEqual(numbers.length, batch.tally.records)
      assert.isAtMost(batch.oldestTimestamp, Math.min(...numbers))
      assert.isTrue(batch.tally.records === 1 || batch.tally.bytes <= (config.maxBatchBytes ?? 0))
    }
    for (const batch of lent) assert.strictEqual(numbersIn(batch).length, batch.tally.records)
    const known = batches.flatMap(numbersIn)
    assert.strictEqual(new Set(known).size, known.length)
    assert.strictEqual(known.length + total(dropped).records, received)
  }).pipe(Effect.provide([bufferLayer(config), makeCapturedLog().layer]))

describe("LogBuffer", () => {
  it.effect("keeps its promises whatever is done to it", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(sizes, operations, (config, operations) => Effect.runPromise(runModel(config, operations))),
        { numRuns: runs(200) }
      )
    ))
})
