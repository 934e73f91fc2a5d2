/** Chooses when records are flushed, from what this sandbox's calls were like. Pure: times come in as epoch ms. */

/**
 * - `end`: after each call, before the sandbox can freeze. Safe, and the call is billed a little longer.
 * - `continuous`: while calls run; what the last call wrote leaves with the next one. Costs calls next to nothing.
 * - `periodic`: at an interval while the call runs, and after it. For long calls, which may end in a time-out.
 */
export type Tier = "end" | "continuous" | "periodic"

/** `O2_FLUSH_STRATEGY`: one tier for all calls, or the one that suits each. */
export type Strategy = "adaptive" | Tier

/** Calls of a sandbox that are flushed at their end whatever comes: nobody knows yet how often it is called. */
const FIRST_CALLS = 10

/** Age below which a rate says nothing: start-up traffic comes in bursts. */
const MIN_AGE_MS = 30_000

/** Calls are counted over this time at most, so that the rate follows the traffic. */
const RATE_WINDOW_MS = 300_000

/**
 * Calls per minute from which the end of each is not held up, and below which it is again. Between the two nothing
 * changes, so that a steady rate in between does not flap.
 */
const CONTINUOUS_FROM_PER_MINUTE = 12
const CONTINUOUS_UNTIL_PER_MINUTE = 8

/** Calls longer than this are flushed while they run: a time-out then loses one interval at most. */
const LONG_CALL_MS = 30_000

/** Start times that are kept: twice what reaches `CONTINUOUS_FROM_PER_MINUTE` over the whole window. */
const KEPT_STARTS = 128

/** Durations that are kept, to know what is usual. */
const KEPT_DURATIONS = 16

/** What is remembered of a sandbox's calls. */
export interface History {
  /** When the sandbox started, or was restored. */
  readonly startedAt: number
  readonly calls: number
  /** Start times of the most recent calls, oldest first. */
  readonly starts: ReadonlyArray<number>
  /** Durations in ms of the most recent calls, oldest first. */
  readonly durations: ReadonlyArray<number>
  /** The tier of the call before, which the thresholds depend on. */
  readonly tier: Tier
}

/** A sandbox that has had no call yet. */
export const empty = (now: number): History => ({ startedAt: now, calls: 0, starts: [], durations: [], tier: "end" })

/** The history with a call that starts now, and the tier that is right for it. */
export const begin = (history: History, strategy: Strategy, now: number): History => {
  const starts = [...history.starts, now].filter((start) => start > now - RATE_WINDOW_MS).slice(-KEPT_STARTS)
  const next = { ...history, calls: history.calls + 1, starts }
  return { ...next, tier: strategy === "adaptive" ? adapt(next, now) : strategy }
}

/** The history with the duration of a call that has ended. */
export const end = (history: History, durationMs: number): History => ({
  ...history,
  durations: [...history.durations, durationMs].slice(-KEPT_DURATIONS)
})

/** How long a call has run after which it counts as long, so that it is flushed at the interval from then on. */
export const longAfterMs = LONG_CALL_MS

const adapt = (history: History, now: number): Tier => {
  if (isUsuallyLong(history.durations)) return "periodic"
  const age = now - history.startedAt
  if (history.calls <= FIRST_CALLS || age < MIN_AGE_MS) return "end"
  // the calls before this one: a call every 5 s makes 12 a minute, not 13
  const perMinute = (history.starts.length - 1) * 60_000 / Math.min(age, RATE_WINDOW_MS)
  const threshold = history.tier === "continuous" ? CONTINUOUS_UNTIL_PER_MINUTE : CONTINUOUS_FROM_PER_MINUTE
  return perMinute >= threshold ? "continuous" : "end"
}

const isUsuallyLong = (durations: ReadonlyArray<number>): boolean =>
  durations.length > 0 && percentile(durations, 0.5) > LONG_CALL_MS

/**
 * A duration that nearly every call reaches: when it has passed, asking for the next event cannot come much after the
 * runtime's own asking. `undefined` while nothing is known.
 */
export const usualDuration = (history: History): number | undefined =>
  history.durations.length === 0 ? undefined : percentile(history.durations, 0.1)

/** The smallest value that at least the given share of all values does not exceed. */
const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
