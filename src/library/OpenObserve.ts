/**
 * OpenObserve without Lambda: records go in, batches go out, compressed and repeated until they are stored or given up for a
 * reason that is counted.
 *
 * @since 0.2.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ConfigurationError, ExtensionConfig } from "../config/Config.ts"
import * as ServerTransport from "../config/ServerTransport.ts"
import type { Ledger } from "../delivery/Ledger.ts"
import * as EventTime from "../logs/EventTime.ts"
import { make as makeRecords, Records } from "../logs/Records.ts"
import type { Transport } from "../platform/Transport.ts"
import * as SinkLayers from "../SinkLayers.ts"
import { Flusher } from "./Flusher.ts"
import { type EnvironmentOptions, type OpenObserveOptions, variablesOf, withOptionNames } from "./OpenObserveOptions.ts"
import * as ProcessorStage from "./ProcessorStage.ts"

export { ConfigurationError } from "../config/Config.ts"
export { Flusher } from "./Flusher.ts"
export type { EnvironmentOptions, OpenObserveOptions } from "./OpenObserveOptions.ts"

/**
 * A sink with these options, over connections of its own. When its scope is closed, what is left is delivered, for
 * `shutdownTimeout` at most; a warning says what was not. Afterwards adding a record fails with `SinkClosed`.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * ```ts
 * import * as OpenObserve from "o2-lambda-extension/OpenObserve"
 * import { Records } from "o2-lambda-extension/Records"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const program = Records.use((records) => records.add({ event: "job.done", rows: 12 })).pipe(
 *   Effect.provide(OpenObserve.layer({
 *     organizationId: "default",
 *     authorization: Redacted.make("Basic cm9vdEBleGFtcGxlLmNvbTpzZWNyZXQ="),
 *     endpoint: "https://openobserve.example.com",
 *     stream: "jobs"
 *   }))
 * )
 * ```
 */
export const layer = (
  options: OpenObserveOptions
): Layer.Layer<Flusher | Ledger | Records, ConfigurationError> =>
  layerNoDeps(options).pipe(
    Layer.provide(ServerTransport.layerWith(Effect.logWarning)),
    Layer.provide(configOf(options))
  )

/**
 * The same with options that are read from the `ConfigProvider`.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * ```ts
 * import * as OpenObserve from "o2-lambda-extension/OpenObserve"
 * import * as Config from "effect/Config"
 *
 * const sink = OpenObserve.layerConfig({
 *   organizationId: Config.succeed("default"),
 *   authorization: Config.Redacted("OPENOBSERVE_AUTHORIZATION"),
 *   endpoint: Config.String("OPENOBSERVE_URL")
 * })
 * ```
 */
export const layerConfig = (
  options: Config.Wrap<OpenObserveOptions>
): Layer.Layer<Flusher | Ledger | Records, Config.ConfigError | ConfigurationError> =>
  Layer.unwrap(Effect.gen(function*() {
    return layer(yield* Config.unwrap(options))
  }))

/**
 * The same with the extension's own variables (`O2_ORGANIZATION_ID`, …): those of the `ConfigProvider`, which is the
 * environment unless replaced, or the given ones instead. Proxies and authorities are those that other programs know, too
 * (`HTTPS_PROXY`, `SSL_CERT_FILE`, …).
 *
 * @since 0.2.0
 * @category layers
 * @example
 * ```ts
 * import * as OpenObserve from "o2-lambda-extension/OpenObserve"
 *
 * const sink = OpenObserve.layerEnv()
 * const other = OpenObserve.layerEnv({ O2_ORGANIZATION_ID: "default", O2_AUTHORIZATION_HEADER: "Basic …" })
 * ```
 */
export const layerEnv = (
  env?: Readonly<Record<string, string>>,
  options: EnvironmentOptions = {}
): Layer.Layer<Flusher | Ledger | Records, ConfigurationError> =>
  sink(options).pipe(
    Layer.provide(ServerTransport.layerWith(Effect.logWarning)),
    Layer.provide(env === undefined ? ExtensionConfig.layer : ExtensionConfig.layerEnv(env))
  )

/**
 * The same over a `Transport` of your own: for tests, or for connections that others use, too.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * ```ts
 * import * as OpenObserve from "o2-lambda-extension/OpenObserve"
 * import * as Transport from "o2-lambda-extension/Transport"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const sink = OpenObserve.layerNoDeps({
 *   organizationId: "default",
 *   authorization: Redacted.make("Basic …")
 * }).pipe(Layer.provide(Transport.layerHttpClient), Layer.provide(FetchHttpClient.layer))
 * ```
 */
export const layerNoDeps = (
  options: OpenObserveOptions
): Layer.Layer<Flusher | Ledger | Records, ConfigurationError, Transport> =>
  sink(options).pipe(Layer.provide(configOf(options)))

const configOf = (options: OpenObserveOptions): Layer.Layer<ExtensionConfig, ConfigurationError> =>
  Layer.effect(
    ExtensionConfig,
    Effect.suspend(() => Effect.provide(ExtensionConfig, ExtensionConfig.layerEnv(variablesOf(options)))).pipe(
      Effect.mapError(withOptionNames)
    )
  )

/** Everything behind the settings. */
const sink = ({ metadata = {}, processors, shutdownTimeout }: EnvironmentOptions) =>
  Layer.effect(Records, Effect.suspend(() => makeRecords(stampOf(metadata)))).pipe(
    // closed before what it needs: what is left is delivered then
    Layer.provideMerge(Flusher.layerNoDeps(shutdownTimeout)),
    Layer.provideMerge(SinkLayers.layerNoDeps),
    Layer.provide(ProcessorStage.layer(processors))
  )

const stampOf = (metadata: NonNullable<EnvironmentOptions["metadata"]>) => {
  const order = new EventTime.MillisecondOrder()
  const additions = Object.entries(metadata).map(([name, value]) => ({
    name,
    text: Buffer.from(`,${JSON.stringify(name)}:${JSON.stringify(value)}`)
  }))
  return { additions: () => additions, timestamp: (micros: number) => order.next(micros) }
}
