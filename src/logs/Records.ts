/** Records of your own, beside those that Lambda tells: copied, stamped, counted, and sent like all others. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type { SinkClosed } from "../delivery/SinkClosed.ts"

/**
 * A record cannot be written as JSON: it holds a `bigint`, or itself, or is none at all but a list, a map or a text.
 *
 * @since 0.2.0
 * @category errors
 * @example
 * ```ts
 * import { Records } from "o2-lambda-extension/Records"
 * import * as Effect from "effect/Effect"
 *
 * const program = Records.use((records) => records.add({ size: 10n })).pipe(
 *   Effect.catchTag("RecordError", (error) => Effect.logError(error.message))
 * )
 * ```
 */
export class RecordError extends Data.TaggedError("RecordError")<{
  /** Which of the records that were handed over, from 0; all before it were taken, and none behind it. */
  readonly index: number
  readonly cause: unknown
}> {
  override get message() {
    return `record ${this.index} cannot be written as JSON: ${String(this.cause)}`
  }
}

/**
 * What is to be known of a record besides its fields.
 *
 * @since 0.2.0
 * @category models
 */
export interface RecordOptions {
  /**
   * When it happened; now unless given, and for what is no moment (`NaN`). A number is in ms since the epoch, with a fraction
   * for µs.
   */
  readonly time?: DateTime.DateTime | Date | number | undefined
  /** Default `custom`. Lambda's own are `function`, `extension` and `platform.…`. */
  readonly type?: string | undefined
  /** The call that it is about; inside of hooks, the call of the hook unless given. */
  readonly requestId?: string | undefined
}

/**
 * The call that a fiber works for: what `Records` takes for `requestId` where none is given. Hooks have it set.
 *
 * @since 0.2.0
 * @category references
 * @example
 * ```ts
 * import { CurrentRequestId } from "o2-lambda-extension/Records"
 * import * as Effect from "effect/Effect"
 *
 * const workFor = <A, E, R>(requestId: string, work: Effect.Effect<A, E, R>) =>
 *   Effect.provideService(work, CurrentRequestId, requestId)
 * ```
 */
export const CurrentRequestId = Context.Reference<string | undefined>("o2-lambda-extension/Records/CurrentRequestId", {
  defaultValue: () => undefined
})

/** Whether adding waits for room in the buffer; who must not wait has the oldest records make room instead. */
export const IsPatient = Context.Reference<boolean>("o2-lambda-extension/Records/IsPatient", {
  defaultValue: () => true
})

/**
 * Takes records of your own. Members are what `JSON.stringify` makes of them, and of errors among them `name`, `message`, `stack` and
 * what else they have; `_timestamp` comes from `time`, and `requestId`, `type` and metadata are added unless a record has such
 * members itself. Processors see them as they see all others.
 *
 * While the buffer is full adding waits, so that who adds is no faster than OpenObserve takes: in the extension for
 * `O2_FLUSH_BUDGET_MS` at most, in a sink of its own for as long as no outage has lasted for 10 seconds. Then the oldest
 * records are dropped for new ones, and a record that is larger than the buffer always is: counted, not an error.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import { Records } from "o2-lambda-extension/Records"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const records = yield* Records
 *   yield* records.add({ event: "cache.refreshed", entries: 17 }, { type: "cache" })
 * })
 * ```
 */
export class Records extends Context.Service<Records, {
  /** Takes one record; it has been copied when the effect is done. */
  readonly add: (fields: object, options?: RecordOptions) => Effect.Effect<void, RecordError | SinkClosed>
  /** Takes many, in order, all with the same options. */
  readonly addAll: (
    records: Iterable<object>,
    options?: RecordOptions
  ) => Effect.Effect<void, RecordError | SinkClosed>
}>()("o2-lambda-extension/Records") {}
