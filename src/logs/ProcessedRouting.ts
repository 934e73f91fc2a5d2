/** Hands records on that a processor has seen. Loaded where there is one alone. */
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../config/Config.ts"
import { type Destination, Destinations } from "../delivery/Destination.ts"
import { Ledger } from "../delivery/Ledger.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import type { SinkClosed } from "../delivery/SinkClosed.ts"
import { LogsDestination, PlatformDestination, routeName } from "../openobserve/LogsDestination.ts"
import { excerpt } from "../platform/ForeignText.ts"
import * as Memory from "../platform/Memory.ts"
import { RateLimitedWarning } from "../platform/RateLimitedWarning.ts"
import type { Processed, RecordProcessor, Unprocessed } from "./RecordProcessor.ts"

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
  const { maxBatchBytes, maxBufferBytes, maxColumns } = config
  const limits = { maxColumns, maxPartBytes: Math.min(maxBatchBytes, maxBufferBytes / 4) }
  const failed = new RateLimitedWarning("a processor has failed; the records went on without what it does")

  const take = Effect.fnUntraced(function*({ failure, failures, filtered, parts }: Processed) {
    if (filtered.records > 0) {
      ledger.receiveUnsafe(logs.signal, filtered)
      ledger.moveUnsafe(logs.signal, "buffered", { dropped: "filtered" }, filtered)
    }
    if (failures > 0) {
      ledger.countUnsafe("processorFailures", failures)
      failed.count(failures)
      yield* failed.emit({ cause: wordsOf(failure) })
    }
    let closed: SinkClosed | undefined
    for (const { isPlatform, records, stream } of parts) {
      const anyway = isPlatform ? platform : logs
      yield* sink.accept(stream === undefined ? anyway : routes.get(stream) ?? anyway, records).pipe(
        // the others are to be counted, too
        Effect.catchTag("SinkClosed", (error) => Effect.sync(() => void (closed = error)))
      )
      Memory.free(records.bytes)
    }
    if (closed !== undefined) return yield* closed
  })

  return Effect.fnUntraced(function*(encoded: Unprocessed) {
    // in one stream they stay in order
    const records = platform === logs ? { ...encoded, platformRecords: [] } : encoded
    for (const processed of processor.process(records, limits)) yield* take(processed)
  })
})

/** What was thrown, in words: it may be anything. */
const wordsOf = (failure: unknown): string => {
  try {
    return excerpt(String(failure))
  } catch {
    return "something that cannot be shown"
  }
}
