/** What a program does of its own in the course of a sandbox. */
import type * as Effect from "effect/Effect"
import type { TelemetryEvent } from "./Telemetry.ts"

/**
 * A call to the function.
 *
 * @since 0.2.0
 * @category models
 */
export interface Call {
  /** Empty when Lambda does not say. */
  readonly requestId: string
  /** Epoch ms at which the function times out; `undefined` on Managed Instances, which do not say. */
  readonly deadlineMs: number | undefined
  /** With the alias or version that was called; absent when Lambda does not say. */
  readonly invokedFunctionArn?: string | undefined
  /** X-Ray's trace header, `Root=…;Parent=…;Sampled=…`; absent when Lambda does not say. */
  readonly traceHeader?: string | undefined
}

/**
 * How a call has ended.
 *
 * @since 0.2.0
 * @category models
 */
export interface CallEnd {
  /** `success`, `error`, `failure` or `timeout`, in Lambda's words; `unknown` when the end was not told. */
  readonly status: string
  /** What the runtime took, in ms; `undefined` when that was not told. */
  readonly durationMs: number | undefined
  /** `platform.runtimeDone`, with all that Lambda says in it; `undefined` when it was not told. */
  readonly runtimeDone: TelemetryEvent | undefined
}

/**
 * The end of the sandbox.
 *
 * @since 0.2.0
 * @category models
 */
export interface Shutdown {
  /** `spindown`, `timeout` or `failure`, in Lambda's words; `signal` and the like when it was not Lambda. */
  readonly reason: string
  /** Epoch ms at which the hook is interrupted. */
  readonly untilMs: number
}

/**
 * Work at the moments of a sandbox's life. A hook may fail: that is logged, and the extension goes on. None can take the
 * function down or lose its logs: each is interrupted when its time is over, with a warning, and not waited for then.
 *
 * Inside of hooks, records that are added and lines that are logged (`Effect.log`) are sent to OpenObserve, under the request
 * id of the call.
 *
 * @since 0.2.0
 * @category models
 */
export interface Hooks<RInit = never, RInvoke = never, RCallEnd = never, RShutdown = never> {
  /** Before the function's first call; Lambda's init waits for it, 5 s at most. What it acquires is kept until the end. */
  readonly onInit?: Effect.Effect<unknown, unknown, RInit> | undefined
  /**
   * When a call begins, beside the function. The sandbox does not freeze before it is done: it is interrupted 500 ms before
   * the function's time-out, or 250 ms after a crash. On Managed Instances it begins when telemetry tells of the call.
   */
  readonly onInvoke?: ((call: Call) => Effect.Effect<unknown, unknown, RInvoke>) | undefined
  /**
   * When a call has ended, before its records are flushed: what it adds leaves with them. `O2_FLUSH_BUDGET_MS` at most, and
   * 250 ms after a crash or time-out, since Lambda kills all processes soon. Once for each call; in sandboxes that are called
   * often (`O2_FLUSH_STRATEGY`) that can be when the next call has begun.
   */
  readonly onCallEnd?: ((call: Call, end: CallEnd) => Effect.Effect<unknown, unknown, RCallEnd>) | undefined
  /** When the sandbox ends and all telemetry has come, before the last flush: about half of a second. */
  readonly onShutdown?: ((shutdown: Shutdown) => Effect.Effect<unknown, unknown, RShutdown>) | undefined
}
