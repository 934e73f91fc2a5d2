/** The end: what still comes is taken in, what can be delivered is, the rest goes to the disk, the books are closed. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Books from "../delivery/Books.ts"
import { Ledger } from "../delivery/Ledger.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { Invocations } from "../telemetry/Invocations.ts"
import { TelemetryServer } from "../telemetry/TelemetryServer.ts"
import { Hooks } from "./Hooks.ts"
import * as Spilling from "./Spilling.ts"

/** Left of the time before the kill for the process to end, in ms: writing the books takes about 5, a slow machine's 50. */
const SHUTDOWN_MARGIN_MS = 100

/** CPU time, in ms, that ending takes: a function of 128 MB gets it in 14 times as long (1 769 MB are one CPU). */
const ENDING_CPU_MS = 30

/** Kept for delivering what came last, in ms; until then telemetry may still arrive after SHUTDOWN. */
const DELIVERY_RESERVE_MS = 600

/**
 * Kept for writing to the disk what could not be delivered, in ms: a full buffer of 10 MB takes about 30 ms on an idle
 * machine.
 */
const SPILL_RESERVE_MS = 200

/** Telemetry was seen to arrive for about so many ms after SHUTDOWN, and nobody waits for our end. */
const MIN_LISTENING_MS = 1000

/** Longest wait for the last report, in ms: Lambda grants 2 s after SHUTDOWN, of which 1.2 to 1.9 s are left in practice. */
const LAST_REPORT_WAIT_MS = 1300

/** Quiet, in ms, that ends the wait for more then: other extensions may still be writing. */
const QUIET_AFTER_REPORT_MS = 200

/** After a crash or time-out the last report may never come, and the next start waits for our end: quiet suffices. In ms. */
const QUIET_AFTER_FAILURE_MS = 300

/** Assumed where SHUTDOWN names a moment that has passed, in ms: a clock that is off is no reason to give up what is held. */
const MIN_BUDGET_MS = 300

/** For an end that names no deadline, as by a signal, in ms: what Lambda grants at SHUTDOWN. */
const UNANNOUNCED_BUDGET_MS = 2000

/** Shortest work, in ms, from which the share of a CPU is told: Linux shares it out in periods of 100 ms. */
const MIN_MEASURED_MS = 200

/** What is to be known of a sandbox when it ends. */
export interface Course {
  /** Whether telemetry can come at all. */
  readonly isSubscribed: boolean
  /** Request id of the last call. */
  readonly lastCall: string | undefined
}

/** An end, announced or not. */
interface End {
  /** Epoch ms at which the process is killed; `undefined` when nobody said so. */
  readonly deadlineMs?: number
  readonly shutdownReason: string
}

/** Makes the end of a process: it runs once, and a second reason for it that comes meanwhile changes nothing. */
export const make = () => {
  let hasBegun = false
  return (end: End, course: Course) =>
    Effect.suspend(() => {
      if (hasBegun) return Effect.void
      hasBegun = true
      return drain(end, course)
    })
}

const drain = Effect.fnUntraced(function*(end: End, course: Course) {
  const server = yield* TelemetryServer
  const invocations = yield* Invocations
  const sink = yield* OpenObserveSink
  const ledger = yield* Ledger
  const started = yield* Clock.currentTimeMillis
  const deadlineMs = end.deadlineMs ?? started + UNANNOUNCED_BUDGET_MS
  // a budget that is too short for the margins is shared out instead
  const budget = Math.max(MIN_BUDGET_MS, deadlineMs - started)
  // write first, then try: where the rest is more than the remaining time surely delivers
  const isAtRisk = (yield* sink.expectedMs) > budget / 4
  const copying = yield* timed(isAtRisk ? Spilling.copy(Duration.millis(budget / 2)) : Effect.void)
  const margin = Math.max(SHUTDOWN_MARGIN_MS, ENDING_CPU_MS / copying.share)
  const finalMoment = started + budget - Math.min(margin, budget / 4)
  const listenUntil = finalMoment - Math.min(DELIVERY_RESERVE_MS, budget / 2)
  // what comes from now on is less than what has been written already
  const spillReserve = Math.min(Math.max(SPILL_RESERVE_MS, copying.wallMs), budget / 4)
  if (course.isSubscribed) {
    const until = Math.min(listenUntil, started + LAST_REPORT_WAIT_MS)
    yield* awaitLastTelemetry(end.shutdownReason, until, course.lastCall)
  }
  yield* server.close
  yield* invocations.waitUntil(({ isIdle }) => isIdle ? -Infinity : finalMoment)
  const hooks = yield* Hooks
  if (hooks !== undefined) {
    const now = yield* Clock.currentTimeMillis
    yield* hooks.atShutdown(end.shutdownReason, now + Math.max(0, finalMoment - spillReserve - now) / 2)
  }
  const remaining = Math.max(0, finalMoment - (yield* Clock.currentTimeMillis))
  yield* sink.flush({ budget: Duration.millis(Math.max(0, remaining - spillReserve)), isLast: true })
  yield* Spilling.atEnd(Duration.millis(Math.max(0, finalMoment - (yield* Clock.currentTimeMillis))))
  yield* sink.close
  const books = yield* ledger.snapshot
  const level = Books.isComplete(books) ? "Info" : "Warn"
  yield* Effect.logWithLevel(level)("ledger", { reason: end.shutdownReason, ...Books.summary(books) })
}, Effect.uninterruptible)

/** Does something, and says how long it took, and which share of a CPU this process got meanwhile. */
const timed = Effect.fnUntraced(function*<R>(effect: Effect.Effect<void, never, R>) {
  const startedAt = yield* Clock.currentTimeMillis
  const before = process.cpuUsage()
  yield* effect
  const { system, user } = process.cpuUsage(before)
  const wallMs = (yield* Clock.currentTimeMillis) - startedAt
  // shorter than the periods in which a CPU is shared out: nothing can be said
  return { wallMs, share: wallMs < MIN_MEASURED_MS ? 1 : Math.min(1, (user + system) / 1000 / wallMs) }
})

/** Sends what comes while waiting for the last call's report, which follows only after we have asked for the next event. */
const awaitLastTelemetry = Effect.fnUntraced(function*(reason: string, until: number, lastCall: string | undefined) {
  const invocations = yield* Invocations
  const sink = yield* OpenObserveSink
  const started = yield* Clock.currentTimeMillis
  const isFailure = /^(timeout|failure)$/i.test(reason)
  yield* invocations.waitUntil((stream) => {
    const isReported = lastCall === undefined || !stream.hasPlatformEvents || stream.isReported(lastCall)
    const quiet = isReported ? QUIET_AFTER_REPORT_MS : isFailure ? QUIET_AFTER_FAILURE_MS : Infinity
    // where nothing has ever come, nothing is to be expected
    const least = isFailure || stream.lastPostAt === -Infinity ? 0 : MIN_LISTENING_MS
    return Math.min(until, Math.max(started + Math.max(least, quiet), stream.lastPostAt + quiet))
  }, sink.deliverNow)
})
