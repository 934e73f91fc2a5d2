/**
 * OpenObserve without Lambda: records go in, batches go out, compressed and repeated until they are stored or given up for a
 * reason that is counted.
 *
 * @since 0.2.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { ConfigurationError, ExtensionConfig } from "../config/Config.ts"
import { Phrase } from "../config/Phrase.ts"
import * as ServerTransport from "../config/ServerTransport.ts"
import * as EventTime from "../logs/EventTime.ts"
import { addition } from "../logs/OwnRecordEncoder.ts"
import * as OwnRecords from "../logs/OwnRecords.ts"
import { Records } from "../logs/Records.ts"
import type { Transport } from "../platform/Transport.ts"
import * as SinkLayers from "../SinkLayers.ts"
import * as AwaitRoom from "./AwaitRoom.ts"
import { Flusher } from "./Flusher.ts"
import { Ledger } from "./Ledger.ts"
import {
  inTermsOfOptions,
  type OpenObserveOptions,
  problemsOf,
  type SinkOptions,
  variablesOf
} from "./OpenObserveOptions.ts"
import * as ProcessorStage from "./ProcessorStage.ts"

export { ConfigurationError } from "../config/Config.ts"
export { Flusher } from "./Flusher.ts"
export type { OpenObserveOptions, SinkOptions } from "./OpenObserveOptions.ts"

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
  isolated(() => sink(options).pipe(Layer.provide(connections), Layer.provide(configOf(options)), inOptions))

/**
 * The same with options that are read from the `ConfigProvider`; `others` are those that it does not know.
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
  options: Config.Wrap<OpenObserveOptions>,
  others: SinkOptions = {}
): Layer.Layer<Flusher | Ledger | Records, Config.ConfigError | ConfigurationError> =>
  isolated(() => Layer.unwrap(Effect.map(Config.unwrap(options), (options) => layer({ ...options, ...others }))))

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
  env?: Readonly<Record<string, string | undefined>>,
  options: SinkOptions = {}
): Layer.Layer<Flusher | Ledger | Records, ConfigurationError> =>
  isolated(() =>
    sink(options).pipe(
      Layer.provide(connections),
      Layer.provide(
        configFrom(
          env === undefined ? ExtensionConfig.layer : ExtensionConfig.layerEnv(definedIn(env)),
          problemsOf(options)
        )
      )
    )
  )

/**
 * The same over a `Transport` of your own: for tests, or for connections that others use, too. Before there are records it is
 * asked with an empty list, `[]`, whether any would be taken.
 *
 * Under `TestClock` what is due leaves when the clock is adjusted. Compressing takes real time, though: a test waits for what
 * its `Transport` gets or for `Flusher.flush`, which goes by the clock of the test only where it has to give up, or sets
 * `compression` to `none`.
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
  isolated(() => sink(options).pipe(Layer.provide(configOf(options)), inOptions))

/**
 * What a sink is made of is nobody else's, though many are made of the same layers; the sink itself is one, wherever the same
 * layer is provided.
 */
const isolated = <A, E, R>(layer: () => Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.suspend(() => Layer.fresh(layer()))

const configOf = (options: OpenObserveOptions): Layer.Layer<ExtensionConfig, ConfigurationError> =>
  Layer.suspend(() => {
    const { problems, variables } = variablesOf(options)
    return configFrom(ExtensionConfig.layerEnv(variables), problems)
  })

/** What the layer has read, in words of where it comes from, unless something is wrong there or besides. */
const configFrom = (
  layer: Layer.Layer<ExtensionConfig, ConfigurationError>,
  others: ReadonlyArray<string>
): Layer.Layer<ExtensionConfig, ConfigurationError> =>
  Layer.effect(
    ExtensionConfig,
    Effect.gen(function*() {
      const phrase = yield* Phrase
      const read = yield* Effect.result(Effect.provide(ExtensionConfig, layer))
      const problems = [...Result.isFailure(read) ? read.failure.problems.map(phrase) : [], ...others]
      if (Result.isFailure(read) || problems.length > 0) {
        return yield* new ConfigurationError({ problems, reaction: "fail" })
      }
      yield* Effect.forEach(read.success.warnings, (warning) => Effect.logWarning(phrase(warning)), { discard: true })
      return read.success
    })
  )

const definedIn = (env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(env).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]))

const connections = Layer.unwrap(
  Effect.map(Phrase, (phrase) => ServerTransport.layerWith((problem) => Effect.logWarning(phrase(problem))))
)

/** What is wrong is told in the words of options. */
const inOptions = Layer.provide(Layer.succeed(Phrase, inTermsOfOptions))

/** Everything behind the settings. */
const sink = ({ metadata, processors, shutdownTimeout }: SinkOptions) =>
  Layer.effect(
    Records,
    Effect.gen(function*() {
      return yield* OwnRecords.make({
        stamp: stampOf(metadata ?? {}),
        awaitRoom: yield* AwaitRoom.make,
        isInTurn: true
      })
    })
  ).pipe(
    // closed before what it needs: what is left is delivered then
    Layer.provideMerge(Layer.suspend(() => Flusher.layerNoDeps(shutdownTimeout))),
    Layer.provideMerge(Ledger.layerNoDeps),
    Layer.provideMerge(SinkLayers.layerNoDeps),
    Layer.provide(ProcessorStage.layer(processors))
  )

const stampOf = (metadata: NonNullable<SinkOptions["metadata"]>) => {
  const order = new EventTime.MillisecondOrder()
  const additions = Object.entries(metadata)
    .map(([name, value]) => addition(name, value))
    .filter((member) => member !== undefined)
  return { additions: () => additions, timestamp: (micros: number) => order.next(micros) }
}
