/** What a generation makes of the files that earlier ones, and it itself, have left. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { numbersIn } from "../../support/bufferFixtures.ts"
import { droppedFiles, interceptDisk, LONG, makeSandbox, reset, withFreeBytes } from "../../support/spillFixtures.ts"

const KIB = 1024

describe("Spill", () => {
  describe("load", () => {
    it.effect("restores in order over several generations and several loads", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const restored: Array<number> = []
        for (let generation = 0; generation < 4; generation++) {
          const { ledger, log, memory, spill } = yield* sandbox.begin
          for (let n = 0; n < 3; n++) memory.seal([10 * generation + n], KIB)
          memory.maxRestored = 1
          yield* spill.catchUp(memory)
          assert.strictEqual(memory.restored.length, generation === 0 ? 0 : 1)
          memory.maxRestored = 2
          yield* spill.catchUp(memory)
          assert.strictEqual(memory.restored.length, generation === 0 ? 0 : 2)
          const order = memory.all.map(({ id }) => id)
          assert.deepStrictEqual(order.map(Math.sign).filter((sign) => sign < 0).length, memory.restored.length)
          restored.push(...memory.restored)
          for (const batch of memory.all.slice(0, memory.restored.length)) memory.deliver(batch)
          yield* reset({ ledger, log, memory, spill })
        }
        const last = yield* sandbox.begin
        yield* last.spill.catchUp(last.memory)
        restored.push(...last.memory.restored)
        assert.deepStrictEqual(last.memory.all.flatMap(numbersIn), last.memory.restored)
        assert.deepStrictEqual(restored, [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32])
      }))

    it.effect("does not restore what this generation wrote, nor anything twice", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        yield* sandbox.leave([1])
        const { memory, spill } = yield* sandbox.begin
        memory.seal([2])
        yield* spill.write(memory, LONG)
        yield* Effect.all([spill.catchUp(memory), spill.catchUp(memory)], { concurrency: 2 })
        yield* spill.catchUp(memory)
        assert.deepStrictEqual(memory.restored, [1])
      }))

    it.effect("waits with what does not fit, and with what comes after it", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const first = yield* sandbox.begin
        first.memory.seal([1], 2 * KIB)
        first.memory.seal([2])
        yield* reset(first)
        const second = yield* sandbox.begin
        second.memory.maxBytes = KIB
        yield* second.spill.catchUp(second.memory)
        assert.deepStrictEqual(second.memory.restored, [])
        second.memory.maxBytes = 3 * KIB
        yield* second.spill.catchUp(second.memory)
        assert.deepStrictEqual(second.memory.restored, [1, 2])
      }))

    it.effect("waits when files cannot be opened for the moment", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        yield* sandbox.leave([1])
        const second = yield* sandbox.begin
        yield* Effect.scoped(Effect.gen(function*() {
          yield* interceptDisk(
            sandbox.tmp,
            (call) => call === "open" ? Promise.reject(Object.assign(new Error(), { code: "EMFILE" })) : undefined
          )
          yield* second.spill.catchUp(second.memory)
          assert.deepStrictEqual([second.memory.restored, yield* droppedFiles(second)], [[], 0])
        }))
        yield* second.spill.catchUp(second.memory)
        assert.deepStrictEqual(second.memory.restored, [1])
      }))

    it.effect("removes what a crash left half written, and counts nothing for it", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        yield* sandbox.leave([1])
        const [name] = sandbox.names()
        const whole = Fs.readFileSync(`${sandbox.directory}/${name}`)
        Fs.writeFileSync(`${sandbox.directory}/${name}2.tmp`, whole.subarray(0, 20))
        const second = yield* sandbox.begin
        yield* second.spill.catchUp(second.memory)
        assert.deepStrictEqual([second.memory.restored, yield* droppedFiles(second)], [[1], 0])
        assert.deepStrictEqual(sandbox.names(), [name])
      }))

    it.effect("leaves files alone that the next generation wrote meanwhile", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const first = yield* sandbox.begin
        first.memory.seal([1])
        yield* first.spill.write(first.memory, LONG)
        const second = yield* sandbox.begin
        second.memory.seal([2])
        yield* second.spill.write(second.memory, LONG)
        first.memory.deliver(first.memory.all[0]!)
        yield* first.spill.catchUp(first.memory)
        const third = yield* sandbox.begin
        yield* third.spill.catchUp(third.memory)
        assert.deepStrictEqual(third.memory.restored, [2])
      }))
  })

  describe("tidy", () => {
    it.effect("deletes the files of what is settled, restored or written here, and no others", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const first = yield* sandbox.begin
        for (const n of [1, 2, 3]) first.memory.seal([n], KIB)
        yield* reset(first)
        const second = yield* sandbox.begin
        const { memory, spill } = second
        memory.maxRestored = 2
        yield* spill.catchUp(memory)
        assert.deepStrictEqual(memory.restored, [1, 2])
        memory.seal([4])
        memory.seal([5])
        yield* spill.write(memory, LONG)
        const [one, , four] = memory.all
        memory.deliver(one!)
        memory.deliver(four!)
        yield* spill.catchUp(memory)
        const third = yield* sandbox.begin
        yield* third.spill.catchUp(third.memory)
        assert.deepStrictEqual(third.memory.restored, [2, 3, 5])
      }))

    it.effect("keeps the file of a divided batch until all of it is settled", () =>
      Effect.gen(function*() {
        const sandbox = yield* makeSandbox
        const first = yield* sandbox.begin
        first.memory.seal([1, 2, 3, 4])
        yield* reset(first)
        const { memory, spill } = yield* sandbox.begin
        yield* spill.catchUp(memory)
        const [left, right] = memory.divide(memory.all[0]!)
        const [third, fourth] = memory.divide(right)
        for (const part of [left, fourth]) {
          memory.deliver(part)
          yield* spill.catchUp(memory)
          assert.strictEqual(sandbox.names().length, 1)
        }
        memory.deliver(third)
        yield* spill.catchUp(memory)
        assert.deepStrictEqual(sandbox.names(), [])
      }))
  })

  describe("a divided batch", () => {
    const divided = Effect.gen(function*() {
      const sandbox = yield* makeSandbox
      const first = yield* sandbox.begin
      first.memory.seal([1, 2, 3, 4], 2 * KIB)
      yield* reset(first)
      const second = yield* sandbox.begin
      yield* second.spill.catchUp(second.memory)
      const [left, right] = second.memory.divide(second.memory.all[0]!)
      return { ...second, sandbox, left, right }
    })
    const replayed = Effect.fnUntraced(function*(sandbox: Effect.Success<typeof makeSandbox>) {
      const next = yield* sandbox.begin
      yield* next.spill.catchUp(next.memory)
      return next.memory.restored
    })

    it.effect("needs no files for its parts while all are unsettled", () =>
      Effect.gen(function*() {
        const { left, right, sandbox, ...generation } = yield* divided
        const names = sandbox.names()
        assert.deepStrictEqual((yield* reset(generation)).onDisk, [left, right])
        assert.deepStrictEqual(sandbox.names(), names)
        assert.deepStrictEqual(yield* replayed(sandbox), [1, 2, 3, 4])
      }))

    it.effect("is replaced by the parts that are unsettled", () =>
      Effect.gen(function*() {
        const { left, right, sandbox, ...generation } = yield* divided
        const [three, four] = generation.memory.divide(right)
        generation.memory.deliver(three)
        assert.deepStrictEqual((yield* reset(generation)).onDisk, [left, four])
        assert.strictEqual(sandbox.names().length, 2)
        assert.deepStrictEqual(yield* replayed(sandbox), [1, 2, 4])
      }))

    it.effect("is kept whole when time does not suffice for all its parts", () =>
      Effect.gen(function*() {
        const { left, right, sandbox, ...generation } = yield* divided
        generation.memory.deliver(left)
        assert.deepStrictEqual((yield* reset(generation, Duration.zero)).onDisk, [right])
        assert.deepStrictEqual(yield* replayed(sandbox), [1, 2, 3, 4])
      }))

    it.effect("is kept whole when there is no room for its parts", () =>
      Effect.gen(function*() {
        const { left, right, sandbox, ...generation } = yield* divided
        generation.memory.deliver(left)
        yield* withFreeBytes(sandbox.tmp, 0)
        const { onDisk } = yield* generation.spill.write(generation.memory, LONG)
        assert.deepStrictEqual(onDisk, [right])
        assert.deepStrictEqual(yield* replayed(sandbox), [1, 2, 3, 4])
      }))
  })
})
