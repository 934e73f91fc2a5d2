/**
 * The extension's services, for who wants to put them together in another way or to replace one. Everything else that this
 * package offers is easier: `Extension` runs them all, `OpenObserve` is those that send.
 *
 * Methods that end in `Unsafe` are for the services among each other.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ConfigurationError, ExtensionConfig } from "../config/Config.ts"
import type { LogBuffer } from "../delivery/Buffer.ts"
import type { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import type { ExtensionsError } from "../lambda/ExtensionsClient.ts"
import type { LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
import * as Layers from "../Layers.ts"
import type { ListenError } from "../platform/HttpListener.ts"
import type { Transport } from "../platform/Transport.ts"
import type { TelemetryServer } from "../telemetry/TelemetryServer.ts"
import { Ledger } from "./Ledger.ts"

export { type Configuration, ConfigurationError, ExtensionConfig } from "../config/Config.ts"
export type { Batch } from "../delivery/Batch.ts"
export { type BufferState, type DestinationState, LogBuffer } from "../delivery/Buffer.ts"
export type { Destination } from "../delivery/Destination.ts"
export type { EncodedRecords } from "../delivery/EncodedRecords.ts"
export type { Reservation } from "../delivery/MemoryBudget.ts"
export { type FlushOptions, OpenObserveSink, type Outages } from "../delivery/OpenObserveSink.ts"
export type { FunctionIdentity, InvokeEvent, NextEvent, ShutdownEvent } from "../lambda/ExtensionsApi.ts"
export { ExtensionsClient, ExtensionsError } from "../lambda/ExtensionsClient.ts"
export { type HandedOverRegistration, LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
export type { Subscription, SubscriptionOptions } from "../lambda/TelemetrySubscription.ts"
export type { AuthorityFile } from "../platform/Authorities.ts"
export { ListenError } from "../platform/HttpListener.ts"
export type { Proxy } from "../platform/Proxy.ts"
export { Transport, TransportError, type TransportOptions } from "../platform/Transport.ts"
export { type Arrival, TelemetryServer } from "../telemetry/TelemetryServer.ts"
export { Ledger } from "./Ledger.ts"

/**
 * From Lambda's posts to OpenObserve, in the order of the data flow.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * ```ts
 * import { ExtensionConfig, LambdaEnvironment, layerNoDeps } from "o2-lambda-extension/Layers"
 * import * as Transport from "o2-lambda-extension/Transport"
 * import * as Layer from "effect/Layer"
 *
 * const pipeline = layerNoDeps.pipe(
 *   Layer.provideMerge(Transport.layerNode()),
 *   Layer.provideMerge(ExtensionConfig.layerEnv({ O2_ORGANIZATION_ID: "default", O2_AUTHORIZATION_HEADER: "Basic …" })),
 *   Layer.provideMerge(LambdaEnvironment.layer)
 * )
 * ```
 */
export const layerNoDeps: Layer.Layer<
  Ledger | LogBuffer | OpenObserveSink | TelemetryServer,
  ListenError,
  ExtensionConfig | LambdaEnvironment | Transport
> = Layer.provideMerge(Ledger.layerNoDeps, Layers.layerNoDeps)

/**
 * The same with settings and sandbox read from the `ConfigProvider`, which is the environment unless replaced.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * ```ts
 * import { layer, Ledger } from "o2-lambda-extension/Layers"
 * import * as Effect from "effect/Effect"
 *
 * const books = Ledger.use((ledger) => ledger.snapshot).pipe(Effect.provide(layer))
 * ```
 */
export const layer: Layer.Layer<
  ExtensionConfig | LambdaEnvironment | Ledger | LogBuffer | OpenObserveSink | TelemetryServer | Transport,
  ConfigurationError | ListenError
> = Layer.provideMerge(Ledger.layerNoDeps, Layers.layer)

/**
 * The whole extension, as Lambda runs it. `Extension.run` is the same with what a program adds.
 *
 * @since 0.2.0
 * @category running
 * @example
 * ```ts
 * import * as Extension from "o2-lambda-extension/Extension"
 * import { program } from "o2-lambda-extension/Layers"
 *
 * Extension.runMain(program)
 * ```
 */
export const program: Effect.Effect<void, ConfigurationError | ExtensionsError | ListenError> = Layers.program
