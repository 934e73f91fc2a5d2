/** When batches go to the disk and come back, seen from the program. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Batch } from "../../../src/delivery/Batch.ts"
import type { SpillableMemory } from "../../../src/spill/SpillStore.ts"
import { logs } from "../../support/destinations.ts"
import type { Answer } from "../../support/fakes/ControlledTransport.ts"
import { recordsOf, storeAll } from "../../support/fakes/ControlledTransport.ts"
import type { Program } from "../../support/fakes/program.ts"
import { event, interrupted, START, withProgram } from "../../support/fakes/program.ts"
import { books } from "../../support/fakes/sinkUnderTest.ts"

/** A disk that notes what it is given, and gives back what an earlier generation has left. */
const makeDisk = (left: ReadonlyArray<Batch> = []) => {
  const writes: Array<ReadonlyArray<Batch>> = []
  let catchUps = 0
  return {
    writes,
    catchUps: () => catchUps,
    spill: {
      catchUp: (memory: SpillableMemory) =>
        catchUps++ === 0 ? Effect.forEach(left, memory.restore, { discard: true }) : Effect.void,
      write: (memory: SpillableMemory) =>
        Effect.map(memory.unsettled, (onDisk) => {
          writes.push(onDisk)
          return { onDisk, notOnDisk: [] }
        })
    }
  }
}

/** A batch of an earlier generation, with a record that has no number of this one. */
const makeLeft = (): Batch => ({
  destination: logs,
  id: -9,
  tally: { records: 1, bytes: 39 },
  oldestTimestamp: START * 1000,
  body: Buffer.from("[{\"_timestamp\":1795341600000000,\"n\":-1}]"),
  coding: "identity"
})

const away = (): Answer => ({ status: 503 })

const env = { O2_MAX_RETRIES: "0", O2_TELEMETRY_TYPES: "function" }

/** A call that writes a line; without platform events, only its end is told. */
const call = Effect.fnUntraced(
  function*({ invoke, send }: Program, requestId: string, line: string, timeoutMs?: number) {
    yield* invoke(requestId, timeoutMs)
    yield* send(event.line(line), event.runtimeDone(requestId))
  }
)

const recordsIn = (batches: ReadonlyArray<Batch> = []) => batches.reduce((sum, { tally }) => sum + tally.records, 0)

describe("Spilling", () => {
  it.effect("sends first what an earlier generation has left", () =>
    withProgram({ env, spill: makeDisk([makeLeft()]).spill, destination: logs }, function*(program) {
      yield* call(program, "a", "new")
      yield* program.shutdown()
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(recordsOf(program.transport.exchanges[0]!)[0]?.n, -1)
      const { delivered, received, replayed } = yield* books
      assert.deepEqual([received.records, replayed.records, delivered.records], [1, 1, 2])
    }))

  it.effect("has nothing under way when the sandbox may freeze, though more has come back after the call", () => {
    let catchUps = 0
    const catchUp = (memory: SpillableMemory) => catchUps++ === 1 ? memory.restore(makeLeft()) : Effect.void
    return withProgram({ env, spill: { catchUp }, destination: logs }, function*(program) {
      yield* call(program, "a", "new")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(program.transport.exchanges.length, 1)
      yield* program.invoke("b")
      assert.strictEqual(recordsOf(program.transport.exchanges[1]!)[0]?.n, -1)
    })
  })

  it.effect("leaves to the next generation what cannot be delivered at the end", () => {
    const disk = makeDisk()
    return withProgram({ env, respond: away, spill: disk.spill, destination: logs }, function*(program) {
      yield* call(program, "a", "kept")
      yield* program.send(event.report("a"))
      yield* program.shutdown(2000, "timeout")
      yield* TestClock.adjust("2 seconds")
      // before anything else is tried, and what is left then
      assert.deepStrictEqual(disk.writes.map(recordsIn), [1, 1])
      const { buffered, dropped, spilled } = yield* books
      assert.deepEqual([spilled.records, buffered.records, dropped], [1, 0, {}])
      assert.strictEqual(program.log.entries.findLast(({ message }) => message === "ledger")?.level, "Warn")
    })
  })

  it.effect("writes in an outage before a call's deadline, and goes on holding it in memory", () => {
    const disk = makeDisk()
    return withProgram({ env, respond: away, spill: disk.spill, destination: logs }, function*(program) {
      yield* call(program, "a", "one", 10_000)
      yield* program.invoke("b", 10_000)
      yield* program.send(event.line("two"))
      yield* TestClock.adjust("8999 millis")
      assert.strictEqual(disk.writes.length, 0)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(disk.writes.map(recordsIn), [2])
      assert.strictEqual((yield* books).buffered.records, 2)
    })
  })

  it.effect("ends what goes on beside the calls before the end begins", () => {
    const disk = makeDisk()
    return withProgram({ env, respond: away, spill: disk.spill, destination: logs }, function*(program, fiber) {
      yield* call(program, "a", "one", 10_000)
      yield* program.invoke("b", 10_000)
      yield* program.send(event.line("two"))
      yield* TestClock.adjust("8900 millis")
      // from here to the deadline it would write; what is spilled by then would look settled to it
      yield* interrupted(fiber)
      // by the end alone, which writes first and then tries
      assert.deepStrictEqual(disk.writes.map(recordsIn), [2, 2])
      assert.strictEqual((yield* books).spilled.records, 2)
    })
  })

  it.effect("ends loading what is left before the end begins", () => {
    const steps: Array<string> = []
    return withProgram({
      spill: {
        catchUp: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void steps.push("loading ended"))),
        write: () => Effect.sync(() => (steps.push("write"), { onDisk: [], notOnDisk: [] }))
      }
    }, function*({ shutdown }) {
      yield* shutdown()
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(steps, ["loading ended", "write"])
    })
  })

  it.effect("goes on without the disk when that part of the program fails", () => {
    const spill = { catchUp: () => Effect.die("no store"), write: () => Effect.die("no store") }
    return withProgram({ env, spill }, function*(program) {
      yield* call(program, "a", "one")
      assert.strictEqual(program.polls.length, 2)
      assert.strictEqual(program.transport.exchanges.length, 1)
      yield* program.shutdown()
      yield* TestClock.adjust("2 seconds")
      // at the start, after the call and at the end
      assert.strictEqual(program.log.at("Error").length, 3)
      assert.strictEqual(program.log.entries.at(-1)?.message, "ledger")
    })
  })

  it.effect("leaves the disk alone for calls that end, and while OpenObserve is well", () => {
    const disk = makeDisk()
    let isUp = true
    return withProgram({
      env,
      respond: (request) => isUp ? storeAll(request) : away(),
      spill: disk.spill,
      destination: logs
    }, function*(program) {
      yield* program.invoke("a", 3000)
      yield* program.send(event.line("delivered"))
      yield* TestClock.adjust("3 seconds")
      isUp = false
      for (const id of ["b", "c"]) {
        yield* call(program, id, "kept", 10_000)
        // Lambda has no next call before it is asked for one
        yield* TestClock.adjust("1 second")
      }
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(disk.writes.length, 0)
      assert.strictEqual(disk.catchUps(), 4)
    })
  })

  it.effect("goes on catching up on Managed Instances, where no calls come, until nothing is left", () => {
    let catchUps = 0
    const spill = {
      catchUp: () => Effect.sync(() => void catchUps++),
      isIdle: Effect.sync(() => catchUps >= 4)
    }
    return withProgram({ env, spill, isManagedInstance: true }, function*() {
      assert.strictEqual(catchUps, 1)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(catchUps, 4)
    })
  })
})
