/** Hands encoded records on, each to its stream, by way of the processor where there is one. */
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../config/Config.ts"
import { type Destination, Destinations } from "../delivery/Destination.ts"
import { Ledger } from "../delivery/Ledger.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { LogsDestination, PlatformDestination, routeName } from "../openobserve/LogsDestination.ts"
import * as Memory from "../platform/Memory.ts"
import { RateLimitedWarning } from "../platform/RateLimitedWarning.ts"
import { RecordProcessor, type Unprocessed } from "./RecordProcessor.ts"

// most have one stream
const loadPlatformRecords = Effect.promise(() => import("./PlatformRecords.ts"))

/** Makes what hands records on. They are copied or changed before it is done: their memory may be written again then. */
export const make = Effect.gen(function*() {
  const sink = yield* OpenObserveSink
  const logs = yield* LogsDestination
  const platform = yield* PlatformDestination
  const processor = yield* RecordProcessor
  if (processor !== undefined) return yield* makeProcessing(processor)
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

const makeProcessing = Effect.fnUntraced(function*(processor: RecordProcessor) {
  const config = yield* ExtensionConfig
  const sink = yield* OpenObserveSink
  const logs = yield* LogsDestination
  const platform = yield* PlatformDestination
  const ledger = yield* Ledger
  const routes = new Map<string, Destination>()
  for (const destination of yield* Destinations) {
    const stream = processor.streams.find((stream) => routeName(stream) === destination.name)
    if (stream !== undefined) routes.set(stream, destination)
  }
  routes.set(config.stream, logs)
  const failed = new RateLimitedWarning("a processor has failed; the records went on as they were")
  return Effect.fnUntraced(function*(encoded: Unprocessed) {
    const { failure, failures, filtered, parts } = processor.process(encoded)
    for (const { isPlatform, records, stream } of parts) {
      const anyway = isPlatform ? platform : logs
      yield* sink.accept(stream === undefined ? anyway : routes.get(stream) ?? anyway, records)
    }
    if (filtered.records > 0) {
      ledger.receiveUnsafe(logs.signal, filtered)
      ledger.moveUnsafe(logs.signal, "buffered", { dropped: "filtered" }, filtered)
    }
    if (failures === 0) return
    ledger.countUnsafe("processorFailures", failures)
    failed.count(failures)
    yield* failed.emit({ cause: failure })
  })
})
