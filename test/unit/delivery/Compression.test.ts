import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { randomFillSync as fillRandomly } from "node:crypto"
import * as Zlib from "node:zlib"
import * as Compression from "../../../src/delivery/Compression.ts"

const gzip = (body: Buffer) =>
  Effect.callback<Buffer | undefined>((resume) => Compression.gzipUnsafe(body, (done) => resume(Effect.succeed(done))))

describe("Compression", () => {
  it.effect("makes one gzip member, and reads it", () =>
    Effect.gen(function*() {
      const text = "[{\"a\":1},{\"b\":2}]".repeat(100)
      const compressed = yield* gzip(Buffer.from(text))
      assert.isBelow(compressed!.length, text.length)
      assert.strictEqual(Zlib.gunzipSync(compressed!).toString(), text)
      assert.strictEqual(Compression.gunzip(compressed!, text.length).toString(), text)
      assert.throws(() => Compression.gunzip(compressed!, text.length - 1), RangeError)
    }))

  it.effect("gives back every byte, whatever the size and the content", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.nat(400_000), fc.boolean(), async (size, isNoise) => {
          const body = Buffer.allocUnsafeSlow(size)
          if (isNoise) fillRandomly(body)
          else body.fill("items ")
          const text = Buffer.from(body)
          const compressed = await Effect.runPromise(gzip(body))
          assert.isTrue(Zlib.gunzipSync(compressed!).equals(text))
        }),
        { numRuns: 30 }
      )
    ))
})
