/** One invocation of an environment that serves one at a time. */
import { randomUUID } from "node:crypto"
import { now } from "./Clock.ts"
import type { Generation } from "./Generation.ts"
import type { History } from "./History.ts"
import { fatalReason, handlerReason, overrunReason } from "./InvocationReason.ts"
import type { Invocation } from "./Observations.ts"
import type { EmulatorSettings } from "./Options.ts"
import type { InvocationStatus, Tracing } from "./PlatformEvents.ts"
import { reportRecord, runtimeDoneRecord } from "./PlatformEvents.ts"
import { restored } from "./Restore.ts"
import type { RunningInvocation } from "./RuntimeSlot.ts"
import type { StreamEntry } from "./StreamEntry.ts"
import type { TelemetryStream } from "./TelemetryStream.ts"

/** A new invocation, and when the platform got it. */
export interface Call {
  readonly invocation: RunningInvocation
  readonly startedAt: number
  readonly tracing: Tracing
}

const hex = (digits: number): string => randomUUID().replaceAll("-", "").slice(0, digits)

/** The ARN the function is invoked by. */
export const functionArn = ({ accountId, functionName, region }: EmulatorSettings): string =>
  `arn:aws:lambda:${region}:${accountId}:function:${functionName}`

/** Accepts an invocation; its deadline counts from now. */
export const makeCall = (settings: EmulatorSettings, payload: unknown): Call => {
  const startedAt = now()
  const requestId = randomUUID()
  const deadlineMs = startedAt + settings.timeoutMs
  const seconds = Math.floor(startedAt / 1000).toString(16)
  const trace = `Root=1-${seconds}-${hex(24)};Parent=${hex(16)};Sampled=1`
  return {
    startedAt,
    tracing: { type: "X-Amzn-Trace-Id", value: trace },
    invocation: {
      requestId,
      payload: JSON.stringify(payload) ?? "null",
      deadlineMs,
      headers: {
        "Lambda-Runtime-Aws-Request-Id": requestId,
        "Lambda-Runtime-Deadline-Ms": String(Math.round(deadlineMs)),
        "Lambda-Runtime-Invoked-Function-Arn": functionArn(settings),
        "Lambda-Runtime-Trace-Id": trace
      },
      outcome: undefined,
      errorType: undefined,
      answerBeganAt: undefined,
      answeredAt: undefined,
      producedBytes: 0,
      hasTimedOut: false
    }
  }
}

/** What an invocation runs with. */
export interface InvokeOptions {
  readonly settings: EmulatorSettings
  readonly stream: TelemetryStream
  readonly history: History
  readonly generation: Generation
  readonly call: Call
  readonly isColdStart: boolean
  /** Absent on warm calls and when the init was part of the invocation. */
  readonly initDurationMs: number | undefined
}

/** How an invocation ended, and whether the environment has to be reset. */
export interface InvokeResult {
  readonly invocation: Invocation
  readonly report: StreamEntry
  readonly reset: "timeout" | "failure" | undefined
}

const isSnapStart = ({ initializationType }: EmulatorSettings): boolean => initializationType === "snap-start"

const startRecord = ({ call, settings }: InvokeOptions) => ({
  requestId: call.invocation.requestId,
  version: settings.functionVersion,
  tracing: { spanId: hex(16), ...call.tracing }
})

const finish = (
  options: InvokeOptions,
  end: InvocationStatus & {
    readonly endedAt: number
    readonly runtimeDoneAt: number | undefined
    readonly reason: string | undefined
    readonly restoreDurationMs?: number | undefined
  }
): InvokeResult => {
  const { call: { invocation, startedAt, tracing }, generation, settings, stream } = options
  const isTimeout = end.status === "timeout"
  const report = stream.platform(
    "platform.report",
    reportRecord({
      ...end,
      settings,
      requestId: invocation.requestId,
      durationMs: isTimeout ? settings.timeoutMs : end.endedAt - startedAt,
      // the init of a SnapStart function was part of publishing the version
      initDurationMs: isSnapStart(settings) ? undefined : options.initDurationMs,
      maxMemoryUsedBytes: generation.processes.reduce((sum, process) => sum + process.peakMemoryBytes, 0),
      tracing
    })
  )
  const failed = isTimeout
    ? { _tag: "TimedOut" as const }
    : { _tag: "Crashed" as const, errorType: end.errorType ?? "Runtime.Unknown" }
  return {
    report,
    reset: end.status === "success" ? undefined : isTimeout ? "timeout" : "failure",
    invocation: {
      requestId: invocation.requestId,
      // the caller has the answer as soon as the runtime gave it, whatever happens to the environment afterwards
      outcome: invocation.outcome ?? failed,
      status: end.status,
      reason: end.reason,
      startedAt,
      respondedAt: invocation.answeredAt,
      runtimeDoneAt: end.runtimeDoneAt,
      endedAt: end.endedAt,
      coldStart: options.isColdStart
    }
  }
}

const tellRuntimeDone = ({ call, settings, stream }: InvokeOptions, status: InvocationStatus, endedAt: number) => {
  if (settings.runtimeDone === "never") return
  stream.platform("platform.runtimeDone", runtimeDoneRecord({ ...status, ...call, endedAt }))
}

const abort = (options: InvokeOptions, status: InvocationStatus, reason: string, endedAt: number): InvokeResult => {
  options.call.invocation.hasTimedOut = status.status === "timeout"
  tellRuntimeDone(options, status, endedAt)
  return finish(options, { ...status, reason, endedAt, runtimeDoneAt: undefined })
}

/** Ends an invocation whose own init has failed: it begins and ends at once. */
export const failInvoke = (options: InvokeOptions, status: InvocationStatus, reason: string): InvokeResult => {
  options.stream.platform("platform.start", startRecord(options))
  return abort(options, status, reason, now())
}

/** Runs an invocation until the runtime and the INVOKE extensions have polled again, or something ends it. */
export const runInvoke = async (options: InvokeOptions): Promise<InvokeResult> => {
  const { call, generation, settings, stream } = options
  const { deadlineMs, requestId } = call.invocation
  const { runtime } = generation
  generation.resume()
  const restoreDurationMs = isSnapStart(settings) && options.isColdStart
    ? restored(options, call.startedAt)
    : undefined
  stream.platform("platform.start", startRecord(options))
  runtime.deliver(call.invocation)
  let isAnnounced = false
  const announce = () => {
    isAnnounced = true
    if (generation.isEnding) return
    generation.deliver({
      eventType: "INVOKE",
      body: {
        eventType: "INVOKE",
        deadlineMs: Math.round(deadlineMs),
        requestId,
        invokedFunctionArn: functionArn(settings),
        tracing: call.tracing
      }
    })
    generation.condition.notify()
  }
  if (settings.invokeDelayMs === 0) announce()
  else setTimeout(announce, settings.invokeDelayMs)

  const ended = async (outcome: "fatal" | "deadline"): Promise<InvokeResult> => {
    const endedAt = now()
    const reason = outcome === "deadline"
      ? overrunReason(generation, call.invocation, settings.timeoutMs)
      : fatalReason(generation)
    await generation.drainRuntime()
    if (outcome === "deadline") return abort(options, { status: "timeout" }, reason, endedAt)
    const { at = endedAt, errorType } = generation.fatal ?? {}
    return abort(options, { status: "error", errorType }, reason, at)
  }

  const runtimePart = await generation.until(() => call.invocation.outcome !== undefined && runtime.isIdle, deadlineMs)
  if (runtimePart !== "met") return ended(runtimePart)
  const runtimeDoneAt = runtime.readyAt ?? now()
  await generation.drainRuntime()
  // an exception of the handler is a success for the platform: the runtime is healthy
  tellRuntimeDone(options, { status: "success" }, runtimeDoneAt)

  const listeners = generation.agents.filter((agent) => agent.wants("INVOKE"))
  const extensionsPart = await generation.until(
    () => isAnnounced && listeners.every((agent) => agent.isIdle),
    deadlineMs
  )
  if (extensionsPart !== "met") return ended(extensionsPart)
  const endedAt = Math.max(runtimeDoneAt, ...listeners.map(({ readyAt }) => readyAt ?? 0))
  const reason = handlerReason(call.invocation)
  return finish(options, { status: "success", reason, endedAt, runtimeDoneAt, restoreDurationMs })
}
