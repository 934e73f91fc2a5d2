/** What happens between INVOKE and asking for the next event: waiting and flushing, as the call's tier says. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../config/Config.ts"
import * as Books from "../delivery/Books.ts"
import { Ledger } from "../delivery/Ledger.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import type { InvokeEvent } from "../lambda/ExtensionsApi.ts"
import { Invocations, type StreamState } from "../telemetry/Invocations.ts"
import * as CallHistory from "./CallHistory.ts"
import * as FlushPolicy from "./FlushPolicy.ts"
import { Hooks } from "./Hooks.ts"

/** Left of a call's time, in ms, when we ask for the next event: a call must never time out because of us. */
export const DEADLINE_MARGIN_MS = 500

/**
 * What INVOKE takes to reach us and our asking to reach Lambda, in ms: a call that lasts as long as usual ends so much
 * earlier by our clock. Without it half of such calls were held up, one in 20 by 7 ms and more (two busy cores).
 */
const ASKING_MS = 5

/**
 * Longest flush after a crash, in ms: Lambda grants 2 s from there to the kill, whether we have asked for SHUTDOWN or not,
 * and what comes last is to be delivered in the same time.
 */
const CRASH_BUDGET_MS = 1000

/**
 * Silence, in ms, after which a `runtimeDone` is no longer waited for that may have been lost, or that the platform may
 * not tell at all (a system log level can filter it): it has not yet told any.
 */
const SILENCE_MS = 1000

/** Within so many ms of a thaw comes what the platform has held meanwhile: it posts every 25 ms. */
const CATCH_UP_MS = 50

/** Does what this call's tier asks for, and gives the history with it; done when the next event may be asked for. */
export const serve = Effect.fnUntraced(function*(call: InvokeEvent, history: CallHistory.CallHistory) {
  const { flushStrategy } = yield* ExtensionConfig
  const sink = yield* OpenObserveSink
  const now = yield* Clock.currentTimeMillis
  const stream = yield* Invocations.use(({ state }) => state)
  const begun = CallHistory.begin(history, stream, flushStrategy, now)
  const { tier } = begun.policy
  if (tier !== history.policy.tier) yield* Effect.logDebug("flush tier", { from: history.policy.tier, to: tier })
  // What got old in the frozen sandbox leaves first; no timer ran meanwhile.
  yield* tier === "continuous" ? sink.deliverAll : sink.deliverDue
  const isUseless = (yield* sink.outages) === "all"
  // During an outage nobody waits: what this call writes is kept all the same.
  const ended = isUseless
    ? begun
    : tier === "continuous"
    ? yield* flushDuringCall(call, begun)
    : yield* flushAfterCall(call, begun)
  yield* logBooks
  return ended
})

/**
 * Continuous: the backlog of earlier calls leaves while this one runs; we do not hold up its end. Waiting for the backlog
 * costs nothing while the function works, and leaves little in flight when the sandbox freezes.
 */
const flushDuringCall = Effect.fnUntraced(function*(call: InvokeEvent, history: CallHistory.CallHistory) {
  const sink = yield* OpenObserveSink
  const now = yield* Clock.currentTimeMillis
  const usual = FlushPolicy.usualDuration(history.policy) ?? 0
  const atMost = Math.max(0, Math.min(usual - ASKING_MS, call.deadlineMs - DEADLINE_MARGIN_MS - now))
  yield* Effect.raceFirst(
    sink.awaitSettled(Duration.millis(atMost)),
    awaitRuntimeDone(call.requestId, now, now + atMost)
  )
  return history
})

/** End and periodic: waits for the call to end and delivers what it wrote, before Lambda may freeze the sandbox. */
const flushAfterCall = Effect.fnUntraced(function*(call: InvokeEvent, history: CallHistory.CallHistory) {
  const { requestId } = call
  const isExpected = CallHistory.isEndExpected(history, requestId) || (yield* isToldLate(history))
  const isTold = isExpected && (yield* awaitEnd(call, history.policy.tier))
  const hooks = yield* Hooks
  if (hooks !== undefined && isTold) yield* hooks.atCallEnd(call)
  yield* flush(call)
  return CallHistory.end(history, requestId, isTold)
})

/**
 * Whether the end that the last call missed comes after all, as it does when that call was merely quiet: it was created
 * when we had asked for the next event. Once only: where it does not come, nobody waits for it in every call.
 */
const isToldLate = Effect.fnUntraced(function*({ missed }: CallHistory.CallHistory) {
  if (missed.length !== 1) return false
  const invocations = yield* Invocations
  const until = (yield* Clock.currentTimeMillis) + CATCH_UP_MS
  yield* invocations.waitUntil(({ isRuntimeDone }) => missed.some(isRuntimeDone) ? -Infinity : until)
  return missed.some((yield* invocations.state).isRuntimeDone)
})

/** Delivers what there is, for as long as the call and the settings allow. */
const flush = Effect.fnUntraced(function*({ deadlineMs, requestId }: InvokeEvent) {
  const { flushBudgetMs } = yield* ExtensionConfig
  const invocations = yield* Invocations
  const sink = yield* OpenObserveSink
  const { hasFailed, isReported } = yield* invocations.state
  const remaining = deadlineMs - DEADLINE_MARGIN_MS - (yield* Clock.currentTimeMillis)
  // A report before we have asked for the next event is of a call that crashed: SHUTDOWN waits, and its time runs.
  const atMost = isReported(requestId) ? 0 : hasFailed(requestId) ? CRASH_BUDGET_MS : flushBudgetMs
  const budget = Math.max(0, Math.min(flushBudgetMs, atMost, remaining))
  yield* Effect.raceFirst(
    sink.flush({ budget: Duration.millis(budget), isLast: false }),
    invocations.waitUntil((stream) => stream.isReported(requestId) ? -Infinity : Infinity)
  )
})

/**
 * Waits for the call to end: true when that was told. A call that runs long is flushed meanwhile: a time-out must not take
 * more than one interval.
 */
const awaitEnd = Effect.fnUntraced(function*(call: InvokeEvent, tier: FlushPolicy.Tier) {
  const { flushIntervalMs } = yield* ExtensionConfig
  const started = yield* Clock.currentTimeMillis
  const end = call.deadlineMs - DEADLINE_MARGIN_MS
  const longFrom = tier === "periodic" ? started : started + FlushPolicy.longAfterMs
  for (;;) {
    const slice = Math.min(end, Math.max(yield* Clock.currentTimeMillis, longFrom) + flushIntervalMs)
    if (yield* awaitRuntimeDone(call.requestId, started, slice)) return true
    if (slice >= end || (yield* Clock.currentTimeMillis) < slice) return false
    // what is still on its way when the call ends is waited for after it
    yield* Effect.raceFirst(flush(call), awaitRuntimeDone(call.requestId, started, end))
  }
})

/** Waits until the stream says that the runtime is done; false when that seems to be lost or time is over. */
const awaitRuntimeDone = Effect.fnUntraced(function*(requestId: string, started: number, until: number) {
  const invocations = yield* Invocations
  const giveUpAt = (stream: StreamState) => {
    if (stream.isRuntimeDone(requestId)) return -Infinity
    const mayBeLost = !stream.hasRuntimeDone || stream.lastGapAt >= started
    return mayBeLost ? Math.min(until, Math.max(started, stream.lastPostAt) + SILENCE_MS) : until
  }
  yield* invocations.waitUntil(giveUpAt)
  return (yield* invocations.state).isRuntimeDone(requestId)
})

const logBooks = Effect.gen(function*() {
  const ledger = yield* Ledger
  yield* Effect.logDebug("ledger", Books.summary(yield* ledger.snapshot))
})
