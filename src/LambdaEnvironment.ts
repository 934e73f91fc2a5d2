/** What Lambda itself tells the process in its environment, apart from the user's settings. */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** The name to register with where the launcher does not say which file it is. */
const DEFAULT_EXTENSION_NAME = "o2-lambda-extension"

/** Set by the launcher: its own file name, which is what the platform expects at registration. */
const EXTENSION_NAME_VARIABLE = "_O2LAMBDA_EXTENSION_NAME"

/** The sandbox as its environment variables describe it. */
export class LambdaEnvironment extends Context.Service<LambdaEnvironment, {
  /** `host:port` of the Runtime, Extensions and Telemetry APIs. */
  readonly runtimeApi: string
  /** Full file name of the executable in `/opt/extensions`. */
  readonly extensionName: string
  readonly region: string | undefined
  /** Managed Instances: SHUTDOWN only, no freeze, interleaved requests. */
  readonly isManagedInstance: boolean
}>()("o2-lambda-extension/LambdaEnvironment") {
  static readonly layer = Layer.effect(
    LambdaEnvironment,
    Effect.gen(function*() {
      const optional = (name: string) => Config.String(name).pipe(Config.withDefault(""))
      return LambdaEnvironment.of({
        runtimeApi: yield* optional("AWS_LAMBDA_RUNTIME_API"),
        extensionName: (yield* optional(EXTENSION_NAME_VARIABLE)) || DEFAULT_EXTENSION_NAME,
        region: (yield* optional("AWS_REGION")) || (yield* optional("AWS_DEFAULT_REGION")) || undefined,
        isManagedInstance: (yield* optional("AWS_LAMBDA_INITIALIZATION_TYPE")) === "lambda-managed-instances"
      })
    })
  )
}
