/** What happens between INVOKE and asking for the next event: waiting and flushing, as the call's tier says. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../config/Config.ts"
import type { LifecycleCall } from "../lambda/ExtensionsApi.ts"
import * as FlushPolicy from "./FlushPolicy.ts"
import { Intake, type StreamState } from "../logs/LogPipeline.ts"
import * as Ledger from "../delivery/Ledger.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"

// --- Times -------------------------------------------------------------------

/** Left of a call's time when we ask for the next event: a call must never time out because of us. */
const DEADLINE_MARGIN_MS = 500

/**
 * What INVOKE takes to reach us and our asking to reach Lambda: a call that lasts as long as usual ends so much earlier
 * by our clock. Without it half of such calls were held up, one in 20 by 7 ms and more (two busy cores).
 */
const ASKING_MS = 5

/**
 * Longest flush after a crash: Lambda grants 2 s from there to the kill, whether we have asked for SHUTDOWN or not, and
 * what comes last is to be delivered in the same time.
 */
const CRASH_BUDGET_MS = 1000

/** Silence after which a `runtimeDone` that may have been lost is no longer waited for. */
const SILENCE_MS = 1000

/** Calls in a row without a `runtimeDone` after which waiting for it is given up until one of theirs comes late. */
const MAX_MISSES = 3

// --- State -------------------------------------------------------------------

/** A call to the function, as INVOKE announces it. */
export type Invoke = Extract<LifecycleCall, { eventType: "INVOKE" }>

/** What is remembered from call to call. */
export class Calls {
  history: FlushPolicy.History
  /** Request id of the last INVOKE. */
  last: string | undefined
  /** The last calls in a row whose `runtimeDone` was waited for in vain, `MAX_MISSES` at most. */
  missed: ReadonlyArray<string> = []
  /** How many durations of calls the stream has told so far. */
  measured = 0

  /** The end has begun; a signal that comes meanwhile changes nothing. */
  isDraining = false

  /** Whether telemetry can come at all. */
  readonly isSubscribed: boolean

  constructor(now: number, isSubscribed: boolean) {
    this.history = FlushPolicy.empty(now)
    this.isSubscribed = isSubscribed
  }
}

// --- One call ----------------------------------------------------------------

/** Does what this call's tier asks for; done when the next event may be asked for. */
export const serve = Effect.fnUntraced(function*(call: Invoke, calls: Calls) {
  const { flushIntervalMs, flushStrategy } = yield* ExtensionConfig
  const sink = yield* OpenObserveSink
  const now = yield* Clock.currentTimeMillis
  const stream = yield* Intake.use((intake) => intake.state)
  const { tier: before } = calls.history
  learn(stream, calls)
  calls.last = call.requestId
  calls.history = FlushPolicy.begin(calls.history, flushStrategy, now)
  const { tier } = calls.history
  if (tier !== before) yield* Effect.logDebug("flush tier", { from: before, to: tier })
  // What got old in the frozen sandbox leaves first; no timer ran meanwhile.
  yield* tier === "continuous" || now - stream.openSince >= flushIntervalMs ? sink.send : sink.start
  // During an outage nobody waits: what this call writes is kept all the same.
  if (!(yield* sink.isPaused)) {
    if (tier === "continuous") yield* overlap(call, calls)
    else yield* finish(call, calls)
  }
  yield* logBooks
})

/** Takes over what the stream has told since the last call. */
const learn = (stream: StreamState, calls: Calls): void => {
  // a restored snapshot is a new sandbox
  if (stream.restoredAt > calls.history.startedAt) calls.history = FlushPolicy.empty(stream.restoredAt)
  if (stream.measuredCalls > calls.measured) {
    calls.measured = stream.measuredCalls
    calls.history = FlushPolicy.end(calls.history, stream.lastDurationMs)
  }
  // Only late: a call that ends within the margin before its deadline tells so after the next thaw.
  if (calls.missed.some(stream.isRuntimeDone)) calls.missed = []
}

/**
 * Continuous: the backlog of earlier calls leaves while this one runs; we do not hold up its end. Waiting for the backlog
 * costs nothing while the function works, and leaves little in flight when the sandbox freezes.
 */
const overlap = Effect.fnUntraced(function*(call: Invoke, calls: Calls) {
  const sink = yield* OpenObserveSink
  const now = yield* Clock.currentTimeMillis
  const usual = FlushPolicy.usualDuration(calls.history) ?? 0
  const atMost = Math.max(0, Math.min(usual - ASKING_MS, call.deadlineMs - DEADLINE_MARGIN_MS - now))
  yield* Effect.raceFirst(
    sink.settled(Duration.millis(atMost)),
    awaitRuntimeDone(call.requestId, now, now + atMost)
  )
})

/** End and periodic: waits for the call to end and delivers what it wrote, before Lambda may freeze the sandbox. */
const finish = Effect.fnUntraced(function*(call: Invoke, calls: Calls) {
  const { flushBudgetMs } = yield* ExtensionConfig
  const intake = yield* Intake
  const sink = yield* OpenObserveSink
  const flush = Effect.gen(function*() {
    const { hasFailed, isReported } = yield* intake.state
    const remaining = call.deadlineMs - DEADLINE_MARGIN_MS - (yield* Clock.currentTimeMillis)
    // A report before we have asked for the next event is of a call that crashed: SHUTDOWN waits, and its time runs.
    const atMost = isReported(call.requestId) ? 0 : hasFailed(call.requestId) ? CRASH_BUDGET_MS : flushBudgetMs
    const budget = Math.max(0, Math.min(flushBudgetMs, atMost, remaining))
    yield* Effect.raceFirst(
      sink.flush({ budget: Duration.millis(budget), isLast: false }),
      awaitReport(call.requestId)
    )
  })
  // a call without an id cannot be recognised when it ends
  const isHopeless = call.requestId === "" || calls.missed.length >= MAX_MISSES
  const isDone = !isHopeless && (yield* awaitEnd(call, calls.history.tier, flush))
  calls.missed = isDone ? [] : [...calls.missed, call.requestId].slice(-MAX_MISSES)
  yield* flush
})

/** Waits for the call to end; one that runs long is flushed meanwhile: a time-out must not take more than one interval. */
const awaitEnd = Effect.fnUntraced(
  function*<E, R>(call: Invoke, tier: FlushPolicy.Tier, flush: Effect.Effect<void, E, R>) {
    const { flushIntervalMs } = yield* ExtensionConfig
    const started = yield* Clock.currentTimeMillis
    const end = call.deadlineMs - DEADLINE_MARGIN_MS
    const longFrom = tier === "periodic" ? started : started + FlushPolicy.longAfterMs
    for (;;) {
      const slice = Math.min(end, Math.max(yield* Clock.currentTimeMillis, longFrom) + flushIntervalMs)
      if (yield* awaitRuntimeDone(call.requestId, started, slice)) return true
      if (slice >= end || (yield* Clock.currentTimeMillis) < slice) return false
      // what is still on its way when the call ends is waited for after it
      yield* Effect.raceFirst(flush, awaitRuntimeDone(call.requestId, started, end))
    }
  }
)

/** Waits until the stream says that the runtime is done; false when that seems to be lost or time is over. */
const awaitRuntimeDone = Effect.fnUntraced(function*(requestId: string, started: number, until: number) {
  const intake = yield* Intake
  for (;;) {
    const stream = yield* intake.state
    if (stream.isRuntimeDone(requestId)) return true
    const mayBeLost = !stream.hasPlatformEvents || stream.lastGapAt >= started
    const end = mayBeLost ? Math.min(until, Math.max(started, stream.lastPostAt) + SILENCE_MS) : until
    const now = yield* Clock.currentTimeMillis
    if (now >= end) return false
    yield* intake.progress(Duration.millis(end - now))
  }
})

/** Completes when the stream has told the call's report. */
const awaitReport = Effect.fnUntraced(function*(requestId: string) {
  const { flushBudgetMs } = yield* ExtensionConfig
  const intake = yield* Intake
  while (!(yield* intake.state).isReported(requestId)) yield* intake.progress(Duration.millis(flushBudgetMs))
})

const logBooks = Effect.gen(function*() {
  const ledger = yield* Ledger.Ledger
  yield* Effect.logDebug("ledger", Ledger.summary(yield* ledger.snapshot))
})
