/** Hands encoded records on, each to its stream, by way of the processor where there is one. */
import * as Effect from "effect/Effect"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { LogsDestination, PlatformDestination } from "../openobserve/LogsDestination.ts"
import * as Memory from "../platform/Memory.ts"
import { RecordProcessor, type Unprocessed } from "./RecordProcessor.ts"

// most have one stream
const loadPlatformRecords = Effect.promise(() => import("./PlatformRecords.ts"))

// and nobody but embedders has processors
const loadProcessedRouting = Effect.promise(() => import("./ProcessedRouting.ts"))

/** Makes what hands records on. They are copied or changed before it is done: their memory may be written again then. */
export const make = Effect.gen(function*() {
  const sink = yield* OpenObserveSink
  const logs = yield* LogsDestination
  const platform = yield* PlatformDestination
  const processor = yield* RecordProcessor
  if (processor !== undefined) return yield* (yield* loadProcessedRouting).make(processor)
  return Effect.fnUntraced(function*(encoded: Unprocessed) {
    if (platform === logs || encoded.platformRecords.length === 0) return yield* sink.accept(logs, encoded)
    const { part } = yield* loadPlatformRecords
    const parted = part(encoded)
    yield* sink.accept(logs, parted.others)
    yield* sink.accept(platform, parted.platform)
    Memory.free(parted.others.bytes)
    Memory.free(parted.platform.bytes)
  })
})
