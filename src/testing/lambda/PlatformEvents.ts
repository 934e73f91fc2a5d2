/** The records of the events of an invocation, with the metrics and spans that were measured. */
import { isoTime, roundedMs } from "./Clock.ts"
import type { EmulatorSettings } from "./Options.ts"
import type { RunningInvocation } from "./RuntimeSlot.ts"

/** The state of an invocation in `platform.runtimeDone` and `platform.report`. */
export interface InvocationStatus {
  readonly status: "success" | "error" | "timeout"
  readonly errorType?: string | undefined
}

/** The X-Ray context of an invocation. */
export interface Tracing {
  readonly type: "X-Amzn-Trace-Id"
  readonly value: string
}

const span = (name: string, start: number, end: number) => ({
  name,
  start: isoTime(start),
  durationMs: roundedMs(Math.max(0, end - start))
})

const responseSpans = (startedAt: number, invocation: RunningInvocation) =>
  invocation.answerBeganAt === undefined || invocation.answeredAt === undefined ? [] : [
    span("responseLatency", startedAt, invocation.answerBeganAt),
    span("responseDuration", invocation.answerBeganAt, invocation.answeredAt)
  ]

/** The record of `platform.runtimeDone`. */
export const runtimeDoneRecord = (
  options: InvocationStatus & {
    readonly invocation: RunningInvocation
    readonly startedAt: number
    readonly endedAt: number
    readonly tracing: Tracing
  }
) => {
  const { endedAt, errorType, invocation, startedAt, status, tracing } = options
  const spans = [
    ...responseSpans(startedAt, invocation),
    ...(invocation.answeredAt === undefined || status !== "success"
      ? []
      : [span("runtimeOverhead", invocation.answeredAt, endedAt)])
  ]
  return {
    requestId: invocation.requestId,
    status,
    errorType,
    metrics: {
      durationMs: roundedMs(endedAt - startedAt),
      ...(invocation.answeredAt === undefined ? {} : { producedBytes: invocation.producedBytes })
    },
    ...(spans.length === 0 ? {} : { spans }),
    tracing
  }
}

/** The record of `platform.report` of an environment that serves one invocation at a time. */
export const reportRecord = (
  options: InvocationStatus & {
    readonly settings: EmulatorSettings
    readonly requestId: string
    readonly durationMs: number
    readonly initDurationMs: number | undefined
    readonly restoreDurationMs?: number | undefined
    readonly maxMemoryUsedBytes: number
    readonly runtimeDoneAt: number | undefined
    readonly endedAt: number
    readonly tracing: Tracing
  }
) => {
  const { durationMs, endedAt, errorType, initDurationMs, requestId, runtimeDoneAt, settings, status, tracing } =
    options
  return {
    requestId,
    status,
    errorType,
    metrics: {
      durationMs: roundedMs(durationMs),
      // since August 2025 the init is billed in every configuration
      billedDurationMs: Math.ceil(durationMs + (initDurationMs ?? 0)),
      memorySizeMB: settings.memorySizeMB,
      maxMemoryUsedMB: Math.min(settings.memorySizeMB, Math.ceil(options.maxMemoryUsedBytes / 1024 / 1024)),
      ...(initDurationMs === undefined ? {} : { initDurationMs: roundedMs(initDurationMs) }),
      ...(options.restoreDurationMs === undefined ? {} : {
        restoreDurationMs: options.restoreDurationMs,
        billedRestoreDurationMs: Math.ceil(options.restoreDurationMs)
      })
    },
    ...(runtimeDoneAt === undefined ? {} : { spans: [span("extensionOverhead", runtimeDoneAt, endedAt)] }),
    tracing
  }
}

/** The record of `platform.report` on Managed Instances. */
export const managedReportRecord = (
  options: InvocationStatus & {
    readonly invocation: RunningInvocation
    readonly startedAt: number
    readonly endedAt: number
    readonly tracing: Tracing
  }
) => ({
  requestId: options.invocation.requestId,
  status: options.status,
  errorType: options.errorType,
  metrics: { durationMs: roundedMs(options.endedAt - options.startedAt) },
  spans: responseSpans(options.startedAt, options.invocation),
  tracing: options.tracing
})
