/** A run as Lambda sees it: what lasted from when to when, and what happened at which moment. */
import type { ApiCall, Delivery, OutputLine } from "./Observations.ts"

/**
 * Something that lasts; times are epoch ms with a fraction, `until` is `undefined` while it goes on.
 *
 * @category models
 * @since 0.2.0
 */
export interface Span {
  /** Which life of the sandbox's processes, counted from 1. */
  readonly generation: number
  readonly from: number
  readonly until: number | undefined
}

/**
 * A phase of the sandbox.
 *
 * @category models
 * @since 0.2.0
 */
export interface Phase extends Span {
  readonly phase: "init" | "restore" | "invoke" | "shutdown"
  /** The call, for `invoke`. */
  readonly requestId: string | undefined
  /** `success`, `handler error`, `error`, `timeout`, `failure`, or the reason of a shutdown; `running`, or `aborted` by the end of all. */
  readonly outcome: string
}

/**
 * A run, everything in order of its time.
 *
 * @category models
 * @since 0.2.0
 */
export interface Timeline {
  readonly phases: ReadonlyArray<Phase>
  /** When the processes were stopped between calls. */
  readonly freezes: ReadonlyArray<Span>
  /** Telemetry that was posted to subscribers. */
  readonly posts: ReadonlyArray<Delivery & { readonly generation: number }>
  readonly calls: ReadonlyArray<ApiCall & { readonly generation: number }>
  readonly output: ReadonlyArray<OutputLine & { readonly generation: number }>
}
