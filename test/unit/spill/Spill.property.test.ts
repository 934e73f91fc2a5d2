import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Fs from "node:fs"
import { logs } from "../../support/destinations.ts"
import { runs } from "../../support/fuzzing.ts"
import type { Batch } from "../../../src/delivery/Batch.ts"
import type { Spilled } from "../../../src/spill/SpillStore.ts"
import * as SpillFile from "../../../src/spill/SpillFile.ts"
import { numbersIn } from "../../support/bufferFixtures.ts"
import { droppedFiles, type Generation, interceptDisk, LONG, makeSandbox } from "../../support/spillFixtures.ts"

// --- Operations --------------------------------------------------------------

const access = fc.constantFrom("write" as const, "catchUp" as const)

const ordinary = [
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 5 }).map((records) => ({ seal: records })) },
  { weight: 4, arbitrary: access.map((access) => ({ access })) },
  { weight: 3, arbitrary: fc.nat(4).map((deliver) => ({ deliver })) },
  { weight: 3, arbitrary: fc.nat(4).map((divide) => ({ divide })) },
  { weight: 1, arbitrary: fc.nat(3).map((maxRestored) => ({ maxRestored })) },
  { weight: 2, arbitrary: fc.constant({ reset: Infinity }) }
]

/** Ends without a word at a call to the disk, and times that are too short. */
const violent = [
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }).map((reset) => ({ reset })) },
  { weight: 1, arbitrary: fc.constant({ crash: true }) },
  { weight: 3, arbitrary: fc.record({ access, crashAt: fc.nat(12) }) }
]

type Operation =
  | { readonly seal: number }
  | { readonly access: "write" | "catchUp"; readonly crashAt?: number }
  | { readonly deliver: number }
  | { readonly divide: number }
  | { readonly maxRestored: number }
  /** With so many ticks of the clock for writing; each look at it is one. */
  | { readonly reset: number }
  | { readonly crash: true }

const sequences = (operations: ReadonlyArray<fc.WeightedArbitrary<unknown>>) =>
  fc.array(fc.oneof(...operations) as fc.Arbitrary<Operation>, { maxLength: 40 })

// --- Model -------------------------------------------------------------------

const numbersOf = (batches: ReadonlyArray<Batch>) => batches.flatMap(numbersIn)

/** Runs the operations over as many generations as they make, and then one that delivers what is left. */
const runModel = (operations: ReadonlyArray<Operation>, freeBytes = Infinity, recordBytes = 0) =>
  Effect.gen(function*() {
    const sandbox = yield* makeSandbox
    let sealed = 0
    /** Records that must not be lost any more: said to be on the disk, or read from there. */
    const promised = new Set<number>()
    const delivered: Array<number> = []
    /** Records that were said to have no room, or that a file had which went for newer ones. */
    const counted = new Set<number>()

    let generation: Generation = yield* sandbox.begin
    /** Records that this generation has or has had in memory. */
    let known = new Set<number>()
    let filesGivenUp = 0
    let callsLeft = Infinity
    let onCrash = () => {}
    yield* interceptDisk(sandbox.tmp, (call, args) => {
      if (callsLeft-- <= 0) {
        if (call === "writeFile") Fs.writeFileSync(String(args[0]), (args[1] as Buffer).subarray(0, 20))
        onCrash()
        return new Promise(() => {})
      }
      if (call === "statfs") return Promise.resolve({ bavail: freeBytes / 4096, bsize: 4096 })
      if (call === "unlink" && Fs.existsSync(String(args[0])) && !String(args[0]).endsWith(".tmp")) {
        const content = SpillFile.decode(Fs.readFileSync(String(args[0])))
        if (typeof content === "string") throw new Error(`a file that is ${content}`)
        const numbers = numbersIn({ ...content, destination: logs, id: 0 })
        if (!numbers.some((n) => known.has(n))) {
          filesGivenUp++
          for (const n of numbers) counted.add(n)
        }
      }
      return undefined
    })
    const renew = Effect.gen(function*() {
      assert.strictEqual(yield* droppedFiles(generation), filesGivenUp)
      delivered.push(...generation.memory.delivered)
      generation = yield* sandbox.begin
      known = new Set()
      filesGivenUp = 0
      callsLeft = Infinity
    })

    const restore = (batch: Batch) =>
      Effect.andThen(
        generation.memory.restore(batch),
        Effect.sync(() => {
          for (const n of numbersIn(batch)) {
            promised.add(n)
            known.add(n)
          }
        })
      )

    const perform = (name: "write" | "catchUp"): Effect.Effect<Spilled | void> => {
      const { memory, spill } = generation
      const memoryToo = { unsettled: memory.unsettled, roomBytes: memory.roomBytes, restore }
      return name === "write" ? spill.write(memoryToo, LONG) : spill.catchUp(memoryToo)
    }

    const promise = (result: Spilled | void) => {
      for (const n of numbersOf(result?.onDisk ?? [])) promised.add(n)
      for (const { batch, obstacle } of result?.notOnDisk ?? []) {
        assert.include(["room", "time"], obstacle)
        for (const n of numbersIn(batch)) {
          assert.isTrue(freeBytes < Infinity || !promised.has(n), `${n} is not on the disk any more`)
          promised.delete(n)
        }
      }
    }

    const apply = Effect.fnUntraced(function*(operation: Operation) {
      const { memory, spill } = generation
      if ("seal" in operation) {
        const numbers = Array.from({ length: operation.seal }, () => sealed++)
        for (const n of numbers) known.add(n)
        memory.seal(numbers, recordBytes)
      } else if ("deliver" in operation) {
        const batch = memory.all[operation.deliver]
        if (batch !== undefined) memory.deliver(batch)
      } else if ("divide" in operation) {
        const batch = memory.all[operation.divide]
        if (batch !== undefined && batch.tally.records > 1) memory.divide(batch)
      } else if ("maxRestored" in operation) memory.maxRestored = operation.maxRestored
      else if ("access" in operation) {
        if (operation.crashAt === undefined) return promise(yield* perform(operation.access))
        callsLeft = operation.crashAt
        const crashed = new Promise<"crashed">((resolve) => onCrash = () => resolve("crashed"))
        const result = yield* Effect.promise(() =>
          Promise.race([Effect.runPromise(perform(operation.access)), crashed])
        )
        if (result !== "crashed") promise(result)
        yield* renew
      } else if ("crash" in operation) {
        yield* renew
      } else {
        const clock = yield* Clock.Clock
        let now = 0
        const ticking = { ...clock, currentTimeMillis: Effect.sync(() => now++) }
        const spilled = yield* spill.write(memory, Duration.millis(operation.reset)).pipe(
          Effect.provideService(Clock.Clock, ticking)
        )
        promise(spilled)
        for (const n of numbersOf(spilled.notOnDisk.map(({ batch }) => batch))) counted.add(n)
        memory.spill(spilled.onDisk)
        memory.drop()
        yield* renew
      }
    })

    for (const operation of operations) yield* apply(operation)

    yield* apply({ reset: Infinity })
    yield* perform("catchUp")
    const order = generation.memory.all.map(({ id }) => id)
    assert.isTrue(order.every((id) => id < 0))
    for (const batch of generation.memory.all) generation.memory.deliver(batch)
    yield* perform("catchUp")
    assert.deepStrictEqual(sandbox.names(), [])
    yield* renew
    return { sealed, promised, delivered, counted }
  }).pipe(Effect.scoped)

const check = <A>(arbitrary: fc.Arbitrary<A>, property: (value: A) => Effect.Effect<void>) =>
  Effect.promise(() =>
    fc.assert(fc.asyncProperty(arbitrary, (value) => Effect.runPromise(property(value))), { numRuns: runs(150) })
  )

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)
const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b)

describe("Spill", () => {
  it.effect("delivers every record exactly once over any number of resets", () =>
    check(
      sequences(ordinary),
      Effect.fnUntraced(function*(operations) {
        const { counted, delivered, sealed } = yield* runModel(operations)
        assert.deepStrictEqual(sorted(delivered), upTo(sealed))
        assert.deepStrictEqual([...counted], [])
      })
    ), 60_000)

  it.effect("loses nothing that it has said to be on the disk, wherever it is killed", () =>
    check(
      sequences([...ordinary, ...violent]),
      Effect.fnUntraced(function*(operations) {
        const { delivered, promised } = yield* runModel(operations)
        const arrived = new Set(delivered)
        assert.deepStrictEqual([...promised].filter((n) => !arrived.has(n)), [])
      })
    ), 60_000)

  it.effect("counts every record that had to make room for newer ones", () =>
    check(
      fc.tuple(sequences(ordinary), fc.integer({ min: 0, max: 16 }).map((blocks) => blocks * 4096)),
      Effect.fnUntraced(function*([operations, freeBytes]) {
        const { counted, delivered, sealed } = yield* runModel(operations, freeBytes, 1500)
        const known = new Set([...delivered, ...counted])
        assert.deepStrictEqual(upTo(sealed).filter((n) => !known.has(n)), [])
      })
    ), 60_000)
})
