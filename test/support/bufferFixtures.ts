/** Posts of numbered records, and a buffer of any size to put them into. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Zlib from "node:zlib"
import type { Batch } from "../../src/delivery/Batch.ts"
import { LogBuffer } from "../../src/delivery/Buffer.ts"
import { type Configuration, ExtensionConfig } from "../../src/config/Config.ts"
import { logs } from "./destinations.ts"
import { isBalanced } from "../../src/delivery/Books.ts"
import { Ledger } from "../../src/delivery/Ledger.ts"
import type { EncodedRecords } from "../../src/delivery/EncodedRecords.ts"

/** One record with the number `n`, its comma included, padded to `bytes`. */
const recordText = (n: number, bytes: number): string => {
  const text = `{"_timestamp":${n},"p":""},`
  return text.replace("\"\"", `"${"x".repeat(Math.max(0, bytes - text.length))}"`)
}

/** A post of one record for each size in bytes, numbered from `first`. */
export const postOf = (sizes: ReadonlyArray<number>, first = 0): EncodedRecords => {
  const texts = sizes.map((bytes, index) => recordText(first + index, bytes))
  let end = 0
  return {
    bytes: Buffer.from(texts.join("")),
    ends: texts.map((text) => end += text.length),
    oldestTimestamp: first,
    columns: new Set()
  }
}

/** The numbers of the records in a batch. */
export const numbersIn = (batch: Batch): Array<number> => {
  const body = batch.coding === "gzip" ? Zlib.gunzipSync(batch.body) : batch.body
  return (JSON.parse(body.toString()) as ReadonlyArray<{ readonly _timestamp: number }>)
    .map(({ _timestamp }) => _timestamp)
}

/** A buffer and its ledger; sizes as small as a test needs them. */
export const bufferLayer = (overrides: Partial<Configuration> = {}) => {
  const config = Layer.effect(
    ExtensionConfig,
    Effect.map(ExtensionConfig, (config) => ({
      ...config,
      compression: "none" as const,
      maxBufferBytes: 1000,
      maxBatchBytes: 200,
      ...overrides
    }))
  ).pipe(Layer.provide(ExtensionConfig.layerEnv({
    O2_ORGANIZATION_ID: "default",
    O2_AUTHORIZATION_HEADER: "Basic eDp5"
  })))
  return LogBuffer.layerNoDeps.pipe(Layer.provide(config), Layer.provideMerge(Ledger.layer))
}

/** Takes the oldest sealed batch. */
export const takeNext = LogBuffer.use((buffer) => buffer.take(logs))

/** Takes every sealed batch. */
export const takeAll = Effect.gen(function*() {
  const batches: Array<Batch> = []
  for (let batch = yield* takeNext; batch !== undefined; batch = yield* takeNext) batches.push(batch)
  return batches
})

/** The books of logs, which must add up. */
export const books = Effect.gen(function*() {
  const ledger = yield* Ledger
  const snapshot = yield* ledger.snapshot
  assert.isTrue(isBalanced(snapshot))
  return snapshot.logs
})
