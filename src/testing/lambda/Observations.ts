/** What the emulator saw and tells: invocations, calls, events, deliveries, output, exits. */

/** One event of the Telemetry API, as the platform creates it. */
export interface TelemetryEvent {
  readonly time: string
  readonly type: string
  readonly record: unknown
}

/** What the caller of the function got. */
export type InvocationOutcome =
  | { readonly _tag: "Response"; readonly body: string }
  | { readonly _tag: "HandlerError"; readonly body: string }
  | { readonly _tag: "TimedOut" }
  | { readonly _tag: "Crashed"; readonly errorType: string }

/** One invocation from the caller's and from the platform's point of view; times are epoch ms with a fraction. */
export interface Invocation {
  readonly requestId: string
  readonly outcome: InvocationOutcome
  /** The status in `platform.report`; differs from the outcome when an extension overran the deadline. */
  readonly status: "success" | "error" | "timeout"
  readonly startedAt: number
  readonly respondedAt: number | undefined
  readonly runtimeDoneAt: number | undefined
  /** When the last of the runtime and the INVOKE extensions had polled `/next` again, or the invocation was ended. */
  readonly endedAt: number
  readonly coldStart: boolean
}

/** One call to the Runtime, Extensions, Telemetry or Logs API. */
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

/** One attempt to deliver one batch to one subscriber. */
export interface Delivery {
  readonly at: number
  readonly subscriber: string
  readonly status: number | "failed"
  readonly events: number
  readonly bytes: number
  /** 1 for the first attempt; a repetition has the same body. */
  readonly attempt: number
}

/** One line that a process wrote to stdout or stderr, without its newline. */
export interface OutputLine {
  readonly at: number
  /** "runtime" or the name of the extension. */
  readonly source: string
  readonly stream: "stdout" | "stderr"
  readonly line: string
}

/** The end of one extension at a shutdown. */
export interface ExtensionExit {
  readonly name: string
  readonly exitCode: number | undefined
  /** True when the platform had to end it by SIGKILL. */
  readonly killed: boolean
  /** Counted from the moment SHUTDOWN was handed out. */
  readonly exitedAfterMs: number | undefined
}

/** One extension as the platform sees it now. */
export interface ExtensionStatus {
  readonly name: string
  readonly pid: number | undefined
  readonly state: string
  readonly exitCode: number | undefined
}
