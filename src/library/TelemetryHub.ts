/** Takes events from the pipeline to those who follow them: hooks, and streams of the service `Telemetry`. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { eventsOf, shapeOf, typeOf } from "../telemetry/TelemetryEvent.ts"
import type { TelemetryTap } from "../telemetry/TelemetryTap.ts"
import { Telemetry, type TelemetryEvent } from "./Telemetry.ts"

/** Events that wait for whoever follows slowly; then the oldest go. A post of Lambda's has 1000 of them at most. */
const MAX_WAITING = 4096

/** Told at once of each event. Must not throw. */
type Listener = (event: TelemetryEvent) => void

/** Spreads events to whoever follows. */
export interface TelemetryHub {
  readonly tap: TelemetryTap
  /** Has somebody told of the events of some types. */
  readonly listen: (types: ReadonlySet<string>, listener: Listener) => void
  readonly layer: Layer.Layer<Telemetry>
}

/** Makes a hub. */
export const make = (): TelemetryHub => {
  /** Who follows, and what; `undefined` for all there is. */
  const listeners = new Map<Listener, ReadonlySet<string> | undefined>()
  return {
    tap: (post) => {
      if (listeners.size === 0) return
      const events = eventsOf(post)
      while (events.next()) {
        // most events are lines of the function, which not all who listen want to have decoded
        const type = typeOf(events.bytes, shapeOf(events.bytes, events.members).type)
        let event: TelemetryEvent | undefined
        for (const [listener, types] of listeners) {
          if (types?.has(type) !== false) listener(event ??= decoded(events, type))
        }
      }
    },
    listen: (types, listener) => void listeners.set(listener, types),
    layer: Layer.succeed(Telemetry, {
      events: Stream.unwrap(Effect.gen(function*() {
        const waiting = yield* PubSub.sliding<TelemetryEvent>(MAX_WAITING)
        const listener = (event: TelemetryEvent) => void PubSub.publishUnsafe(waiting, event)
        yield* Effect.acquireRelease(
          Effect.sync(() => listeners.set(listener, undefined)),
          () => Effect.sync(() => listeners.delete(listener))
        )
        return Stream.fromPubSub(waiting)
      }))
    })
  }
}

const decoded = ({ bytes, end, start }: ReturnType<typeof eventsOf>, type: string): TelemetryEvent => {
  const { record, time } = JSON.parse(bytes.toString("utf8", start, end)) as { readonly [_ in string]?: unknown }
  return { time: String(time), type, record }
}
