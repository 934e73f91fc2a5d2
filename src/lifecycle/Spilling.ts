/** When batches go to the disk and come back: at the start, before a call's deadline in an outage, at the end. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../config/Config.ts"
import { LogBuffer } from "../delivery/Buffer.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import type { InvokeEvent } from "../lambda/ExtensionsApi.ts"
import * as Freeze from "../platform/Freeze.ts"
import { Spill } from "../spill/Spill.ts"
import { Invocations } from "../telemetry/Invocations.ts"

/**
 * Time before a call's deadline at which what is unsettled is written, in ms: Lambda resets the sandbox after it, and
 * SHUTDOWN may not come or come too late.
 */
const BEFORE_DEADLINE_MS = 1_000

/** Longest that this writing may take, in ms: it ends before the deadline. */
const EARLY_BUDGET_MS = 500

// without the disk, too, the function's logs are better sent than not
const logDefect = Effect.catchDefect((defect) =>
  Effect.logError("keeping records over a reset has failed", { defect: String(defect) })
)

/** Brings back what earlier generations have left, and deletes what has been settled since. */
export const catchUp = Effect.gen(function*() {
  const buffer = yield* LogBuffer
  const spill = yield* Spill
  yield* spill.catchUp(buffer)
}).pipe(logDefect)

/** Goes on catching up until nothing is left of earlier generations, where no calls come to do so. */
export const catchUpUntilIdle = Effect.gen(function*() {
  const { flushIntervalMs } = yield* ExtensionConfig
  const sink = yield* OpenObserveSink
  while (!(yield* Spill.use((spill) => spill.isIdle))) {
    yield* Freeze.sleep(flushIntervalMs)
    yield* catchUp
    yield* sink.deliverDue
  }
})

/** Writes what is unsettled, and keeps it in memory as well: what is delivered afterwards is deleted again. */
export const copy = Effect.fnUntraced(function*(budget: Duration.Duration) {
  const buffer = yield* LogBuffer
  const spill = yield* Spill
  yield* buffer.seal()
  yield* spill.write(buffer, budget)
}, logDefect)

/** In an outage: writes what is unsettled when the call nears its deadline and has not ended. Memory keeps it as well. */
export const beforeDeadline = Effect.fnUntraced(function*({ deadlineMs, requestId }: InvokeEvent) {
  const sink = yield* OpenObserveSink
  const left = deadlineMs - BEFORE_DEADLINE_MS - (yield* Clock.currentTimeMillis)
  yield* Effect.sleep(Duration.millis(Math.max(0, left)))
  // a timer that is due after a thaw is of a call that has ended
  const { isRuntimeDone } = yield* Invocations.use(({ state }) => state)
  if (isRuntimeDone(requestId) || (yield* sink.outages) === "none") return
  yield* copy(Duration.millis(EARLY_BUDGET_MS))
}, logDefect)

/** At the end, when nothing is in flight: leaves what could not be delivered to the next generation. */
export const atEnd = Effect.fnUntraced(function*(budget: Duration.Duration) {
  const buffer = yield* LogBuffer
  const spill = yield* Spill
  yield* logDefect(Effect.flatMap(spill.write(buffer, budget), ({ onDisk }) => buffer.spilled(onDisk)))
  yield* buffer.drop("shutdown")
})
