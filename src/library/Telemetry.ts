/**
 * What Lambda tells of the function, as a stream beside the pipeline: the events themselves, before they become records.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { eventsOf } from "../telemetry/TelemetryEvent.ts"
import type { TelemetryTap } from "../telemetry/TelemetryTap.ts"

/** Events that wait for whoever follows slowly; then the oldest go. A post of Lambda's has 1000 of them at most. */
const MAX_WAITING = 4096

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

/** Spreads events to whoever follows. */
export interface Hub {
  readonly tap: TelemetryTap
  /** Told at once of each event. Must not throw. */
  readonly listen: (listener: (event: TelemetryEvent) => void) => void
  readonly layer: Layer.Layer<Telemetry>
}

/** Makes a hub. */
export const makeHub = (): Hub => {
  const listeners = new Set<(event: TelemetryEvent) => void>()
  return {
    tap: (post) => {
      if (listeners.size === 0) return
      const events = eventsOf(post)
      while (events.next()) {
        const { time, type, ...rest } = JSON.parse(events.bytes.toString("utf8", events.start, events.end))
        const event = { time: String(time), type: String(type), record: rest.record as unknown }
        for (const listener of listeners) listener(event)
      }
    },
    listen: (listener) => void listeners.add(listener),
    layer: Layer.succeed(Telemetry, {
      events: Stream.unwrap(Effect.gen(function*() {
        const waiting = yield* PubSub.sliding<TelemetryEvent>(MAX_WAITING)
        const listener = (event: TelemetryEvent) => void PubSub.publishUnsafe(waiting, event)
        yield* Effect.acquireRelease(
          Effect.sync(() => listeners.add(listener)),
          () => Effect.sync(() => listeners.delete(listener))
        )
        return Stream.fromPubSub(waiting)
      }))
    })
  }
}
