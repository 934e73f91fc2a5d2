/** The one place that composes the services, and the library's front door. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LogBuffer } from "./delivery/Buffer.ts"
import { ExtensionConfig } from "./config/Config.ts"
import * as Extension from "./lifecycle/Extension.ts"
import { ExtensionsClient } from "./lambda/ExtensionsClient.ts"
import { Intake } from "./logs/LogPipeline.ts"
import { LambdaEnvironment } from "./lambda/LambdaEnvironment.ts"
import { Ledger } from "./delivery/Ledger.ts"
import * as Logger from "./platform/Logger.ts"
import { OpenObserveSink } from "./delivery/OpenObserveSink.ts"
import { RecordEncoder } from "./logs/RecordEncoder.ts"
import { Spill } from "./spill/Spill.ts"
import { TelemetryServer } from "./telemetry/TelemetryServer.ts"
import { Transport } from "./platform/Transport.ts"

/**
 * From posts to OpenObserve, in the order of the data flow, every service visible. Needs `ExtensionConfig`,
 * `LambdaEnvironment` and `Transport`. To replace one of the services in between, compose their `layerNoDeps` likewise.
 */
export const layerNoDeps = Layer.merge(Intake.layerNoDeps, Spill.layerNoDeps).pipe(
  Layer.provideMerge(TelemetryServer.layerNoDeps),
  Layer.provideMerge(RecordEncoder.layerNoDeps),
  Layer.provideMerge(OpenObserveSink.layerNoDeps),
  Layer.provideMerge(LogBuffer.layerNoDeps),
  Layer.provideMerge(Ledger.layer)
)

/** The same with settings and sandbox read from the `ConfigProvider`, which is the environment unless replaced. */
export const layer = layerNoDeps.pipe(
  Layer.provideMerge(Transport.layer),
  Layer.provideMerge(ExtensionConfig.layer),
  Layer.provideMerge(LambdaEnvironment.layer)
)

/** The whole extension, as Lambda runs it: says what is wrong with the settings, and why it ends when it must. */
export const program = Extension.run.pipe(
  Effect.provide(layer),
  Effect.catchTags({ ConfigurationError: Extension.refuse, ListenError: Extension.refuse }),
  Effect.tapErrorTag(
    "ExtensionsError",
    (error) => Effect.logFatal("Lambda does not accept the extension; it ends", { cause: error.message })
  ),
  Effect.tapDefect((defect) => Effect.logFatal("the extension has a defect and ends", { defect: String(defect) })),
  Effect.provide(Layer.mergeAll(ExtensionsClient.layer, Logger.layer))
)

export {
  Extension,
  ExtensionConfig,
  ExtensionsClient,
  Intake,
  LambdaEnvironment,
  Ledger,
  LogBuffer,
  Logger,
  OpenObserveSink,
  RecordEncoder,
  Spill,
  TelemetryServer,
  Transport
}
