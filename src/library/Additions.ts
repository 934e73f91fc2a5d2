/** What an embedder's options add to the program, as the layers that it is built with. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as EffectLogger from "effect/Logger"
import { ExtensionConfig } from "../config/Config.ts"
import { LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
import { Hooks as Moments } from "../lifecycle/Hooks.ts"
import * as OwnRecords from "../logs/OwnRecords.ts"
import { Records } from "../logs/Records.ts"
import * as Logger from "../platform/Logger.ts"
import type { Processor } from "../processors/Processor.ts"
import { TelemetryTap } from "../telemetry/TelemetryTap.ts"
import * as HookRunner from "./HookRunner.ts"
import type { Hooks } from "./Hooks.ts"
import { Ledger } from "./Ledger.ts"
import * as OpenObserveLogger from "./OpenObserveLogger.ts"
import * as ProcessorStage from "./ProcessorStage.ts"
import { Telemetry } from "./Telemetry.ts"
import * as TelemetryHub from "./TelemetryHub.ts"

/** Hooks, whatever they need. */
type AnyHooks = Hooks<never, never, never, never> | Hooks<unknown, unknown, unknown, unknown>

/** Makes the layers beneath and above the services; `outer` is what the embedder's program provides. */
export const additionsOf = (
  { hooks, processors }: {
    readonly hooks?: AnyHooks | undefined
    readonly processors?: ReadonlyArray<Processor> | undefined
  },
  outer: Context.Context<never>
) => {
  const hub = TelemetryHub.make()
  return {
    beneath: Layer.merge(ProcessorStage.layer(processors), Layer.succeed(TelemetryTap, hub.tap)),
    above: hooks === undefined ? Layer.empty : hooksLayer(hooks, outer, hub)
  }
}

const hooksLayer = (hooks: AnyHooks, outer: Context.Context<never>, hub: TelemetryHub.TelemetryHub) =>
  Layer.effect(
    Moments,
    Effect.gen(function*() {
      const provided = yield* Effect.context<
        ExtensionConfig | LambdaEnvironment | Ledger | Records | Telemetry
      >()
      const ours = Context.pick(ExtensionConfig, LambdaEnvironment, Ledger, Records, Telemetry)(provided)
      const toRecords = yield* OpenObserveLogger.make
      // a program's own loggers stay; Effect's would write for people at a terminal
      const loggers = [...Context.get(outer, EffectLogger.CurrentLoggers)].map((logger) =>
        logger === EffectLogger.defaultLogger ? Logger.toStdout : logger
      )
      const context = Context.merge(outer, ours).pipe(
        // lines of hooks are written as ours, which nobody sends, and sent as records
        Context.add(EffectLogger.CurrentLoggers, new Set([...loggers, toRecords]))
      )
      return yield* HookRunner.make(hooks, context as Context.Context<unknown>, hub)
    })
  ).pipe(Layer.provide(Layer.mergeAll(OwnRecords.layerNoDeps, hub.layer, Ledger.layerNoDeps)))
