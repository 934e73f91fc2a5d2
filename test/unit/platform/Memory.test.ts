import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Memory from "../../../src/platform/Memory.ts"

describe("Memory", () => {
  it.effect("frees memory that a buffer has to itself", () =>
    Effect.sync(() => {
      const buffer = Buffer.allocUnsafeSlow(1_000_000)
      Memory.free(buffer)
      assert.strictEqual(buffer.length, 0)
    }))

  it.effect("leaves alone what is shared", () =>
    Effect.sync(() => {
      const small = Buffer.from("small buffers share memory")
      const part = Buffer.allocUnsafeSlow(1000).subarray(1)
      Memory.free(small)
      Memory.free(part)
      assert.deepEqual([small.toString(), part.length], ["small buffers share memory", 999])
    }))

  it.effect("leaves to the collector what cannot be given up", () =>
    Effect.sync(() => {
      const pooled = Buffer.from("pooled")
      Memory.freeAll(pooled.buffer)
      assert.strictEqual(pooled.toString(), "pooled")
      Memory.freeAll(new SharedArrayBuffer(8))
    }))
})
