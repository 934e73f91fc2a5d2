/** One bound for the memory of two destinations: what comes first goes first, whosoever it is. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import {
  accountsOf,
  books,
  deliverAll,
  type Fault,
  flush,
  makeSideBySide,
  numbersFrom,
  type Server,
  type Side,
  write
} from "../../support/sideBySide.ts"

const SIDES: ReadonlyArray<Side> = ["frames", "logs"]

const BOUND = 1024 * 1024

const refusing: Fault = () => ({ _tag: "Answers", answer: { code: "ECONNREFUSED", isSent: false } })
const hanging: Fault = () => ({ _tag: "Hangs" })

/** Records that were handed over together: the smallest piece that memory gives up. */
interface Arrival {
  readonly side: Side
  readonly numbers: ReadonlyArray<number>
}

/** How the pieces of the two sides follow each other. */
const patterns: ReadonlyArray<readonly [string, (index: number) => Side]> = [
  ["in turn", (index) => index % 2 === 0 ? "logs" : "frames"],
  ["seven of frames to each of logs", (index) => index % 8 === 0 ? "logs" : "frames"],
  ["in runs of growing length", (index) => Math.floor(Math.sqrt(index)) % 2 === 0 ? "frames" : "logs"],
  ["first all logs, then all frames", (index) => index < 150 ? "logs" : "frames"],
  ["first all frames, then all logs", (index) => index < 150 ? "frames" : "logs"]
]

const heldBytes = LogBuffer.use((buffer) => Effect.map(buffer.state, ({ heldBytes }) => heldBytes))

/** Asserts that the bound is kept, by the buffer's own account and, for bodies that are not compressed, by the books'. */
const assertBound = Effect.fnUntraced(function*(bookedAtMost: number) {
  assert.isAtMost(yield* heldBytes, BOUND)
  const { logs, traces } = yield* books
  const booked = [logs, traces].reduce((sum, { buffered, inFlight }) => sum + buffered.bytes + inFlight.bytes, 0)
  assert.isAtMost(booked, bookedAtMost)
})

/** Writes pieces, numbered through, and looks at the memory after each. */
const flood = Effect.fnUntraced(function*(
  pieces: number,
  sideAt: (index: number) => Side,
  { bookedAtMost = BOUND, recordBytes, recordsAt = () => 1 }: {
    readonly bookedAtMost?: number
    readonly recordBytes: number
    readonly recordsAt?: (index: number) => number
  }
) {
  const arrivals: Array<Arrival> = []
  let next = 0
  for (let index = 0; index < pieces; index++) {
    const arrival = { side: sideAt(index), numbers: numbersFrom(next, recordsAt(index)) }
    next += arrival.numbers.length
    arrivals.push(arrival)
    yield* write(arrival.side, arrival.numbers, recordBytes)
    yield* assertBound(bookedAtMost)
    // deliveries and compression go on
    yield* Effect.promise(() => new Promise(setImmediate))
    yield* assertBound(bookedAtMost)
  }
  return arrivals
})

const countOf = (arrivals: ReadonlyArray<Arrival>, side: Side): number =>
  arrivals.reduce((sum, arrival) => arrival.side === side ? sum + arrival.numbers.length : sum, 0)

const ascending = (numbers: ReadonlyArray<number>) => numbers.toSorted((a, b) => a - b)

/** Where the survivors begin: from there on all are there, each once, and before it none. */
const assertNewest = (arrivals: ReadonlyArray<Arrival>, servers: Readonly<Record<Side, Server>>): number => {
  const stored = new Set(SIDES.flatMap((side) => servers[side].stored))
  const cut = arrivals.findIndex(({ numbers }) => numbers.some((n) => stored.has(n)))
  assert.isAbove(cut, 0, "nothing was dropped, or everything")
  for (const side of SIDES) {
    const expected = arrivals.slice(cut).flatMap((arrival) => arrival.side === side ? arrival.numbers : [])
    // several requests at once: they need not arrive in order
    assert.deepStrictEqual(ascending(servers[side].stored), expected)
  }
  return cut
}

/** Every record is delivered or was dropped for lack of memory, under its own signal. */
const assertBooks = Effect.fnUntraced(function*(
  arrivals: ReadonlyArray<Arrival>,
  dropped: Readonly<Record<Side, number>>
) {
  for (const side of SIDES) {
    const received = countOf(arrivals, side)
    assert.deepStrictEqual(yield* accountsOf(side), {
      received,
      replayed: 0,
      delivered: received - dropped[side],
      rejected: {},
      dropped: dropped[side] > 0 ? { buffer_full: dropped[side] } : {},
      spilled: 0,
      waiting: 0
    })
  }
})

const droppedBefore = (arrivals: ReadonlyArray<Arrival>, cut: number) => ({
  logs: countOf(arrivals.slice(0, cut), "logs"),
  frames: countOf(arrivals.slice(0, cut), "frames")
})

describe("the memory of two destinations that take nothing", () => {
  it.effect.each(patterns)("keeps the newest pieces while batches grow: %s", ([, sideAt]) => {
    // as large as batches may be, beside what something else needs: none is full before memory is
    const { layer, servers } = makeSideBySide({
      env: { O2_MAX_BUFFER_SIZE_MB: "1", O2_MAX_BATCH_SIZE_KB: "1024" }
    })
    return Effect.gen(function*() {
      const buffer = yield* LogBuffer
      const reserved = buffer.reserveUnsafe(BOUND * 3 / 4)
      yield* OpenObserveSink.use((sink) => sink.open)
      for (const side of SIDES) servers[side].fault = hanging
      const arrivals = yield* flood(300, sideAt, {
        bookedAtMost: BOUND / 4,
        recordBytes: 1000,
        recordsAt: (index) => 1 + index % 3
      })
      assert.deepInclude(yield* buffer.state, { sealedBatches: 0 })
      // no more was given up than had to be: less than a piece and the next
      assert.isAtLeast(yield* heldBytes, BOUND - 3000)
      reserved.release()
      for (const side of SIDES) servers[side].fault = undefined
      assert.isTrue(yield* flush())
      yield* assertBooks(arrivals, droppedBefore(arrivals, assertNewest(arrivals, servers)))
    }).pipe(Effect.provide(layer))
  })

  it.effect.each(patterns)("keeps the newest batches while servers refuse: %s", ([, sideAt]) => {
    // a record to a batch, so that batches are as fine as records
    const { layer, servers } = makeSideBySide({
      env: { O2_MAX_BUFFER_SIZE_MB: "1", O2_MAX_BATCH_SIZE_KB: "16", O2_MAX_RETRIES: "0" }
    })
    return Effect.gen(function*() {
      yield* OpenObserveSink.use((sink) => sink.open)
      for (const side of SIDES) servers[side].fault = refusing
      const arrivals = yield* flood(300, sideAt, { recordBytes: 10_000 })
      assert.isAtLeast(yield* heldBytes, BOUND - 10_000)
      for (const side of SIDES) servers[side].fault = undefined
      yield* TestClock.adjust("1 minute")
      yield* deliverAll
      yield* TestClock.adjust("1 minute")
      yield* assertBooks(arrivals, droppedBefore(arrivals, assertNewest(arrivals, servers)))
    }).pipe(Effect.provide(layer))
  })

  it.effect.each(patterns)("keeps what is in flight without an answer, and the newest beside it: %s", ([, sideAt]) => {
    const { layer, servers } = makeSideBySide({
      env: { O2_MAX_BUFFER_SIZE_MB: "1", O2_MAX_BATCH_SIZE_KB: "16", O2_MAX_RETRIES: "0" }
    })
    return Effect.gen(function*() {
      yield* OpenObserveSink.use((sink) => sink.open)
      for (const side of SIDES) servers[side].fault = hanging
      const arrivals = yield* flood(300, sideAt, { recordBytes: 10_000 })
      const inFlight = new Set(SIDES.flatMap((side) => servers[side].requests.flatMap(({ numbers }) => numbers)))
      assert.isAtMost(inFlight.size, 8)
      for (const side of SIDES) servers[side].fault = undefined
      yield* TestClock.adjust("2 minutes")
      yield* deliverAll
      yield* TestClock.adjust("1 minute")

      const stored = new Set(SIDES.flatMap((side) => servers[side].stored))
      for (const n of inFlight) assert.isTrue(stored.has(n), `${n} was in flight`)
      const others = arrivals.filter(({ numbers }) => !inFlight.has(numbers[0]!))
      const rest = (side: Side): Server => ({
        ...servers[side],
        stored: servers[side].stored.filter((n) => !inFlight.has(n))
      })
      const cut = assertNewest(others, { logs: rest("logs"), frames: rest("frames") })
      yield* assertBooks(arrivals, droppedBefore(others, cut))
    }).pipe(Effect.provide(layer))
  })

  // compression takes the system's time
  it.live("keeps the newest compressed batches, to a batch", () => {
    const { layer, servers } = makeSideBySide({
      env: { O2_COMPRESSION: "gzip", O2_MAX_BUFFER_SIZE_MB: "1", O2_MAX_BATCH_SIZE_KB: "32" }
    })
    const recordsPerBatch = 32
    return Effect.gen(function*() {
      // not open yet: nothing is sent
      const arrivals = yield* flood(4000, (index) => index % 2 === 0 ? "logs" : "frames", {
        bookedAtMost: Infinity,
        recordBytes: 1000
      })
      assert.isTrue(yield* flush(20_000))
      const oldest = SIDES.map((side) => Math.min(...servers[side].stored))
      // no batch was given up for an older one: those of both sides take turns
      assert.isAtMost(Math.abs(oldest[0]! - oldest[1]!), 2 * recordsPerBatch + 1)
      for (const [index, side] of SIDES.entries()) {
        const expected = arrivals.flatMap((arrival) => arrival.side === side ? arrival.numbers : [])
          .filter((n) => n >= oldest[index]!)
        assert.deepStrictEqual(ascending(servers[side].stored), expected)
      }
      const dropped = (side: Side) => countOf(arrivals, side) - servers[side].stored.length
      assert.isAbove(dropped("logs"), 0)
      yield* assertBooks(arrivals, { logs: dropped("logs"), frames: dropped("frames") })
    }).pipe(Effect.provide(layer))
  })
})
