import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { isBalanced } from "../../../src/delivery/Books.ts"
import { Flusher } from "../../../src/library/Flusher.ts"
import { Ledger } from "../../../src/library/Ledger.ts"
import { Records } from "../../../src/library/Records.ts"
import { Fault, OpenObserveDouble, type RequestFault } from "../../../src/testing/OpenObserveDouble.ts"
import { lossesOf, recording, sinkBefore, STREAM, timesOf } from "../../support/sinks.ts"

/** Everything a request can meet with, of what passes. */
const faults: ReadonlyArray<RequestFault> = [
  Fault.memoryOverflow,
  Fault.ResetBeforeStoring(),
  Fault.ResetAfterStoring(),
  Fault.HangBeforeHeaders(),
  Fault.HangInBody(),
  Fault.RetryAfter({ seconds: 1, status: 429 }),
  Fault.cloudPressure,
  Fault.quotaExceeded,
  Fault.streamDeleting,
  Fault.internalError,
  Fault.badGateway,
  Fault.noIngester,
  Fault.gatewayTimeout,
  Fault.Garbage(),
  Fault.HugeAnswer({ bytes: 3_000_000 }),
  Fault.SlowBody({ bytesPerSecond: 2_000 }),
  Fault.StoredNothing(),
  Fault.Redirect({ location: "http://127.0.0.1:9/", status: 307 }),
  Fault.TakesNoCompression()
]

const numbers = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ event: "job.done", n, text: "x".repeat(40) }))

/** Adds so many records, a fault before each part of them, has each delivered if asked to, and closes the sink. */
const ship = Effect.fnUntraced(function*(
  count: number,
  { faults, flushes }: { readonly faults: ReadonlyArray<RequestFault>; readonly flushes: boolean }
) {
  const double = yield* OpenObserveDouble
  const log = recording()
  const books = yield* Effect.gen(function*() {
    const records = yield* Records
    const flush = Flusher.use((flusher) => flusher.flush({ timeout: "60 seconds" }))
    const all = numbers(count)
    const size = Math.floor(count / faults.length)
    for (const [index, fault] of faults.entries()) {
      yield* double.nextFaults([fault])
      yield* records.addAll(all.slice(index * size, index === faults.length - 1 ? count : (index + 1) * size))
      if (flushes) assert.isTrue(yield* flush, fault._tag)
    }
    assert.isTrue(yield* flush, log.text())
    return yield* Ledger.use((ledger) => ledger.snapshot)
  }).pipe(
    Effect.provide(sinkBefore({ maxRetries: 2 }).pipe(Layer.provideMerge(log.layer)))
  )
  return { books, stored: yield* double.records(STREAM), log }
})

const assertAccounted = ({ books, stored, log }: Effect.Success<ReturnType<typeof ship>>, count: number) => {
  const { logs } = books
  assert.isTrue(isBalanced(books))
  assert.strictEqual(logs.received.records, count)
  const times = timesOf(stored)
  const missing = count - times.size
  const doubled = stored.length - times.size
  assert.isAtMost(missing, lossesOf(logs), log.text())
  assert.isAtMost(doubled, logs.possiblyDuplicated.records)
  assert.strictEqual(logs.delivered.records + lossesOf(logs), count)
}

describe("a sink before a server that fails now and then", () => {
  it.live("brings 1 000 records there, each once or for a reason that is counted", () =>
    Effect.gen(function*() {
      const shipped = yield* ship(1_000, { faults, flushes: true })
      assertAccounted(shipped, 1_000)
      assert.strictEqual(lossesOf(shipped.books.logs), 0)
    }).pipe(Effect.provide(OpenObserveDouble.layer())))

  it.live("brings 100 000 records there", () =>
    Effect.gen(function*() {
      const shipped = yield* ship(100_000, { faults: faults.slice(0, 5), flushes: false })
      assertAccounted(shipped, 100_000)
      assert.strictEqual(lossesOf(shipped.books.logs), 0)
    }).pipe(Effect.provide(OpenObserveDouble.layer())), 60_000)
})
