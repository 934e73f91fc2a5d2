import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SpillFile from "../../../src/spill/SpillFile.ts"
import * as SpillPlan from "../../../src/spill/SpillPlan.ts"
import { batchOf } from "../../support/spillFixtures.ts"

const MEBIBYTE = 1024 * 1024

/** A batch of one record whose file takes the given number of bytes on the disk. */
const batchOnDisk = (id: number, bytes: number) => ({
  ...batchOf(id, [id]),
  // beside the body: the header, and the destination's name with its length
  body: Buffer.alloc(bytes - SpillFile.sizeOf(1 + "logs".length))
})

const nameFor = (generation: number) => (batch: ReturnType<typeof batchOf>) => SpillFile.nameOf(batch, generation, 1)

const makeSituation = (overrides: Partial<SpillPlan.Situation> = {}): SpillPlan.Situation => ({
  names: [],
  held: [],
  unsettled: [],
  nameFor: nameFor(2),
  freeBytes: 1024 * MEBIBYTE,
  ...overrides
})

const idsOf = ({ written }: SpillPlan.Plan) => written.map(({ batch }) => batch.id)

describe("SpillPlan", () => {
  it.effect("writes the newest first", () =>
    Effect.sync(() => {
      const unsettled = [-3, 0, 1, 1.5, 2].map((id) => batchOf(id, [1]))
      assert.deepStrictEqual(idsOf(SpillPlan.plan(makeSituation({ unsettled }))), [2, 1.5, 1, 0, -3])
    }))

  it.effect("never takes more than 64 MiB", () =>
    Effect.sync(() => {
      const unsettled = Array.from({ length: 10 }, (_, id) => batchOnDisk(id, 8 * MEBIBYTE))
      assert.deepStrictEqual(idsOf(SpillPlan.plan(makeSituation({ unsettled }))), [9, 8, 7, 6, 5, 4, 3, 2])
    }))

  it.effect("counts what is there already, and has the oldest of it go", () =>
    Effect.sync(() => {
      const names = Array.from({ length: 8 }, (_, id) => nameFor(1)(batchOnDisk(id, 8 * MEBIBYTE)))
      const unsettled = [batchOnDisk(0, 12 * MEBIBYTE)]
      const plan = SpillPlan.plan(makeSituation({ names, unsettled }))
      assert.deepStrictEqual(idsOf(plan), [0])
      assert.deepStrictEqual(plan.written[0]?.evicted, names.slice(0, 2))
    }))

  it.effect("has no more go for a file than it needs", () =>
    Effect.sync(() => {
      const names = Array.from({ length: 8 }, (_, id) => nameFor(1)(batchOnDisk(id, 8 * MEBIBYTE)))
      const unsettled = [0, 1].map((id) => batchOnDisk(id, 8 * MEBIBYTE))
      const { written } = SpillPlan.plan(makeSituation({ names, unsettled }))
      assert.deepStrictEqual(written.map(({ batch, evicted }) => [batch.id, evicted]), [
        [1, names.slice(0, 1)],
        [0, names.slice(1, 2)]
      ])
    }))

  it.effect("never takes more than half of what is free without it", () =>
    Effect.sync(() => {
      const names = [nameFor(1)(batchOnDisk(0, MEBIBYTE))]
      const unsettled = [0, 1, 2].map((id) => batchOnDisk(id, MEBIBYTE))
      const plan = SpillPlan.plan(makeSituation({ names, unsettled, freeBytes: 3 * MEBIBYTE }))
      assert.deepStrictEqual(idsOf(plan), [2, 1])
      assert.deepStrictEqual(plan.written.map(({ evicted }) => evicted), [[], names])
    }))

  it.effect("takes a file for as large as the disk does", () =>
    Effect.sync(() => {
      const unsettled = [0, 1, 2].map((id) => batchOnDisk(id, id === 1 ? 4097 : 100))
      assert.deepStrictEqual(idsOf(SpillPlan.plan(makeSituation({ unsettled, freeBytes: 2 * 4096 * 4 }))), [2, 1, 0])
      assert.deepStrictEqual(idsOf(SpillPlan.plan(makeSituation({ unsettled, freeBytes: 2 * 4096 * 3 }))), [2, 1])
    }))

  it.effect("leaves what is there alone when there is nothing to write", () =>
    Effect.sync(() => {
      const batch = batchOf(0, [1])
      const name = nameFor(1)(batch)
      const held = [{ name, place: SpillFile.placeOf(0), records: 1 }]
      assert.deepStrictEqual(
        SpillPlan.plan(makeSituation({ names: [name], held, unsettled: [batch], freeBytes: 0 })),
        { written: [], outdated: [] }
      )
    }))
})
