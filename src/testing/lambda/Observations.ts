/** What the emulator saw and tells: invocations, calls, events, deliveries, output, exits. */
import type { ShutdownReason } from "./Options.ts"
import type { Span } from "./Timeline.ts"

/**
 * One event of the Telemetry API, as the platform creates it.
 *
 * @category models
 * @since 0.2.0
 */
export interface TelemetryEvent {
  readonly time: string
  readonly type: string
  readonly record: unknown
}

/**
 * What the caller of the function got.
 *
 * @category models
 * @since 0.2.0
 */
export type InvocationOutcome =
  | { readonly _tag: "Response"; readonly body: string }
  | { readonly _tag: "HandlerError"; readonly body: string }
  | { readonly _tag: "TimedOut" }
  | { readonly _tag: "Crashed"; readonly errorType: string }

/**
 * One invocation from the caller's and from the platform's point of view; times are epoch ms with a fraction.
 *
 * @category models
 * @since 0.2.0
 */
export interface Invocation {
  readonly requestId: string
  readonly outcome: InvocationOutcome
  /** The status in `platform.report`; differs from the outcome when an extension overran the deadline. */
  readonly status: "success" | "error" | "timeout"
  /** Why it ended so, in words; `undefined` when the function answered and everybody was done in time. */
  readonly reason: string | undefined
  readonly startedAt: number
  readonly respondedAt: number | undefined
  readonly runtimeDoneAt: number | undefined
  /** When the last of the runtime and the INVOKE extensions had polled `/next` again, or the invocation was ended. */
  readonly endedAt: number
  readonly coldStart: boolean
}

/**
 * One call to the Runtime, Extensions, Telemetry or Logs API.
 *
 * @category models
 * @since 0.2.0
 */
export interface ApiCall {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
  /** Undefined while the call is blocked, and for good when the client hung up first. */
  readonly status: number | undefined
  readonly extension: string | undefined
}

/**
 * One attempt to deliver one batch to one subscriber.
 *
 * @category models
 * @since 0.2.0
 */
export interface Delivery {
  readonly at: number
  readonly subscriber: string
  readonly status: number | "failed"
  readonly events: number
  readonly bytes: number
  /** 1 for the first attempt; a repetition has the same body. */
  readonly attempt: number
}

/**
 * One line that a process wrote to stdout or stderr, without its newline.
 *
 * @category models
 * @since 0.2.0
 */
export interface OutputLine {
  readonly at: number
  /** "runtime" or the name of the extension. */
  readonly source: string
  readonly stream: "stdout" | "stderr"
  readonly line: string
}

/**
 * The end of one extension at a shutdown.
 *
 * @category models
 * @since 0.2.0
 */
export interface ExtensionExit {
  readonly name: string
  readonly exitCode: number | undefined
  /** True when the platform had to end it by SIGKILL. */
  readonly killed: boolean
  /** Counted from the moment SHUTDOWN was handed out. */
  readonly exitedAfterMs: number | undefined
}

/**
 * One extension as the platform sees it now.
 *
 * @category models
 * @since 0.2.0
 */
export interface ExtensionStatus {
  readonly name: string
  readonly pid: number | undefined
  readonly state: string
  readonly exitCode: number | undefined
}

/**
 * An event that a subscriber has accepted with a 2xx, in the shape in which it was sent.
 *
 * @category models
 * @since 0.2.0
 */
export interface ReceivedEvent extends TelemetryEvent {
  /** When the subscriber had answered, in epoch ms with a fraction. */
  readonly at: number
  /** The name of the extension. */
  readonly subscriber: string
}

/**
 * One life of the sandbox's processes: from an init to the shutdown or reset that ended it.
 *
 * @category models
 * @since 0.2.0
 */
export interface GenerationRecord extends Span {
  /** Why it ended; `undefined` while it goes on, and when the emulator was closed before. */
  readonly endReason: ShutdownReason | undefined
  /** How the extensions ended. */
  readonly exits: ReadonlyArray<ExtensionExit>
}

/**
 * Which lines a wait looks at.
 *
 * @category models
 * @since 0.2.0
 */
export interface OutputFilter {
  /** `runtime` or the name of an extension; every process when absent. */
  readonly source?: string
  /** Only lines written at this time (epoch ms) or later; all when absent. */
  readonly after?: number
}

/**
 * Which events a wait looks at.
 *
 * @category models
 * @since 0.2.0
 */
export interface EventFilter {
  /** Waits until this extension has accepted the event; when absent, until the platform has created it. */
  readonly subscriber?: string
  /** Only events of this invocation. */
  readonly requestId?: string
  /** Only events created (or accepted, with `subscriber`) at this time (epoch ms) or later; all when absent. */
  readonly after?: number
}
