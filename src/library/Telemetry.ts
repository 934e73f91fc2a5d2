/**
 * What Lambda tells of the function, as a stream beside the pipeline: the events themselves, before they become records.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import type * as Stream from "effect/Stream"

/**
 * An event of Lambda's Telemetry API.
 *
 * @since 0.2.0
 * @category models
 */
export interface TelemetryEvent {
  /** ISO 8601. */
  readonly time: string
  /** `function`, `extension` or `platform.…`. */
  readonly type: string
  /** A line of text, or what the platform or a JSON logger says. */
  readonly record: unknown
}

/**
 * The events of this sandbox. Nothing is decoded while nobody follows, and nobody who follows holds up the records: who is
 * more than 4096 events behind misses the oldest.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import { Telemetry } from "o2-lambda-extension/Telemetry"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const program = Effect.gen(function*() {
 *   const telemetry = yield* Telemetry
 *   yield* telemetry.events.pipe(
 *     Stream.filter((event) => event.type === "platform.report"),
 *     Stream.runForEach((event) => Effect.log("report", event.record))
 *   )
 * })
 * ```
 */
export class Telemetry extends Context.Service<Telemetry, {
  /** From now on, in the order in which they come; without an end. */
  readonly events: Stream.Stream<TelemetryEvent>
}>()("o2-lambda-extension/Telemetry") {}
