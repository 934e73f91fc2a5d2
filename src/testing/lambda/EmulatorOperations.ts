/** What can be done with an emulator and asked of it, as effects. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { LambdaEmulatorError } from "./LambdaEmulatorError.ts"
import type {
  ApiCall,
  Delivery,
  EventFilter,
  ExtensionExit,
  ExtensionStatus,
  GenerationRecord,
  Invocation,
  OutputFilter,
  OutputLine,
  ReceivedEvent,
  TelemetryEvent
} from "./Observations.ts"
import type { ShutdownReason } from "./Options.ts"
import type { Span, Timeline } from "./Timeline.ts"

/**
 * How long a wait may take, on the machine's clock, not on the test's: what is waited for are real processes.
 *
 * @category models
 * @since 0.2.0
 */
export interface WaitOptions {
  /** Default 4 seconds. */
  readonly timeout?: Duration.Input
}

/**
 * The operations of a `LambdaEmulator`. What has been recorded can still be read after its scope has ended.
 *
 * @category models
 * @since 0.2.0
 */
export interface EmulatorOperations {
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
  /** Everything that subscribers have accepted, in that order; without events that `cutRecordsAtMaxBytes` has cut. */
  readonly receivedEvents: Effect.Effect<ReadonlyArray<ReceivedEvent>>
  /** Every attempt to deliver telemetry. */
  readonly deliveries: Effect.Effect<ReadonlyArray<Delivery>>
  /** Every call to the emulated APIs. */
  readonly calls: Effect.Effect<ReadonlyArray<ApiCall>>
  /** Every line that a process has written. */
  readonly output: Effect.Effect<ReadonlyArray<OutputLine>>
  /** The extensions of the current, or else of the last generation. */
  readonly extensions: Effect.Effect<ReadonlyArray<ExtensionStatus>>
  /** Every life of the processes: one, and one more after each shutdown or reset that something came after. */
  readonly generations: Effect.Effect<ReadonlyArray<GenerationRecord>>
  /** From when to when the processes stood still. */
  readonly freezes: Effect.Effect<ReadonlyArray<Span>>
  /** The whole run: phases, freezes, posts, calls and output, each with its generation. */
  readonly timeline: Effect.Effect<Timeline>
  /**
   * The first line that contains the text or matches the expression, written already or to come. Fails with the last
   * lines when there is none in time.
   */
  readonly awaitOutput: (
    pattern: RegExp | string,
    options?: OutputFilter & WaitOptions
  ) => Effect.Effect<OutputLine, LambdaEmulatorError>
  /**
   * The first event of this type that the platform has created or will create; with `subscriber`, that this extension
   * has accepted or will. Fails with the types there were when there is none in time.
   */
  readonly awaitEvent: (
    type: string,
    options?: EventFilter & WaitOptions
  ) => Effect.Effect<TelemetryEvent, LambdaEmulatorError>
  /** Posts raw bytes to the first subscriber, in an environment that is awake meanwhile. */
  readonly postTelemetry: (body: string | Uint8Array) => Effect.Effect<number | "failed">
  /** Adds an event to the stream as the platform would; the time is ISO 8601, now when absent. */
  readonly emit: (
    event: { readonly type: string; readonly record: unknown; readonly time?: string }
  ) => Effect.Effect<void>
}
