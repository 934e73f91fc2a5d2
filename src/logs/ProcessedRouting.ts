/** Hands records on that a processor has seen. Loaded where there is one alone. */
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../config/Config.ts"
import { type Destination, Destinations } from "../delivery/Destination.ts"
import { Ledger } from "../delivery/Ledger.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { LogsDestination, PlatformDestination, routeName } from "../openobserve/LogsDestination.ts"
import { RateLimitedWarning } from "../platform/RateLimitedWarning.ts"
import type { RecordProcessor, Unprocessed } from "./RecordProcessor.ts"

/** Makes what has records processed and hands them on; what is not wanted is counted. */
export const make = Effect.fnUntraced(function*(processor: RecordProcessor) {
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
  routes.set(config.platformStream, platform).set(config.stream, logs)
  const failed = new RateLimitedWarning("a processor has failed; the records went on as they were")
  return Effect.fnUntraced(function*(encoded: Unprocessed) {
    const { failure, failures, filtered, parts } = processor.process(encoded)
    if (filtered.records > 0) {
      ledger.receiveUnsafe(logs.signal, filtered)
      ledger.moveUnsafe(logs.signal, "buffered", { dropped: "filtered" }, filtered)
    }
    if (failures > 0) {
      ledger.countUnsafe("processorFailures", failures)
      failed.count(failures)
      yield* failed.emit({ cause: failure })
    }
    for (const { isPlatform, records, stream } of parts) {
      const anyway = isPlatform ? platform : logs
      yield* sink.accept(stream === undefined ? anyway : routes.get(stream) ?? anyway, records)
    }
  })
})
