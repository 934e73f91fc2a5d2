/** Takes events from the pipeline to those who follow them: hooks, and streams of the service `Telemetry`. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { eventsOf } from "../telemetry/TelemetryEvent.ts"
import type { TelemetryTap } from "../telemetry/TelemetryTap.ts"
import { Telemetry, type TelemetryEvent } from "./Telemetry.ts"

/** Events that wait for whoever follows slowly; then the oldest go. A post of Lambda's has 1000 of them at most. */
const MAX_WAITING = 4096

/** Spreads events to whoever follows. */
export interface TelemetryHub {
  readonly tap: TelemetryTap
  /** Told at once of each event. Must not throw. */
  readonly listen: (listener: (event: TelemetryEvent) => void) => void
  readonly layer: Layer.Layer<Telemetry>
}

/** Makes a hub. */
export const make = (): TelemetryHub => {
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
