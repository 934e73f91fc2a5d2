/** Composes what takes encoded records to OpenObserve; `Layers.ts` has the rest. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ExtensionConfig } from "./config/Config.ts"
import { LogBuffer } from "./delivery/Buffer.ts"
import { Destinations } from "./delivery/Destination.ts"
import { Ledger } from "./delivery/Ledger.ts"
import { OpenObserveSink } from "./delivery/OpenObserveSink.ts"
import { RecordProcessor } from "./logs/RecordProcessor.ts"
import { LogsDestination, makeRoute, PlatformDestination } from "./openobserve/LogsDestination.ts"

/** Every way that records can take to a server. */
const destinations = Layer.effect(
  Destinations,
  Effect.gen(function*() {
    const config = yield* ExtensionConfig
    const { streams = [] } = (yield* RecordProcessor) ?? {}
    const routes = streams.filter((stream) => stream !== config.stream && stream !== config.platformStream)
    return [
      ...new Set([yield* LogsDestination, yield* PlatformDestination]),
      ...routes.map((stream) => makeRoute(config, stream))
    ]
  })
)

/** From encoded records to OpenObserve, every service visible. Needs `ExtensionConfig` and `Transport`. */
export const layerNoDeps = OpenObserveSink.layerNoDeps.pipe(
  Layer.provideMerge(destinations),
  Layer.provideMerge(PlatformDestination.layerNoDeps),
  Layer.provideMerge(LogsDestination.layerNoDeps),
  Layer.provideMerge(LogBuffer.layerNoDeps),
  Layer.provideMerge(Ledger.layer)
)
