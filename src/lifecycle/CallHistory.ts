/** What is remembered from call to call about how they end. Pure. */
import type { StreamState } from "../telemetry/Invocations.ts"
import * as FlushPolicy from "./FlushPolicy.ts"

/** Calls whose `runtimeDone` is looked out for when it has not come: one that is late comes with the next calls. */
const REMEMBERED_MISSES = 3

/** The calls of one sandbox. */
export interface CallHistory {
  readonly policy: FlushPolicy.History
  /**
   * Request ids of the last calls in a row whose end was not told in time. One is enough to wait for no more: a platform
   * that does not tell would have each call held up. As soon as one of these is told late, calls are waited for again.
   */
  readonly missed: ReadonlyArray<string>
  /** How many durations of calls the stream has told so far. */
  readonly measured: number
}

/** A sandbox that started `now` and has had no call yet. */
export const empty = (now: number): CallHistory => ({ policy: FlushPolicy.empty(now), missed: [], measured: 0 })

/** The history with a call that starts now, and with what the stream has told since the one before. */
export const begin = (
  history: CallHistory,
  stream: StreamState,
  strategy: FlushPolicy.Strategy,
  now: number
): CallHistory => {
  // a restored snapshot is a new sandbox
  const before = stream.restoredAt > history.policy.startedAt ? FlushPolicy.empty(stream.restoredAt) : history.policy
  const known = stream.measuredCalls > history.measured ? FlushPolicy.end(before, stream.lastDurationMs) : before
  return {
    policy: FlushPolicy.begin(known, strategy, now),
    measured: Math.max(history.measured, stream.measuredCalls),
    // Only late: a call that ends within the margin before its deadline tells so after the next thaw.
    missed: history.missed.some(stream.isRuntimeDone) ? [] : history.missed
  }
}

/** Whether the end of a call will be told: not, when the last one's was not, nor for a call without an id. */
export const isEndExpected = ({ missed }: CallHistory, requestId: string): boolean =>
  requestId !== "" && missed.length === 0

/** The history after a call whose end was told, or was waited for in vain. */
export const end = (history: CallHistory, requestId: string, isTold: boolean): CallHistory => ({
  ...history,
  missed: isTold ? [] : [...history.missed, requestId].slice(-REMEMBERED_MISSES)
})
