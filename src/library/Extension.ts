/**
 * The whole extension as part of a program of your own: hooks, own records and processors beside all that the layer does.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as EffectLogger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { basename, dirname } from "node:path"
import type { ConfigurationError, ExtensionConfig } from "../config/Config.ts"
import type { ExtensionsError } from "../lambda/ExtensionsClient.ts"
import { LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
import * as Layers from "../Layers.ts"
import type { Records } from "../logs/Records.ts"
import type { ListenError } from "../platform/HttpListener.ts"
import * as Logger from "../platform/Logger.ts"
import * as Output from "../platform/Output.ts"
import type { Processor } from "../processors/Processor.ts"
import { additionsOf } from "./Additions.ts"
import type { Hooks } from "./Hooks.ts"
import type { Ledger } from "./Ledger.ts"
import type { Telemetry } from "./Telemetry.ts"

export { ConfigurationError } from "../config/Config.ts"
export { ExtensionsError } from "../lambda/ExtensionsClient.ts"
export { ListenError } from "../platform/HttpListener.ts"
export type { Call, CallEnd, Hooks, Shutdown } from "./Hooks.ts"

/**
 * What a program adds to the extension.
 *
 * @since 0.2.0
 * @category models
 */
export interface ExtensionOptions<RInit = never, RInvoke = never, RCallEnd = never, RShutdown = never> {
  /**
   * The full file name of the executable in `/opt/extensions`, under which Lambda wants it registered; also the label of its
   * own log lines. Default: the name of the script that runs when it lies in a folder `extensions`, else
   * `o2-lambda-extension`.
   */
  readonly name?: string | undefined
  readonly hooks?: Hooks<RInit, RInvoke, RCallEnd, RShutdown> | undefined
  /** What is done to each record before it is buffered, in this order. */
  readonly processors?: ReadonlyArray<Processor> | undefined
}

/**
 * What hooks may use without providing it; a `Scope` is that of the run.
 *
 * @since 0.2.0
 * @category models
 */
export type Provided = ExtensionConfig | LambdaEnvironment | Ledger | Records | Scope.Scope | Telemetry

/**
 * Runs the extension until Lambda ends the sandbox, with settings from the `ConfigProvider` (the environment unless
 * replaced). Everything that is wrong has been logged when it fails.
 *
 * @since 0.2.0
 * @category running
 * @example
 * ```ts
 * import * as Extension from "o2-lambda-extension/Extension"
 * import * as Processor from "o2-lambda-extension/Processor"
 * import { Records } from "o2-lambda-extension/Records"
 *
 * const program = Extension.run({
 *   name: "my-extension",
 *   hooks: {
 *     onCallEnd: (call, end) => Records.use((records) => records.add({ event: "call.ended", status: end.status }))
 *   },
 *   processors: [Processor.redact({ fields: ["password"] })]
 * })
 * ```
 */
export const run = <RInit = never, RInvoke = never, RCallEnd = never, RShutdown = never>(
  options: ExtensionOptions<RInit, RInvoke, RCallEnd, RShutdown> = {}
): Effect.Effect<
  void,
  ConfigurationError | ExtensionsError | ListenError,
  Exclude<RInit | RInvoke | RCallEnd | RShutdown, Provided>
> =>
  Effect.contextWith((outer: Context.Context<never>) => {
    const name = options.name ?? nameOfScript(process.argv[1])
    const program = Effect.asVoid(Layers.programWith({
      environment: name === undefined ? LambdaEnvironment.layer : LambdaEnvironment.layerNamed(name),
      ...additionsOf(options, outer)
    }))
    return name === undefined ? program : Effect.provideService(program, Logger.Label, name)
  })

/** The file in `/opt/extensions`, when it is the script itself that runs. */
const nameOfScript = (path = ""): string | undefined =>
  basename(dirname(path)) === "extensions" ? basename(path) : undefined

/**
 * Runs a program as the process: SIGTERM, SIGINT and errors that nobody has caught (a timer that throws, a rejection)
 * interrupt it, which ends the extension in order. The exit code is 0 when it ends by itself or by a signal, else 1. Nothing
 * that is still open keeps the process.
 *
 * @since 0.2.0
 * @category running
 * @example
 * ```ts
 * import * as Extension from "o2-lambda-extension/Extension"
 *
 * Extension.runMain(Extension.run({ name: "my-extension" }))
 * ```
 */
export const runMain = <A, E>(program: Effect.Effect<A, E>): void =>
  startMain(program, {
    disableErrorReporting: true,
    teardown: (exit, end) => end(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })

const startMain = Runtime.makeRunMain(({ fiber, teardown }) => {
  let hasStrayed = false
  const interrupt = () => fiber.interruptUnsafe(fiber.id)
  /** What nobody has caught would end the process at once, and with it all records that wait. */
  const stray = (error: unknown) => {
    const say = Effect.logFatal("an error that nobody has caught ends the program", Cause.die(error))
    Effect.runSync(Effect.provide(say, EffectLogger.layer([Logger.toStdout])))
    hasStrayed = true
    interrupt()
  }
  fiber.addObserver((exit) => teardown(exit, (code) => Output.exit(hasStrayed ? 1 : code)))
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupt)
  // a rejection that nobody handles comes as an exception, too
  process.on("uncaughtException", stray)
})
