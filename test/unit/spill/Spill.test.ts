import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Fs from "node:fs"
import { numbersIn } from "../../support/bufferFixtures.ts"
import { droppedFiles, interceptDisk, LONG, makeSandbox, reset, withFreeBytes } from "../../support/spillFixtures.ts"

const KIB = 1024

/** What the first batch that a generation restores is called. */
const FIRST_ID = -(2 ** 28)

describe("Spill", () => {
  it.effect("gives the next generation what the last one left", () =>
    Effect.gen(function*() {
      const sandbox = yield* makeSandbox
      const first = yield* sandbox.begin
      const left = [first.memory.seal([1, 2]), first.memory.seal([3])]
      const spilled = yield* reset(first)
      assert.deepStrictEqual(spilled, { onDisk: left, notOnDisk: [] })

      const second = yield* sandbox.begin
      const fresh = second.memory.seal([4])
      yield* second.spill.catchUp(second.memory)
      const [one, two, three] = second.memory.all
      assert.deepStrictEqual([one, two], left.map((batch, index) => Object.assign({}, batch, { id: FIRST_ID + index })))
      assert.strictEqual(three, fresh)
      const books = yield* second.ledger.snapshot
      assert.strictEqual(books.logs.replayed.records, 3)
      assert.strictEqual(yield* droppedFiles(second), 0)
      assert.deepStrictEqual([...first.log.entries, ...second.log.entries], [])
    }))

  it.effect("keeps what compression made of a batch", () =>
    Effect.gen(function*() {
      const sandbox = yield* makeSandbox
      const first = yield* sandbox.begin
      const batch = { ...first.memory.seal([1, 2]), coding: "gzip" as const, body: Buffer.from([0x1f, 0x8b, 0, 0xff]) }
      yield* first.spill.write({ ...first.memory, unsettled: Effect.succeed([batch]) }, LONG)
      const second = yield* sandbox.begin
      const restored: Array<unknown> = []
      yield* second.spill.catchUp({ ...second.memory, restore: (batch) => Effect.sync(() => restored.push(batch)) })
      assert.deepStrictEqual(restored, [{ ...batch, id: FIRST_ID }])
    }))

  it.effect("touches the disk once at a start that finds nothing", () =>
    Effect.gen(function*() {
      const sandbox = yield* makeSandbox
      const calls: Array<string> = []
      yield* interceptDisk(sandbox.tmp, (call) => void calls.push(call))
      const { memory, spill } = yield* sandbox.begin
      assert.deepStrictEqual(calls, [])
      yield* spill.catchUp(memory)
      assert.deepStrictEqual(calls, ["lstat"])
      yield* spill.catchUp(memory)
      assert.deepStrictEqual(yield* spill.write(memory, LONG), { onDisk: [], notOnDisk: [] })
      assert.deepStrictEqual(calls, ["lstat"])
      assert.isFalse(Fs.existsSync(sandbox.directory))
    }))

  it.effect("keeps others' eyes off", () =>
    Effect.gen(function*() {
      const sandbox = yield* makeSandbox
      yield* sandbox.leave([1])
      const [name] = sandbox.names()
      assert.strictEqual(Fs.statSync(sandbox.directory).mode & 0o7777, 0o700)
      assert.strictEqual(Fs.statSync(`${sandbox.directory}/${name}`).mode & 0o7777, 0o600)
    }))

  describe("write", () => {
    it.effect("writes a batch once", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const { memory, spill } = yield* sandbox.begin
        memory.seal([1])
        yield* spill.write(memory, LONG)
        memory.seal([2])
        const calls: Array<string> = []
        yield* interceptDisk(sandbox.tmp, (call) => void calls.push(call))
        assert.strictEqual((yield* spill.write(memory, LONG)).onDisk.length, 2)
        assert.strictEqual(calls.filter((call) => call === "writeFile").length, 1)
        assert.strictEqual(sandbox.names().length, 2)
      }))

    it.effect("does not write anew what was restored from a file", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        yield* sandbox.leave([1])
        const names = sandbox.names()
        const second = yield* sandbox.begin
        yield* second.spill.catchUp(second.memory)
        const { onDisk } = yield* reset(second)
        assert.deepStrictEqual(onDisk.map(numbersIn), [[1]])
        assert.deepStrictEqual(sandbox.names(), names)
      }))

    it.effect("writes again what the function has deleted", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const { memory, spill } = yield* sandbox.begin
        memory.seal([1])
        yield* spill.write(memory, LONG)
        Fs.rmSync(sandbox.directory, { recursive: true })
        assert.strictEqual((yield* spill.write(memory, LONG)).onDisk.length, 1)
        assert.strictEqual(sandbox.names().length, 1)
      }))

    it.effect("deletes what has been settled since the last time", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const generation = yield* sandbox.begin
        const batch = generation.memory.seal([1])
        generation.memory.seal([2])
        yield* generation.spill.write(generation.memory, LONG)
        generation.memory.deliver(batch)
        yield* reset(generation)
        const next = yield* sandbox.begin
        yield* next.spill.catchUp(next.memory)
        assert.deepStrictEqual(next.memory.restored, [2])
      }))

    it.effect("deletes everything when everything has been settled", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const generation = yield* sandbox.begin
        const batch = generation.memory.seal([1])
        yield* generation.spill.write(generation.memory, LONG)
        generation.memory.deliver(batch)
        yield* reset(generation)
        assert.deepStrictEqual(sandbox.names(), [])
      }))

    it.effect("begins no file when time is over, and has written the newest by then", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const generation = yield* sandbox.begin
        for (let n = 0; n < 5; n++) generation.memory.seal([n])
        const clock = yield* Clock.Clock
        let now = 0
        const ticking = { ...clock, currentTimeMillis: Effect.sync(() => now++) }
        const { notOnDisk, onDisk } = yield* reset(generation, Duration.millis(4)).pipe(
          Effect.provideService(Clock.Clock, ticking)
        )
        assert.deepStrictEqual(onDisk.map(numbersIn), [[3], [4]])
        assert.deepStrictEqual(notOnDisk.map(({ batch }) => numbersIn(batch)), [[0], [1], [2]])
        assert.deepStrictEqual(new Set(notOnDisk.map(({ obstacle }) => obstacle)), new Set(["time"]))
      }))

    it.effect("ends between two files when interrupted, and knows what it has written", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const { memory, spill } = yield* sandbox.begin
        for (let n = 0; n < 5; n++) memory.seal([n])
        let interrupt: Fiber.Fiber<void> | undefined
        let writes = 0
        const written: Array<unknown> = []
        yield* interceptDisk(sandbox.tmp, (call) => {
          if (call === "rename" && ++writes === 2) interrupt = Effect.runFork(Fiber.interrupt(fiber))
          if (call === "writeFile") written.push(call)
          return undefined
        })
        const fiber: Fiber.Fiber<unknown> = yield* Effect.forkChild(spill.write(memory, LONG))
        yield* Fiber.await(fiber)
        yield* Fiber.join(interrupt!)
        assert.deepStrictEqual([writes, written.length, sandbox.names().length], [2, 2, 2])
        assert.strictEqual((yield* spill.write(memory, LONG)).onDisk.length, 5)
        assert.deepStrictEqual([writes, written.length, sandbox.names().length], [5, 5, 5])
      }))

    it.effect("has the oldest make room for the newest, and counts what only files held", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const first = yield* sandbox.begin
        for (let n = 0; n < 4; n++) first.memory.seal([n], 7 * KIB)
        yield* reset(first)
        const second = yield* sandbox.begin
        const batches = [10, 11, 12].map((n) => second.memory.seal([n], 7 * KIB))
        // with the 4 · 8 KiB that are used, half of it is room for 5 files
        yield* withFreeBytes(sandbox.tmp, 48 * KIB)
        assert.deepStrictEqual((yield* reset(second)).onDisk, batches)
        assert.strictEqual(yield* droppedFiles(second), 2)
        const third = yield* sandbox.begin
        yield* third.spill.catchUp(third.memory)
        assert.deepStrictEqual(third.memory.restored, [2, 3, 10, 11, 12])
      }))

    it.effect("deletes nothing old for what there is no time to write", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const first = yield* sandbox.begin
        for (let n = 0; n < 4; n++) first.memory.seal([n], 7 * KIB)
        yield* reset(first)
        const second = yield* sandbox.begin
        for (const n of [10, 11, 12]) second.memory.seal([n], 7 * KIB)
        yield* withFreeBytes(sandbox.tmp, 48 * KIB)
        yield* reset(second, Duration.zero)
        assert.strictEqual(yield* droppedFiles(second), 0)
        assert.strictEqual(sandbox.names().length, 4)
      }))

    it.effect("says what has no room, and leaves old files alone that need not go", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        yield* sandbox.leave([1])
        const second = yield* sandbox.begin
        const large = second.memory.seal([2], 50 * KIB)
        const small = second.memory.seal([3])
        yield* withFreeBytes(sandbox.tmp, 80 * KIB)
        assert.deepStrictEqual(yield* reset(second), {
          onDisk: [small],
          notOnDisk: [{ batch: large, obstacle: "room" }]
        })
        assert.strictEqual(yield* droppedFiles(second), 0)
        assert.strictEqual(sandbox.names().length, 2)
      }))
  })
})
