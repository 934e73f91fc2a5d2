/** An emulator for programs that do not use Effect. */
import type { Closeable, Run } from "../Running.ts"
import type { EmulatorOperations } from "./EmulatorOperations.ts"
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
 * How long a wait of the Promise form may take.
 *
 * @category models
 * @since 0.2.0
 */
export interface PlainWaitOptions {
  /** Milliseconds, or a text like `"10 seconds"`; default 4 seconds. */
  readonly timeout?: number | `${number} millis` | `${number} seconds`
}

/** The operations of {@link EmulatorOperations}, with promises. */
interface PromisedOperations {
  /** The value of `AWS_LAMBDA_RUNTIME_API`: host and port. */
  readonly runtimeApi: string
  /** What the processes find as `TMPDIR`; it survives resets. */
  readonly temporaryDirectory: string
  /** Runs the init now, not with the first invocation; rejects when it fails. */
  readonly start: () => Promise<{ readonly initDurationMs: number }>
  /** Invokes the function, after starting it if need be; resolves with whatever became of the invocation. */
  readonly invoke: (payload: unknown) => Promise<Invocation>
  /** Ends the environment; a later start or invocation begins a new generation. */
  readonly shutdown: (reason?: ShutdownReason) => Promise<{ readonly extensions: ReadonlyArray<ExtensionExit> }>
  /** Everything the platform has created, in order. */
  readonly events: () => Promise<ReadonlyArray<TelemetryEvent>>
  /** Everything that subscribers have accepted, in that order; without events that `cutRecordsAtMaxBytes` has cut. */
  readonly receivedEvents: () => Promise<ReadonlyArray<ReceivedEvent>>
  /** Every attempt to deliver telemetry. */
  readonly deliveries: () => Promise<ReadonlyArray<Delivery>>
  /** Every call to the emulated APIs. */
  readonly calls: () => Promise<ReadonlyArray<ApiCall>>
  /** Every line that a process has written. */
  readonly output: () => Promise<ReadonlyArray<OutputLine>>
  /** The extensions of the current, or else of the last generation. */
  readonly extensions: () => Promise<ReadonlyArray<ExtensionStatus>>
  /** Every life of the processes: one, and one more after each shutdown or reset that something came after. */
  readonly generations: () => Promise<ReadonlyArray<GenerationRecord>>
  /** From when to when the processes stood still. */
  readonly freezes: () => Promise<ReadonlyArray<Span>>
  /** The whole run: phases, freezes, posts, calls and output, each with its generation. */
  readonly timeline: () => Promise<Timeline>
  /** The first line that contains the text or matches the expression; rejects with the last lines if none comes. */
  readonly awaitOutput: (pattern: RegExp | string, options?: OutputFilter & PlainWaitOptions) => Promise<OutputLine>
  /**
   * The first event of this type that the platform has created or will create; with `subscriber`, that this extension
   * has accepted or will. Rejects with the types there were if none comes.
   */
  readonly awaitEvent: (type: string, options?: EventFilter & PlainWaitOptions) => Promise<TelemetryEvent>
  /** Posts raw bytes to the first subscriber, in an environment that is awake meanwhile. */
  readonly postTelemetry: (body: string | Uint8Array) => Promise<number | "failed">
  /** Adds an event to the stream as the platform would; the time is ISO 8601, now when absent. */
  readonly emit: (
    event: { readonly type: string; readonly record: unknown; readonly time?: string }
  ) => Promise<void>
}

/**
 * A running emulator in the Promise form. Promises reject with a `LambdaEmulatorError`, whose `message` says what was
 * seen. What has been recorded can still be read after it was closed.
 *
 * @category models
 * @since 0.2.0
 */
export interface RunningLambda extends PromisedOperations, Closeable {}

/** Runs each operation when it is called. */
export const promised = (lambda: EmulatorOperations, run: Run): PromisedOperations => ({
  runtimeApi: lambda.runtimeApi,
  temporaryDirectory: lambda.temporaryDirectory,
  start: () => run(lambda.start),
  invoke: (payload) => run(lambda.invoke(payload)),
  shutdown: (reason) => run(lambda.shutdown(reason)),
  events: () => run(lambda.events),
  receivedEvents: () => run(lambda.receivedEvents),
  deliveries: () => run(lambda.deliveries),
  calls: () => run(lambda.calls),
  output: () => run(lambda.output),
  extensions: () => run(lambda.extensions),
  generations: () => run(lambda.generations),
  freezes: () => run(lambda.freezes),
  timeline: () => run(lambda.timeline),
  awaitOutput: (pattern, options) => run(lambda.awaitOutput(pattern, options)),
  awaitEvent: (type, options) => run(lambda.awaitEvent(type, options)),
  postTelemetry: (body) => run(lambda.postTelemetry(body)),
  emit: (event) => run(lambda.emit(event))
})
