/** The program: register → subscribe → answer each event in turn → drain. The only place that knows the lifecycle. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import { type ConfigurationError, ExtensionConfig } from "../config/Config.ts"
import { ExtensionsClient, type ExtensionsError } from "../lambda/ExtensionsClient.ts"
import * as Freeze from "../platform/Freeze.ts"
import * as Flushing from "./Flushing.ts"
import { Intake } from "../logs/LogPipeline.ts"
import { LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
import * as Ledger from "../delivery/Ledger.ts"
import * as Logger from "../platform/Logger.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { RecordEncoder } from "../logs/RecordEncoder.ts"
import * as Spilling from "./Spilling.ts"
import { type ListenError, TelemetryServer } from "../telemetry/TelemetryServer.ts"

// --- Times -------------------------------------------------------------------

/** Left of the time before the kill for the process to end: writing the books takes about 5 ms, a slow machine's 50. */
const SHUTDOWN_MARGIN_MS = 100

/** Kept for delivering what came last; until then telemetry may still arrive after SHUTDOWN. */
const DELIVERY_RESERVE_MS = 600

/** Kept for writing to the disk what could not be delivered: a full buffer of 10 MB takes about 30 ms on an idle machine. */
const SPILL_RESERVE_MS = 200

/** Telemetry was seen to arrive for about this long after SHUTDOWN, and nobody waits for our end. */
const LEAST_LISTENING_MS = 1000

/** Longest wait for the last report: Lambda grants 2 s after SHUTDOWN, of which 1.2 to 1.9 s are left in practice. */
const LAST_REPORT_WAIT_MS = 1300

/** Quiet that ends the wait for more then: other extensions may still be writing. */
const QUIET_AFTER_REPORT_MS = 200

/** After a crash or time-out the last report may never come, and the next start waits for our end: quiet suffices. */
const QUIET_AFTER_FAILURE_MS = 300

/** Assumed where SHUTDOWN names a moment that has passed: a clock that is off is no reason to give up what is held. */
const LEAST_BUDGET_MS = 300

/** For an end that names no deadline, as by a signal: what Lambda grants at SHUTDOWN. */
const UNANNOUNCED_BUDGET_MS = 2000

// --- Program -----------------------------------------------------------------

/** Runs until SHUTDOWN, or until interrupted, and then drains. Fails when Lambda does not accept this process. */
export const run = Effect.gen(function*() {
  const config = yield* ExtensionConfig
  return yield* Logger.withLevel(config.logLevel)(main)
})

const main = Effect.gen(function*() {
  const extensions = yield* ExtensionsClient
  const encoder = yield* RecordEncoder
  yield* encoder.identify(yield* extensions.register)
  const { warnings } = yield* ExtensionConfig
  yield* Effect.forEach(warnings, (warning) => Effect.logWarning(warning), { discard: true })
  const isSubscribed = yield* subscribe
  const calls = new Flushing.Calls(yield* Clock.currentTimeMillis, isSubscribed)
  // what goes on beside the calls has ended when the end begins: a file that is left must not be taken for settled
  yield* Effect.scoped(serveAll(calls)).pipe(
    Effect.flatMap((end) => drain(end, calls)),
    Effect.tapError((error: ExtensionsError) =>
      Effect.gen(function*() {
        yield* drainAtOnce("poll failed", calls)
        yield* Effect.ignore(extensions.exitError("Extension.PollFailed", error.message))
      })
    ),
    Effect.onInterrupt(() => drainAtOnce("signal", calls))
  )
})

/** Asks for one event after the other and does what each call needs, until SHUTDOWN. */
const serveAll = Effect.fnUntraced(function*(calls: Flushing.Calls) {
  const extensions = yield* ExtensionsClient
  const sink = yield* OpenObserveSink
  const intake = yield* Intake
  const { isManagedInstance, isSnapStart } = yield* LambdaEnvironment
  const begin = Effect.gen(function*() {
    // a connection would be dead in every sandbox that the snapshot is restored to
    if (calls.isSubscribed && !isSnapStart) yield* sink.warmUp
    yield* Spilling.catchUp
    if (!isSnapStart) yield* sink.start
    if (isManagedInstance) yield* Spilling.catchUpForLong
  })
  // beside the start of the function, which waits for our first `next`
  yield* Effect.forkScoped(Effect.delay(begin, Duration.zero))
  const deadline = yield* FiberHandle.make<void>()
  for (;;) {
    const asked = yield* Clock.currentTimeMillis
    const event = yield* extensions.next
    yield* intake.open
    const waited = (yield* Clock.currentTimeMillis) - asked
    // Managed Instances run all the time: their connections are good
    if (waited >= Freeze.LEAST_FREEZE_MS && !isManagedInstance) yield* sink.thawed(asked)
    yield* FiberHandle.clear(deadline)
    if (event.eventType === "SHUTDOWN") return event
    if (!calls.isSubscribed) continue
    yield* Flushing.serve(event, calls)
    // what comes back now leaves with the next call: the sandbox may freeze at once
    yield* Spilling.catchUp
    if (yield* sink.isPaused) yield* FiberHandle.run(deadline, Spilling.beforeDeadline(event))
  }
})

/** Asks for telemetry; without it the function still runs, only without logs. */
const subscribe = Effect.gen(function*() {
  const extensions = yield* ExtensionsClient
  const server = yield* TelemetryServer
  const { maxBufferBytes, telemetryTypes } = yield* ExtensionConfig
  // `platform` in any case: request ids and the ends of calls come from it
  const types = [...new Set(["platform", ...telemetryTypes])]
  const result = yield* Effect.result(extensions.subscribe({
    port: server.port,
    types,
    // one post can be twice as large, and must not fill the buffer by itself
    maxBytes: maxBufferBytes / 4
  }))
  if (result._tag === "Failure") {
    yield* Effect.logError("subscribing to telemetry failed, so no logs are sent", { cause: result.failure.message })
    return false
  }
  if (result.success._tag === "Subscribed") {
    yield* Effect.logDebug("subscribed", { api: result.success.api, schemaVersion: result.success.schemaVersion })
    return true
  }
  yield* Effect.logWarning("this sandbox has no Telemetry API, so no logs are sent", { answer: result.success.detail })
  return false
})

// --- Shutdown ----------------------------------------------------------------

interface End {
  /** Epoch ms at which the process is killed. */
  readonly deadlineMs: number
  readonly shutdownReason: string
}

/** Drains though Lambda has not asked for it. */
const drainAtOnce = Effect.fnUntraced(function*(shutdownReason: string, calls: Flushing.Calls) {
  const deadlineMs = (yield* Clock.currentTimeMillis) + UNANNOUNCED_BUDGET_MS
  yield* drain({ deadlineMs, shutdownReason }, calls)
})

/** Takes in what still comes, delivers what can be delivered, closes the books. Runs once, at the end. */
const drain = Effect.fnUntraced(function*(end: End, calls: Flushing.Calls) {
  if (calls.isDraining) return
  calls.isDraining = true
  const server = yield* TelemetryServer
  const sink = yield* OpenObserveSink
  const ledger = yield* Ledger.Ledger
  const started = yield* Clock.currentTimeMillis
  // a budget that is too short for the margins is shared out instead
  const budget = Math.max(LEAST_BUDGET_MS, end.deadlineMs - started)
  const finalMoment = started + budget - Math.min(SHUTDOWN_MARGIN_MS, budget / 4)
  const listenUntil = finalMoment - Math.min(DELIVERY_RESERVE_MS, budget / 2)
  const spillReserve = Math.min(SPILL_RESERVE_MS, budget / 4)
  if (calls.isSubscribed) {
    yield* awaitLastTelemetry(end.shutdownReason, Math.min(listenUntil, started + LAST_REPORT_WAIT_MS), calls.last)
  }
  yield* server.close
  yield* awaitIdle(finalMoment)
  const remaining = Math.max(0, finalMoment - (yield* Clock.currentTimeMillis))
  yield* sink.flush({ budget: Duration.millis(Math.max(0, remaining - spillReserve)), isLast: true })
  yield* Spilling.atEnd(Duration.millis(Math.max(0, finalMoment - (yield* Clock.currentTimeMillis))))
  const books = yield* ledger.snapshot
  const { delivered, intake, received, replayed } = books
  const isComplete = delivered.records === received.records + replayed.records && intake.postsDropped === 0 &&
    intake.spillFilesDropped === 0
  const level = isComplete ? "Info" : "Warn"
  yield* Effect.logWithLevel(level)("ledger", { reason: end.shutdownReason, ...Ledger.summary(books) })
}, Effect.uninterruptible)

/** Sends what comes while waiting for the last call's report, which follows only after we have asked for the next event. */
const awaitLastTelemetry = Effect.fnUntraced(function*(reason: string, until: number, lastCall: string | undefined) {
  const intake = yield* Intake
  const sink = yield* OpenObserveSink
  const started = yield* Clock.currentTimeMillis
  const isFailure = /^(timeout|failure)$/i.test(reason)
  for (;;) {
    yield* sink.send
    const stream = yield* intake.state
    const now = yield* Clock.currentTimeMillis
    const isReported = lastCall === undefined || !stream.hasPlatformEvents || stream.isReported(lastCall)
    const quiet = isReported ? QUIET_AFTER_REPORT_MS : isFailure ? QUIET_AFTER_FAILURE_MS : Infinity
    // where nothing has ever come, nothing is to be expected
    const least = isFailure || stream.lastPostAt === -Infinity ? 0 : LEAST_LISTENING_MS
    const end = Math.min(until, Math.max(started + Math.max(least, quiet), stream.lastPostAt + quiet))
    if (now >= end) return
    yield* intake.progress(Duration.millis(end - now))
  }
})

const awaitIdle = Effect.fnUntraced(function*(until: number) {
  const intake = yield* Intake
  for (;;) {
    const { isIdle } = yield* intake.state
    const now = yield* Clock.currentTimeMillis
    if (isIdle || now >= until) return
    yield* intake.progress(Duration.millis(until - now))
  }
})

// --- A start that fails ------------------------------------------------------

/** Says what is wrong and fails the start; or, when asked to pass through, lets the function run without logs. */
export const refuse = Effect.fnUntraced(function*(error: ConfigurationError | ListenError) {
  const extensions = yield* ExtensionsClient
  yield* Effect.logError(error.message)
  yield* extensions.register
  // our own trouble is no reason to take the function down; a wrong setting is, unless the user says else
  if (error._tag === "ConfigurationError" && error.reaction === "fail") {
    yield* extensions.initError("Extension.ConfigInvalid", error.message)
    return yield* error
  }
  yield* Effect.logWarning("the function runs without its logs being sent")
  for (;;) {
    const event = yield* extensions.next
    if (event.eventType === "SHUTDOWN") return
  }
})
