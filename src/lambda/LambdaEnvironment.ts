/** What Lambda itself tells the process in its environment, apart from the user's settings. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { textOf } from "../platform/Variable.ts"

/** The one place where Lambda lets a sandbox write. */
const DEFAULT_TEMPORARY_DIRECTORY = "/tmp"

/** The name to register with where the launcher does not say which file it is. */
const DEFAULT_EXTENSION_NAME = "o2-lambda-extension"

/**
 * Set by the launcher (`layer/extensions/o2-lambda-extension`): its own file name, and what came of registering when it
 * has done so. Customers cannot set names that begin with an underscore.
 */
const handedOver = {
  name: "_O2LAMBDA_EXTENSION_NAME",
  status: "_O2LAMBDA_STATUS",
  identifier: "_O2LAMBDA_IDENTIFIER",
  answer: "_O2LAMBDA_ANSWER"
}

/**
 * The answer to a register request that was sent before this process had loaded.
 *
 * @since 0.2.0
 * @category models
 */
export interface HandedOverRegistration {
  /** `undefined` when the connection broke before there was an answer. */
  readonly status: number | undefined
  readonly identifier: string
  readonly body: string
}

/**
 * The sandbox as its environment variables describe it.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { LambdaEnvironment } from "o2-lambda-extension/Layers"
 *
 * const region = LambdaEnvironment.use((environment) => Effect.succeed(environment.region)).pipe(
 *   Effect.provide(LambdaEnvironment.layer)
 * )
 * ```
 */
export class LambdaEnvironment extends Context.Service<LambdaEnvironment, {
  /** `host:port` of the Runtime, Extensions and Telemetry APIs. */
  readonly runtimeApi: string
  /** Full file name of the executable in `/opt/extensions`. */
  readonly extensionName: string
  readonly region: string | undefined
  /** What CloudWatch calls this sandbox; extensions are not told everywhere. */
  readonly logStreamName: string | undefined
  /** Managed Instances: SHUTDOWN only, no freeze, interleaved requests. */
  readonly isManagedInstance: boolean
  /** Provisioned concurrency: ready before any call. */
  readonly isProvisioned: boolean
  /** SnapStart: what is done at init is frozen into a snapshot that many sandboxes are restored from. */
  readonly isSnapStart: boolean
  /** What is written there outlives a reset of the sandbox, but not the sandbox. */
  readonly temporaryDirectory: string
  /** Present when the launcher has registered; registering again would be refused and lose the identifier. */
  readonly registration: HandedOverRegistration | undefined
}>()("o2-lambda-extension/LambdaEnvironment") {
  static readonly layer = Layer.effect(
    LambdaEnvironment,
    Effect.gen(function*() {
      const provider = yield* ConfigProvider.ConfigProvider
      const optional = (name: string) => Effect.map(textOf(provider, name), (text) => text ?? "")
      const status = yield* optional(handedOver.status)
      const initialization = yield* optional("AWS_LAMBDA_INITIALIZATION_TYPE")
      return LambdaEnvironment.of({
        runtimeApi: yield* optional("AWS_LAMBDA_RUNTIME_API"),
        extensionName: (yield* optional(handedOver.name)) || DEFAULT_EXTENSION_NAME,
        region: (yield* optional("AWS_REGION")) || (yield* optional("AWS_DEFAULT_REGION")) || undefined,
        logStreamName: (yield* optional("AWS_LAMBDA_LOG_STREAM_NAME")) || undefined,
        isProvisioned: initialization === "provisioned-concurrency",
        isManagedInstance: initialization === "lambda-managed-instances",
        isSnapStart: initialization === "snap-start",
        temporaryDirectory: (yield* optional("TMPDIR")) || DEFAULT_TEMPORARY_DIRECTORY,
        registration: status === "" ? undefined : {
          status: /^\d+$/.test(status) ? Number(status) : undefined,
          identifier: yield* optional(handedOver.identifier),
          body: yield* optional(handedOver.answer)
        }
      })
    })
  )

  /** The same, registered under this name. */
  static readonly layerNamed = (extensionName: string) =>
    Layer.effect(LambdaEnvironment, Effect.map(LambdaEnvironment, (environment) => ({ ...environment, extensionName })))
      .pipe(Layer.provide(LambdaEnvironment.layer))
}
