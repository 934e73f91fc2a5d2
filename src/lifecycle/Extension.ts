/** The program: register → subscribe → answer each event in turn → drain. The only place that knows the lifecycle. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import { ExtensionConfig } from "../config/Config.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { ExtensionsClient, type ExtensionsError } from "../lambda/ExtensionsClient.ts"
import { LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
import { RecordEncoder } from "../logs/RecordEncoder.ts"
import * as Freeze from "../platform/Freeze.ts"
import * as Logger from "../platform/Logger.ts"
import * as SteadyClock from "../platform/SteadyClock.ts"
import { Invocations } from "../telemetry/Invocations.ts"
import { TelemetryServer } from "../telemetry/TelemetryServer.ts"
import * as CallHistory from "./CallHistory.ts"
import * as FailedInit from "./FailedInit.ts"
import * as Flushing from "./Flushing.ts"
import { Hooks } from "./Hooks.ts"
import * as Shutdown from "./Shutdown.ts"
import * as Spilling from "./Spilling.ts"

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
  const course: Course = { isSubscribed: yield* subscribe, lastCall: undefined }
  const hooks = yield* Hooks
  const shutDown = Shutdown.make()
  // what goes on beside the calls has ended when the end begins: a file that is left must not be taken for settled
  yield* Effect.andThen(hooks?.atInit ?? Effect.void, Effect.scoped(serveAll(course))).pipe(
    Effect.flatMap((end) => shutDown(end, course)),
    Effect.tapError((error: ExtensionsError) =>
      Effect.gen(function*() {
        yield* shutDown({ shutdownReason: "poll failed" }, course)
        yield* Effect.ignore(extensions.exitError("Extension.PollFailed", error.message))
      })
    ),
    Effect.onInterrupt(() => shutDown({ shutdownReason: "signal" }, course))
  )
})

interface Course extends Shutdown.Course {
  lastCall: string | undefined
}

/** Asks for one event after the other and does what each call needs, until SHUTDOWN. */
const serveAll = Effect.fnUntraced(function*(course: Course) {
  const extensions = yield* ExtensionsClient
  const sink = yield* OpenObserveSink
  const hooks = yield* Hooks
  const invocations = yield* Invocations
  const { isManagedInstance, isSnapStart } = yield* LambdaEnvironment
  // a connection or a timer would be dead in every sandbox that a snapshot is restored to
  if (!isSnapStart) yield* sink.open
  const begin = Effect.gen(function*() {
    if (course.isSubscribed && !isSnapStart) yield* sink.warmUp
    yield* Spilling.catchUp
    if (!isSnapStart) yield* sink.deliverDue
    if (isManagedInstance) yield* Spilling.catchUpUntilIdle
  })
  // beside the start of the function, which waits for our first `next`
  yield* Effect.forkScoped(Effect.delay(begin, Duration.zero))
  yield* Effect.forkScoped(FailedInit.deliver)
  const deadline = yield* FiberHandle.make<void>()
  let history = CallHistory.empty(yield* Clock.currentTimeMillis)
  for (;;) {
    const asked = yield* Clock.currentTimeMillis
    const event = yield* extensions.next
    yield* SteadyClock.synchronize
    yield* sink.open
    const waited = (yield* Clock.currentTimeMillis) - asked
    // Managed Instances run all the time: their connections are good
    if (waited >= Freeze.MIN_FREEZE_MS && !isManagedInstance) yield* sink.thawed(asked)
    yield* FiberHandle.clear(deadline)
    if (event.eventType === "SHUTDOWN") return event
    // Lambda tries an asynchronous call again under the same id
    invocations.forgetUnsafe(event.requestId, asked)
    if (hooks !== undefined) yield* hooks.atInvoke(event)
    if (course.isSubscribed) {
      course.lastCall = event.requestId
      history = yield* Flushing.serve(event, history)
      // what comes back now leaves with the next call: the sandbox may freeze at once
      yield* Spilling.catchUp
      if ((yield* sink.outages) !== "none") yield* FiberHandle.run(deadline, Spilling.beforeDeadline(event))
    }
    if (hooks !== undefined) yield* hooks.beforeNext(event)
  }
})

/** About what a record has more than its event, in bytes: id of the call, metadata, and a time of more digits. */
const ADDED_BYTES = 250

/** Asks for telemetry; without it the function still runs, only without logs. */
const subscribe = Effect.gen(function*() {
  const extensions = yield* ExtensionsClient
  const server = yield* TelemetryServer
  const { maxBufferBytes, telemetryTypes } = yield* ExtensionConfig
  const { isManagedInstance } = yield* LambdaEnvironment
  // AWS's emulator of these posts to the root whatever the path, and whether they do is not documented
  if (isManagedInstance) yield* server.openRoot
  // `platform` in any case: request ids and the ends of calls come from it
  const types = [...new Set(["platform", ...telemetryTypes])]
  const result = yield* Effect.result(extensions.subscribe({
    port: server.port,
    path: server.path,
    types,
    // one post can be twice as large, and must not fill the buffer by itself, nor must what its records have more
    maxBytes: maxBufferBytes / 4,
    maxItems: maxBufferBytes / 4 / ADDED_BYTES
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
