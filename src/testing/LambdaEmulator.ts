/**
 * A local AWS Lambda control plane: Runtime, Extensions, Telemetry and Logs API, with real processes behind them.
 *
 * It starts extension executables and a function exactly as Lambda does, freezes them between invocations, resets them
 * after time-outs and crashes, and records everything the platform saw.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ControlPlane } from "./lambda/ControlPlane.ts"
import { extensionMounts } from "./lambda/ExtensionMounts.ts"
import type { ExtensionMounts } from "./lambda/ExtensionMounts.ts"
import type { EmulatorOperations } from "./lambda/EmulatorOperations.ts"
import { attempt, LambdaEmulatorError } from "./lambda/LambdaEmulatorError.ts"
import { problemsOf } from "./lambda/OptionProblems.ts"
import { resolveOptions } from "./lambda/Options.ts"
import type { EmulatorSettings, LambdaEmulatorOptions } from "./lambda/Options.ts"
import type { RunningLambda } from "./lambda/RunningLambda.ts"
import { promised } from "./lambda/RunningLambda.ts"
import { Sandbox } from "./lambda/Sandbox.ts"
import { operationsOf } from "./lambda/SandboxOperations.ts"
import { running } from "./Running.ts"

export type { EmulatorOperations, WaitOptions } from "./lambda/EmulatorOperations.ts"
export { LambdaEmulatorError } from "./lambda/LambdaEmulatorError.ts"
export type {
  ApiCall,
  Delivery,
  EventFilter,
  ExtensionExit,
  ExtensionStatus,
  GenerationRecord,
  Invocation,
  InvocationOutcome,
  OutputFilter,
  OutputLine,
  ReceivedEvent,
  TelemetryEvent
} from "./lambda/Observations.ts"
export type { InitializationType, LambdaEmulatorOptions, RuntimeOptions, ShutdownReason } from "./lambda/Options.ts"
export type { PlainWaitOptions, RunningLambda } from "./lambda/RunningLambda.ts"
export type { Phase, Span, Timeline } from "./lambda/Timeline.ts"
export type { Closeable } from "./Running.ts"

const temporaryDirectory = (options: LambdaEmulatorOptions) =>
  options.temporaryDirectory === undefined
    ? Effect.acquireRelease(
      attempt("temporary directory", () => mkdtemp(join(tmpdir(), "lambda-emulator-"))),
      (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
    )
    : Effect.succeed(options.temporaryDirectory)

const mounted = (settings: EmulatorSettings) =>
  Effect.acquireRelease(
    attempt("mounts of the extensions", () => extensionMounts(settings)),
    (mounts) => Effect.promise(() => mounts.close())
  )

const controlPlane = (settings: EmulatorSettings) =>
  Effect.acquireRelease(
    attempt("control plane", async () => {
      const controlPlane = new ControlPlane(settings)
      await controlPlane.listen()
      return controlPlane
    }),
    (controlPlane) => Effect.promise(() => controlPlane.close())
  )

const sandbox = (settings: EmulatorSettings, runtimeApi: string, mounts: ExtensionMounts) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const sandbox = new Sandbox(settings, runtimeApi, mounts)
      // a test runner that exits without closing its scopes must not leave stopped processes behind
      const onExit = () => sandbox.close()
      process.once("exit", onExit)
      return { sandbox, onExit }
    }),
    ({ onExit, sandbox }) =>
      Effect.promise(async () => {
        process.off("exit", onExit)
        sandbox.close()
        await sandbox.gone()
      })
  )

const make = Effect.fnUntraced(function*(options: LambdaEmulatorOptions) {
  const problems = problemsOf(options)
  if (problems.length > 0) {
    return yield* new LambdaEmulatorError({ operation: "options", problem: problems.join("; ") })
  }
  const directory = yield* temporaryDirectory(options)
  const settings = resolveOptions(options, directory)
  const server = yield* controlPlane(settings)
  const runtimeApi = `127.0.0.1:${server.port}`
  const mounts = yield* mounted(settings)
  const { sandbox: environment } = yield* sandbox(settings, runtimeApi, mounts)
  server.attach(environment)
  return LambdaEmulator.of(operationsOf(environment, server, { runtimeApi, temporaryDirectory: directory }))
})

/**
 * One emulated execution environment; everything it starts ends with the layer's scope.
 *
 * It runs the files of a directory as external extensions, in whatever language, and a function beside them. Fails with
 * a `LambdaEmulatorError`.
 *
 * @category services
 * @since 0.2.0
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { LambdaEmulator } from "o2-lambda-extension/testing"
 *
 * const program = Effect.gen(function*() {
 *   const lambda = yield* LambdaEmulator
 *   const { outcome } = yield* lambda.invoke({ name: "world" })
 *   yield* lambda.awaitOutput(/stored 1 event/, { source: "my-extension", timeout: "10 seconds" })
 *   yield* lambda.shutdown()
 *   return outcome
 * }).pipe(Effect.provide(LambdaEmulator.layer({
 *   extensionsDirectory: "/path/to/extensions",
 *   runtime: { _tag: "Handler", file: "/path/to/handler.mjs" }
 * })))
 *
 * export { program }
 * ```
 */
export class LambdaEmulator extends Context.Service<LambdaEmulator, EmulatorOperations>()(
  "o2-lambda-extension/testing/LambdaEmulator"
) {
  /**
   * An environment that nothing has been started in yet; fails when its directory, port or mounts cannot be had.
   *
   * @since 0.2.0
   */
  static readonly layer = (options: LambdaEmulatorOptions): Layer.Layer<LambdaEmulator, LambdaEmulatorError> =>
    Layer.effect(LambdaEmulator, make(options))

  /**
   * An emulator for those who do not use Effect: the same operations as promises. It ends with the block that `await
   * using` stands in, also when the test fails, or with `close()`.
   *
   * @since 0.2.0
   * @example
   * ```ts
   * import { LambdaEmulator } from "o2-lambda-extension/testing"
   *
   * await using lambda = await LambdaEmulator.start({
   *   extensionsDirectory: "/path/to/extensions",
   *   runtime: { _tag: "Handler", file: "/path/to/handler.mjs" }
   * })
   * const { reason } = await lambda.invoke({ name: "world" })
   * if (reason !== undefined) throw new Error(reason)
   * await lambda.awaitOutput("stored 1 event", { source: "my-extension" })
   * ```
   */
  static readonly start = (options: LambdaEmulatorOptions): Promise<RunningLambda> =>
    running(LambdaEmulator, LambdaEmulator.layer(options), promised)
}
