/** Runs an embedder's hooks: each call once, in time, and never at the price of the function or of its logs. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { ExtensionConfig } from "../config/Config.ts"
import type { InvokeEvent } from "../lambda/ExtensionsApi.ts"
import { LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
import { DEADLINE_MARGIN_MS } from "../lifecycle/Flushing.ts"
import type { Hooks as Moments } from "../lifecycle/Hooks.ts"
import { CurrentRequestId } from "../logs/Records.ts"
import * as Freeze from "../platform/Freeze.ts"
import { Invocations } from "../telemetry/Invocations.ts"
import type { Call, CallEnd, Hooks } from "./Hooks.ts"
import type { TelemetryEvent } from "./Telemetry.ts"
import type { TelemetryHub } from "./TelemetryHub.ts"

/** Longest that `onInit` may take, in ms: half of what Lambda grants to all of the init. */
const MAX_INIT_MS = 5_000

/**
 * Longest that each hook of a call goes on, in ms, when the call has crashed or its time-out has passed: Lambda kills all
 * processes 2 s after a crash, and what the function said last has to be delivered until then.
 */
const MAX_AFTER_FAILURE_MS = 250

/** The longest time-out that a function can have, in ms: for calls that name no deadline. */
const MAX_CALL_MS = 900_000

/** How long the end of a call is waited for, in ms, when the next one has begun: Lambda posts every 25 ms. */
const LATE_END_MS = 100

/** What tells of calls. */
const CALL_EVENTS = new Set(["platform.start", "platform.runtimeDone"])

/** Time for what hooks have acquired to be released, in ms, when `onShutdown` has taken all of its own. */
const MIN_FINALIZERS_MS = 50

/** A call whose end is to be handled. */
interface Pending {
  readonly call: Call
  /** What goes on beside the function. */
  readonly work: Fiber.Fiber<void>
  /** `platform.runtimeDone`, when it was told. */
  runtimeDone: TelemetryEvent | undefined
  ending: Fiber.Fiber<void> | undefined
}

/**
 * Makes the moments at which `lifecycle/` calls these hooks; `surroundings` is what hooks run in, but for a scope of their own.
 */
export const make = Effect.fnUntraced(function*(
  hooks: Hooks<unknown, unknown, unknown, unknown>,
  surroundings: Context.Context<unknown>,
  hub: TelemetryHub
) {
  const { flushBudgetMs } = yield* ExtensionConfig
  const { isManagedInstance } = yield* LambdaEnvironment
  const invocations = yield* Invocations
  const scope = yield* Effect.scope
  const inside = yield* Effect.context<never>()
  const hooksScope = yield* Scope.make()
  const context = Context.add(surroundings, Scope.Scope, hooksScope)
  const pending = new Map<string, Pending>()
  // else lines of hooks would have ids of spans that nobody has
  const isTraced = context.mapUnsafe.has(Tracer.Tracer.key)

  /** Runs a hook to its end, or until time is over: what goes on after it has been interrupted is not waited for. */
  const bounded = (
    name: keyof typeof hooks | "finalizers",
    hook: () => Effect.Effect<unknown, unknown, unknown>,
    atMostMs: number,
    call?: Call
  ): Effect.Effect<void> => {
    const about = call === undefined || call.requestId === "" ? {} : { requestId: call.requestId }
    const guarded = Effect.suspend(hook).pipe(
      isTraced ? Effect.withSpan(`o2-lambda-extension/${name}`, { attributes: about }) : identity,
      Effect.provideContext(
        about.requestId === undefined ? context : Context.add(context, CurrentRequestId, about.requestId)
      ),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.logError(`${name} has failed; the extension goes on`, about, cause)
      )
    )
    return Effect.acquireUseRelease(
      Effect.forkDetach(guarded, { startImmediately: true }),
      (fiber) =>
        Effect.flatMap(
          // a freeze takes none of its time
          Effect.raceFirst(
            Effect.as(Fiber.await(fiber), true),
            Effect.as(Freeze.sleep(Math.max(0, atMostMs), Math.max(0, atMostMs)), false)
          ),
          (isDone) =>
            isDone
              ? Effect.void
              : Effect.logWarning(`${name} took too long and was interrupted`, { ...about, limitMs: atMostMs })
        ),
      (fiber) => Effect.sync(() => fiber.interruptUnsafe())
    )
  }

  const leftFor = (call: Call) =>
    Effect.map(Clock.currentTimeMillis, (now) => (call.deadlineMs ?? now + MAX_CALL_MS) - DEADLINE_MARGIN_MS - now)

  const endOf = Effect.fnUntraced(function*({ call: { requestId }, runtimeDone }: Pending): Effect.fn.Return<CallEnd> {
    const { hasFailed, isRuntimeDone } = yield* invocations.state
    const { metrics, status } = (runtimeDone?.record ?? {}) as Readonly<Record<string, unknown>>
    const told = isRuntimeDone(requestId) ? hasFailed(requestId) ? "failure" : "success" : "unknown"
    const durationMs = (metrics as { readonly durationMs?: unknown } | undefined)?.durationMs
    return {
      status: typeof status === "string" ? status : told,
      durationMs: typeof durationMs === "number" ? durationMs : undefined,
      runtimeDone
    }
  })

  const endCall = Effect.fnUntraced(function*(entry: Pending) {
    const { call, work } = entry
    const { hasFailed } = yield* invocations.state
    const isLate = hasFailed(call.requestId)
    yield* isLate ? endSoon(entry) : Fiber.await(work)
    // calls that Lambda does not name have the same id
    if (pending.get(call.requestId) === entry) pending.delete(call.requestId)
    const { onCallEnd } = hooks
    if (onCallEnd === undefined) return
    const told = yield* endOf(entry)
    const left = yield* leftFor(call)
    const atMostMs = Math.min(flushBudgetMs, isLate || left <= -DEADLINE_MARGIN_MS ? MAX_AFTER_FAILURE_MS : left)
    yield* bounded("onCallEnd", () => onCallEnd(call, told), atMostMs, call)
  })

  /** Ends what goes on beside a function that is no more. */
  const endSoon = Effect.fnUntraced(function*({ call: { requestId }, work }: Pending) {
    const done = yield* Effect.timeoutOption(Fiber.await(work), Duration.millis(MAX_AFTER_FAILURE_MS))
    if (done._tag === "Some") return
    yield* Fiber.interrupt(work)
    yield* Effect.logWarning("onInvoke was interrupted, since the call has failed", { requestId })
  })

  /** Handles the end of a call, once, and waits for it. */
  const end = Effect.fnUntraced(function*(entry: Pending) {
    entry.ending ??= yield* Effect.forkIn(endCall(entry), scope)
    yield* Fiber.await(entry.ending)
  })

  const begin = Effect.fnUntraced(function*(call: Call) {
    const { onInvoke } = hooks
    const hook = onInvoke === undefined
      ? Effect.void
      : bounded("onInvoke", () => onInvoke(call), yield* leftFor(call), call)
    const work = yield* Effect.forkIn(hook, scope)
    const entry: Pending = { call, work, runtimeDone: undefined, ending: undefined }
    pending.set(call.requestId, entry)
    return entry
  })

  /** Ends a call when the stream says so, for where nobody waits for that. */
  const endWhenTold = (entry: Pending) =>
    invocations.waitUntil(({ isRuntimeDone }) =>
      entry.ending !== undefined || isRuntimeDone(entry.call.requestId) ? -Infinity : Infinity
    ).pipe(Effect.andThen(end(entry)))

  const run = Effect.runForkWith(inside)

  if (hooks.onCallEnd !== undefined || isManagedInstance) {
    hub.listen(CALL_EVENTS, (event) => {
      const requestId = (event.record as { readonly requestId?: unknown } | null)?.requestId
      if (typeof requestId !== "string") return
      const entry = pending.get(requestId)
      const isEnd = event.type === "platform.runtimeDone"
      if (isEnd && entry !== undefined) entry.runtimeDone = event
      // extensions of Managed Instances are not told of calls, and there can be thousands at once: none waits by itself
      if (!isManagedInstance) return
      if (isEnd && entry !== undefined) run(Effect.forkIn(end(entry), scope))
      if (!isEnd && entry === undefined) run(begin({ requestId, deadlineMs: undefined }))
    })
  }

  const shutDown = Effect.fnUntraced(function*(reason: string, untilMs: number) {
    const started = yield* Clock.currentTimeMillis
    yield* Effect.timeoutOption(
      Effect.forEach([...pending.values()], end, { concurrency: "unbounded", discard: true }),
      Duration.millis(Math.max(0, untilMs - started) / 2)
    )
    const { onShutdown } = hooks
    if (onShutdown !== undefined) {
      const atMostMs = untilMs - (yield* Clock.currentTimeMillis)
      yield* bounded("onShutdown", () => onShutdown({ reason, untilMs }), atMostMs)
    }
    // what they add is to leave with the last flush
    const leftMs = Math.max(MIN_FINALIZERS_MS, untilMs - (yield* Clock.currentTimeMillis))
    yield* bounded("finalizers", () => Scope.close(hooksScope, Exit.void), leftMs)
  })

  return {
    atInit: bounded("onInit", () => hooks.onInit ?? Effect.void, MAX_INIT_MS),
    atInvoke: Effect.fnUntraced(function*({ eventType: _eventType, ...call }: InvokeEvent) {
      for (const earlier of pending.values()) {
        yield* Effect.forkIn(Effect.delay(end(earlier), Duration.millis(LATE_END_MS)), scope)
      }
      const entry = yield* begin(call)
      yield* Effect.forkIn(endWhenTold(entry), scope)
    }),
    atCallEnd: ({ requestId }) =>
      Effect.suspend(() => {
        const entry = pending.get(requestId)
        return entry === undefined ? Effect.void : end(entry)
      }),
    beforeNext: Effect.fnUntraced(function*({ requestId }: InvokeEvent) {
      const entry = pending.get(requestId)
      if (entry === undefined) return
      yield* Fiber.await(entry.work)
      if (entry.ending !== undefined) yield* Fiber.await(entry.ending)
    }),
    // in a fiber of its own: at a signal, the one that calls has been interrupted
    atShutdown: (reason: string, untilMs: number) =>
      Effect.flatMap(Effect.forkIn(shutDown(reason, untilMs), scope), (fiber) => Effect.asVoid(Fiber.await(fiber)))
  } satisfies Moments
})
