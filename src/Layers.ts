/** The one place that composes the services, and the library's front door. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ExtensionConfig } from "./config/Config.ts"
import * as ServerTransport from "./config/ServerTransport.ts"
import { LogBuffer } from "./delivery/Buffer.ts"
import { Destinations } from "./delivery/Destination.ts"
import { Ledger } from "./delivery/Ledger.ts"
import { OpenObserveSink } from "./delivery/OpenObserveSink.ts"
import { ExtensionsClient } from "./lambda/ExtensionsClient.ts"
import { LambdaEnvironment } from "./lambda/LambdaEnvironment.ts"
import * as Extension from "./lifecycle/Extension.ts"
import * as RefusedStart from "./lifecycle/RefusedStart.ts"
import { LogPipeline } from "./logs/LogPipeline.ts"
import { RecordEncoder } from "./logs/RecordEncoder.ts"
import { LogsDestination, PlatformDestination } from "./openobserve/LogsDestination.ts"
import * as Logger from "./platform/Logger.ts"
import * as SteadyClock from "./platform/SteadyClock.ts"
import { Transport } from "./platform/Transport.ts"
import { Spill } from "./spill/Spill.ts"
import { Invocations } from "./telemetry/Invocations.ts"
import { TelemetryServer } from "./telemetry/TelemetryServer.ts"

/** Every way that records can take to a server. */
const destinations = Layer.effect(
  Destinations,
  Effect.gen(function*() {
    return [...new Set([yield* LogsDestination, yield* PlatformDestination])]
  })
)

/**
 * From posts to OpenObserve, in the order of the data flow, every service visible. Needs `ExtensionConfig`,
 * `LambdaEnvironment` and `Transport`. To replace one of the services in between, compose their `layerNoDeps` likewise.
 */
export const layerNoDeps = Layer.merge(LogPipeline.layerNoDeps, Spill.layerNoDeps).pipe(
  Layer.provideMerge(Invocations.layerNoDeps),
  Layer.provideMerge(TelemetryServer.layerNoDeps),
  Layer.provideMerge(RecordEncoder.layerNoDeps),
  Layer.provideMerge(OpenObserveSink.layerNoDeps),
  Layer.provideMerge(destinations),
  Layer.provideMerge(PlatformDestination.layerNoDeps),
  Layer.provideMerge(LogsDestination.layerNoDeps),
  Layer.provideMerge(LogBuffer.layerNoDeps),
  Layer.provideMerge(Ledger.layer)
)

/** The same with settings and sandbox read from the `ConfigProvider`, which is the environment unless replaced. */
export const layer = layerNoDeps.pipe(
  Layer.provideMerge(ServerTransport.layerWith(Effect.logWarning)),
  Layer.provideMerge(ExtensionConfig.layer),
  Layer.provideMerge(LambdaEnvironment.layer)
)

/** The whole extension, as Lambda runs it: says what is wrong with the settings, and why it ends when it must. */
export const program = Extension.run.pipe(
  Effect.provide(layer),
  Effect.catchTags({ ConfigurationError: RefusedStart.refuse, ListenError: RefusedStart.refuse }),
  Effect.tapErrorTag(
    "ExtensionsError",
    (error) => Effect.logFatal("Lambda does not accept the extension; it ends", { cause: error.message })
  ),
  Effect.tapDefect((defect) => Effect.logFatal("the extension has a defect and ends", { defect: String(defect) })),
  Effect.provide(Layer.mergeAll(ExtensionsClient.layer, Logger.layer)),
  SteadyClock.provide
)

export {
  Destinations,
  Extension,
  ExtensionConfig,
  ExtensionsClient,
  Invocations,
  LambdaEnvironment,
  Ledger,
  LogBuffer,
  Logger,
  LogPipeline,
  LogsDestination,
  OpenObserveSink,
  PlatformDestination,
  RecordEncoder,
  Spill,
  TelemetryServer,
  Transport
}
