/** What an embedder does in the course of a sandbox. Nothing, unless somebody has put hooks here. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { InvokeEvent } from "../lambda/ExtensionsApi.ts"

/** Work at the moments of a sandbox's life. None of it fails, and all of it has an end in time. */
export interface Hooks {
  /** Before the first event is asked for. */
  readonly atInit: Effect.Effect<void>
  /** A call has begun: starts what goes on beside the function. */
  readonly atInvoke: (call: InvokeEvent) => Effect.Effect<void>
  /** A call has ended: done when its records may be flushed. */
  readonly atCallEnd: (call: InvokeEvent) => Effect.Effect<void>
  /** The next event is to be asked for, and the sandbox may freeze: done when nothing goes on. */
  readonly beforeNext: (call: InvokeEvent) => Effect.Effect<void>
  /** All telemetry has come and the last flush is next; done by the given moment (epoch ms). */
  readonly atShutdown: (reason: string, untilMs: number) => Effect.Effect<void>
}

/** The hooks of this program. */
export const Hooks = Context.Reference<Hooks | undefined>("o2-lambda-extension/Hooks", {
  defaultValue: () => undefined
})
