/**
 * A local AWS Lambda control plane: Runtime, Extensions, Telemetry and Logs API, with real processes behind them.
 *
 * It starts extension executables and a function exactly as Lambda does, freezes them between invocations, resets them
 * after time-outs and crashes, and records everything the platform saw.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isoTime, now } from "./lambda/Clock.ts"
import { ControlPlane } from "./lambda/ControlPlane.ts"
import { resolveOptions } from "./lambda/Options.ts"
import type { ApiCall, Delivery, ExtensionExit, ExtensionStatus, Invocation, OutputLine, TelemetryEvent } from "./lambda/Observations.ts"
import type { EmulatorSettings, LambdaEmulatorOptions, ShutdownReason } from "./lambda/Options.ts"
import { Sandbox } from "./lambda/Sandbox.ts"

export type { ApiCall, Delivery, ExtensionExit, ExtensionStatus, Invocation, InvocationOutcome, OutputLine, TelemetryEvent } from "./lambda/Observations.ts"
export type { InitializationType, LambdaEmulatorOptions, RuntimeOptions, ShutdownReason } from "./lambda/Options.ts"

/** The emulator could not do what it was asked; the problem says what it saw. */
export class LambdaEmulatorError extends Schema.TaggedError<LambdaEmulatorError>()("LambdaEmulatorError", {
  operation: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `${this.operation}: ${this.problem}`
  }
}

const attempt = <A>(operation: string, run: () => Promise<A>): Effect.Effect<A, LambdaEmulatorError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) =>
      new LambdaEmulatorError({ operation, problem: cause instanceof Error ? cause.message : String(cause) })
  })

const temporaryDirectory = (options: LambdaEmulatorOptions) =>
  options.temporaryDirectory === undefined
    ? Effect.acquireRelease(
      attempt("temporary directory", () => mkdtemp(join(tmpdir(), "lambda-emulator-"))),
      (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
    )
    : Effect.succeed(options.temporaryDirectory)

const controlPlane = (settings: EmulatorSettings) =>
  Effect.acquireRelease(
    attempt("control plane", async () => {
      const controlPlane = new ControlPlane(settings)
      await controlPlane.listen()
      return controlPlane
    }),
    (controlPlane) => Effect.promise(() => controlPlane.close())
  )

const sandbox = (settings: EmulatorSettings, runtimeApi: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const sandbox = new Sandbox(settings, runtimeApi)
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

/** One emulated execution environment; everything it starts ends with the layer's scope. */
export class LambdaEmulator extends Context.Service<LambdaEmulator, {
  /** The value of `AWS_LAMBDA_RUNTIME_API`: host and port. */
  readonly runtimeApi: string
  /** What the processes find as `TMPDIR`; it survives resets. */
  readonly temporaryDirectory: string
  /** Runs the init if the environment is not ready; fails when the init fails. */
  readonly start: Effect.Effect<{ readonly initDurationMs: number }, LambdaEmulatorError>
  /** Invokes the function, after starting it if need be; succeeds with whatever became of the invocation. */
  readonly invoke: (payload: unknown) => Effect.Effect<Invocation, LambdaEmulatorError>
  /** Ends the environment; a later start or invocation begins a new generation. */
  readonly shutdown: (
    reason?: ShutdownReason
  ) => Effect.Effect<{ readonly extensions: ReadonlyArray<ExtensionExit> }, LambdaEmulatorError>
  /** Everything the platform has created, in order. */
  readonly events: Effect.Effect<ReadonlyArray<TelemetryEvent>>
  /** Every attempt to deliver telemetry. */
  readonly deliveries: Effect.Effect<ReadonlyArray<Delivery>>
  /** Every call to the emulated APIs. */
  readonly calls: Effect.Effect<ReadonlyArray<ApiCall>>
  /** Every line that a process has written. */
  readonly output: Effect.Effect<ReadonlyArray<OutputLine>>
  /** The extensions of the current, or else of the last generation. */
  readonly extensions: Effect.Effect<ReadonlyArray<ExtensionStatus>>
  /** Posts raw bytes to the first subscriber, in an environment that is awake meanwhile. */
  readonly postTelemetry: (body: string | Uint8Array) => Effect.Effect<number | "failed">
  /** Adds an event to the stream as the platform would. */
  readonly emit: (
    event: { readonly type: string; readonly record: unknown; readonly time?: string }
  ) => Effect.Effect<void>
}>()("o2-lambda-extension/testing/LambdaEmulator") {
  static readonly layer = (options: LambdaEmulatorOptions): Layer.Layer<LambdaEmulator, LambdaEmulatorError> =>
    Layer.effect(
      LambdaEmulator,
      Effect.gen(function*() {
        const directory = yield* temporaryDirectory(options)
        const settings = resolveOptions(options, directory)
        const server = yield* controlPlane(settings)
        const runtimeApi = `127.0.0.1:${server.port}`
        const { sandbox: environment } = yield* sandbox(settings, runtimeApi)
        server.attach(environment)
        return LambdaEmulator.of({
          runtimeApi,
          temporaryDirectory: directory,
          start: attempt("start", () => environment.start()),
          invoke: (payload) => attempt("invoke", () => environment.invoke(payload)),
          shutdown: (reason = "spindown") =>
            attempt("shutdown", async () => ({ extensions: await environment.shutdown(reason) })),
          events: Effect.sync(() => [...environment.stream.events]),
          deliveries: Effect.sync(() => [...environment.stream.deliveries]),
          calls: Effect.sync(() => server.calls.map((call) => Object.assign({}, call))),
          output: Effect.sync(() => [...environment.output]),
          extensions: Effect.sync(() => environment.extensions()),
          postTelemetry: (body) =>
            attempt("post", () => environment.awake(() => environment.stream.post(body))).pipe(
              Effect.orElseSucceed(() => "failed" as const)
            ),
          emit: ({ record, time = isoTime(now()), type }) =>
            Effect.sync(() => void environment.stream.platform(type, record, time))
        })
      })
    )
}
