/** One invocation on Managed Instances, where several run at once and nothing is frozen or reset. */
import { now } from "./Clock.ts"
import { fatalReason, handlerReason, overrunReason } from "./InvocationReason.ts"
import type { InvokeOptions } from "./InvokePhase.ts"
import { functionArn } from "./InvokePhase.ts"
import type { Invocation } from "./Observations.ts"
import { managedReportRecord } from "./PlatformEvents.ts"

// A worker that has just answered needs a moment to poll again; then Lambda refuses the call.
const workerWaitMs = 250

// what a caller gets whose invocation was running when its environment ended
const shutDown = "Client.ExecutionEnvironmentShutDown"

/** Hands the invocation to an idle worker and waits for its answer. */
export const runManagedInvoke = async (options: InvokeOptions): Promise<Invocation> => {
  const { call, generation, isColdStart, settings, stream } = options
  const { invocation, startedAt, tracing } = call
  const { requestId } = invocation
  const ended = (
    outcome: Invocation["outcome"],
    status: Invocation["status"],
    reason: string | undefined
  ): Invocation => ({
    requestId,
    outcome,
    status,
    reason,
    startedAt,
    respondedAt: invocation.answeredAt,
    runtimeDoneAt: undefined,
    endedAt: invocation.answeredAt ?? now(),
    coldStart: isColdStart
  })

  const refusedAt = now() + workerWaitMs
  // several calls may have waited for the same worker
  while (!generation.runtime.deliver(invocation)) {
    if (await generation.until(() => generation.runtime.isIdle, refusedAt) !== "met") {
      const reason = generation.fatal?.problem ?? `no worker of the runtime was idle within ${workerWaitMs} ms`
      return ended(
        { _tag: "Crashed", errorType: generation.fatal?.errorType ?? "Runtime.Unavailable" },
        "error",
        reason
      )
    }
  }
  stream.platform("platform.start", {
    requestId,
    version: settings.functionVersion,
    functionArn: functionArn(settings),
    tracing
  })
  const outcome = await generation.until(() => invocation.outcome !== undefined, invocation.deadlineMs)
  // a time-out ends the call, not the handler
  invocation.hasTimedOut = outcome === "deadline"
  const errorType = outcome === "fatal" ? generation.fatal?.errorType ?? shutDown : invocation.errorType
  const reason = outcome === "deadline"
    ? overrunReason(generation, invocation, settings.timeoutMs)
    : outcome === "fatal"
    ? fatalReason(generation)
    : handlerReason(invocation)
  const status = outcome === "deadline" ? "timeout" : errorType === undefined ? "success" : "error"
  await generation.drainRuntime()
  stream.platform(
    "platform.report",
    managedReportRecord({ invocation, startedAt, endedAt: invocation.answeredAt ?? now(), status, errorType, tracing })
  )
  return ended(
    invocation.outcome ??
      (outcome === "deadline" ? { _tag: "TimedOut" } : { _tag: "Crashed", errorType: errorType ?? "Runtime.Unknown" }),
    status,
    reason
  )
}
