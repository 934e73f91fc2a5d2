/** The one place that composes the services. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ConfigurationError, ExtensionConfig } from "./config/Config.ts"
import * as ServerTransport from "./config/ServerTransport.ts"
import { ExtensionsClient } from "./lambda/ExtensionsClient.ts"
import { LambdaEnvironment } from "./lambda/LambdaEnvironment.ts"
import * as Extension from "./lifecycle/Extension.ts"
import * as RefusedStart from "./lifecycle/RefusedStart.ts"
import { LogPipeline } from "./logs/LogPipeline.ts"
import { RecordEncoder } from "./logs/RecordEncoder.ts"
import * as Logger from "./platform/Logger.ts"
import * as SteadyClock from "./platform/SteadyClock.ts"
import { Transport } from "./platform/Transport.ts"
import { Spill } from "./spill/Spill.ts"
import * as SinkLayers from "./SinkLayers.ts"
import { Invocations } from "./telemetry/Invocations.ts"
import { TelemetryServer } from "./telemetry/TelemetryServer.ts"

/**
 * From posts to OpenObserve, in the order of the data flow, every service visible. Needs `ExtensionConfig`,
 * `LambdaEnvironment` and `Transport`. To replace one of the services in between, compose their `layerNoDeps` likewise.
 */
export const layerNoDeps = Layer.merge(LogPipeline.layerNoDeps, Spill.layerNoDeps).pipe(
  Layer.provideMerge(Invocations.layerNoDeps),
  Layer.provideMerge(TelemetryServer.layerNoDeps),
  Layer.provideMerge(RecordEncoder.layerNoDeps),
  Layer.provideMerge(SinkLayers.layerNoDeps)
)

/** The same with settings read from the `ConfigProvider`, which is the environment unless replaced. */
const layerIn = ({ beneath, environment }: Pick<Additions<never>, "beneath" | "environment">) =>
  layerNoDeps.pipe(
    Layer.provideMerge(beneath),
    Layer.provideMerge(ServerTransport.layerWith(Effect.logWarning)),
    Layer.provideMerge(ExtensionConfig.layer),
    Layer.provideMerge(environment)
  )

/** The same in the sandbox that the `ConfigProvider` describes. */
export const layer = layerIn({ environment: LambdaEnvironment.layer, beneath: Layer.empty })

/** Every service of the extension. */
type Services = Layer.Success<typeof layer>

/** What an embedder adds. */
export interface Additions<R> {
  readonly environment: Layer.Layer<LambdaEnvironment>
  /** What the services are built with: references that they read. */
  readonly beneath: Layer.Layer<never, ConfigurationError, ExtensionConfig>
  /** What is built with the services, and needed by the program. */
  readonly above: Layer.Layer<never, never, Services | R>
}

/**
 * The whole extension, as Lambda runs it, with what an embedder adds: says what is wrong with the settings, and why it ends
 * when it must.
 */
export const programWith = <R>({ above, beneath, environment }: Additions<R>) =>
  Extension.run.pipe(
    Effect.provide(Layer.provideMerge(above, layerIn({ beneath, environment }))),
    Effect.catchTags({ ConfigurationError: RefusedStart.refuse, ListenError: RefusedStart.refuse }),
    Effect.tapErrorTag(
      "ExtensionsError",
      (error) => Effect.logFatal("Lambda does not accept the extension; it ends", { cause: error.message })
    ),
    Effect.tapDefect((defect) => Effect.logFatal("the extension has a defect and ends", { defect: String(defect) })),
    Effect.provide(
      Layer.merge(ExtensionsClient.layerNoDeps.pipe(Layer.provide([environment, Transport.layer])), Logger.layer)
    ),
    SteadyClock.provide
  )

/** The whole extension, as it is. */
export const program = programWith({
  environment: LambdaEnvironment.layer,
  beneath: Layer.empty,
  above: Layer.empty
})
