/** The one place that composes the services, and the library's front door. */
import * as Layer from "effect/Layer"
import { LogBuffer } from "./Buffer.ts"
import { ExtensionConfig } from "./Config.ts"
import { ExtensionsClient } from "./ExtensionsClient.ts"
import { Intake } from "./Intake.ts"
import { LambdaEnvironment } from "./LambdaEnvironment.ts"
import { Ledger } from "./Ledger.ts"
import { OpenObserveSink } from "./OpenObserveSink.ts"
import { RecordEncoder } from "./RecordEncoder.ts"
import { TelemetryServer } from "./TelemetryServer.ts"
import { Transport } from "./Transport.ts"

/**
 * From posts to OpenObserve, in the order of the data flow. Needs `ExtensionConfig` and `LambdaEnvironment`, and
 * leaves every service visible, so that an embedder can use or replace any of them.
 */
export const layerNoDeps = Intake.layerNoDeps.pipe(
  Layer.provideMerge(TelemetryServer.layerNoDeps),
  Layer.provideMerge(RecordEncoder.layerNoDeps),
  Layer.provideMerge(OpenObserveSink.layerNoDeps.pipe(Layer.provide(Transport.layer))),
  Layer.provideMerge(LogBuffer.layerNoDeps),
  Layer.provideMerge(Ledger.layer)
)

/** The same with settings and sandbox read from the `ConfigProvider`, which is the environment unless replaced. */
export const layer = layerNoDeps.pipe(
  Layer.provideMerge(ExtensionConfig.layer),
  Layer.provideMerge(LambdaEnvironment.layer)
)

export * as Extension from "./Extension.ts"
export {
  ExtensionConfig,
  ExtensionsClient,
  Intake,
  LambdaEnvironment,
  Ledger,
  LogBuffer,
  OpenObserveSink,
  RecordEncoder,
  TelemetryServer,
  Transport
}
