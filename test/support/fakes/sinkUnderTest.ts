/** A real sink, buffer and ledger before a fake transport. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import { isBalanced, Ledger } from "../../../src/delivery/Ledger.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import { Destinations } from "../../../src/delivery/Destination.ts"
import type { EncodedRecords } from "../../../src/delivery/EncodedRecords.ts"
import { LogsDestination } from "../../../src/openobserve/LogsDestination.ts"
import { makeCapturedLog } from "./capturedLog.ts"
import type { ControlledTransport } from "./ControlledTransport.ts"
import { evenChance } from "./evenChance.ts"

/** Settings that are complete, and keep request bodies readable. */
export const settings = {
  O2_ORGANIZATION_ID: "default",
  O2_AUTHORIZATION_HEADER: "Basic secret",
  O2_ENDPOINT: "https://openobserve.test",
  O2_COMPRESSION: "none"
}

/** A post with one record `{"n":…}` for each number. */
export const postOf = (numbers: ReadonlyArray<number>): EncodedRecords => {
  const ends: Array<number> = []
  let text = ""
  for (const n of numbers) {
    text += `${JSON.stringify({ _timestamp: n, n })},`
    ends.push(text.length)
  }
  return {
    bytes: Buffer.from(text),
    ends,
    oldestTimestamp: Math.min(...numbers),
    columns: new Set()
  }
}

/** Appends records to the open batch of logs, past the sink. */
export const append = Effect.fnUntraced(function*(records: EncodedRecords) {
  const buffer = yield* LogBuffer
  yield* buffer.append(yield* LogsDestination, records)
})

/** Appends one batch for each list of numbers. */
export const sealBatches = Effect.fnUntraced(function*(...batches: ReadonlyArray<ReadonlyArray<number>>) {
  const buffer = yield* LogBuffer
  for (const numbers of batches) {
    yield* append(postOf(numbers))
    yield* buffer.seal()
  }
})

/** The books of logs; dies when they do not add up. */
export const books = Effect.gen(function*() {
  const ledger = yield* Ledger
  const snapshot = yield* ledger.snapshot
  return isBalanced(snapshot) ? snapshot.logs : yield* Effect.die(new Error(`unbalanced: ${JSON.stringify(snapshot)}`))
})

/** The services, and what they log. */
export const makeSink = (transport: ControlledTransport, env: Readonly<Record<string, string>> = {}) => {
  const log = makeCapturedLog()
  const layer = OpenObserveSink.layerNoDeps.pipe(
    Layer.provideMerge(Layer.effect(Destinations, LogsDestination.useSync((logs) => [logs]))),
    Layer.provideMerge(LogsDestination.layerNoDeps),
    Layer.provideMerge(LogBuffer.layerNoDeps),
    Layer.provideMerge(Ledger.layer),
    Layer.provideMerge(ExtensionConfig.layerEnv({ ...settings, ...env })),
    Layer.provideMerge(transport.layer),
    Layer.provideMerge(Layer.merge(log.layer, evenChance))
  )
  return { layer, log }
}
