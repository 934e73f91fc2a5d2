/** How far a life's deliveries lag behind an ideal client's. */
import { deliverIdeally, type Portion } from "./idealClient.ts"
import { type Interval, isWithin, timeWithout } from "./intervals.ts"
import type { Life, Report } from "./lives.ts"

/** `O2_FLUSH_INTERVAL_MS`. */
const FLUSH_INTERVAL_MS = 5000

/** `O2_REQUEST_TIMEOUT_MS`. */
const REQUEST_TIMEOUT_MS = 30_000

/** The first delay after an attempt that has failed. */
const RETRY_MS = 1000 * 1.2

/** Ideal lives that are averaged: one alone is as lucky as ours. */
const IDEAL_LIVES = 8

/** How we compare. */
interface Comparison {
  /** From when on, with what ours has left then, in ms since the start. */
  readonly from: number
  /** The share of the ideal client's goodput that ours is to have. */
  readonly share: number
  /** When the ideal client begins nothing, either. */
  readonly rests: ReadonlyArray<Interval>
}

/** What may leave when: at the end of a call or the begin of the next, or by its age. */
const released = ({ arrivals, askedAt }: Report): ReadonlyArray<Portion> => {
  let next = 0
  return arrivals.map(({ at, bytes }) => {
    while ((askedAt[next] ?? Infinity) < at) next++
    return { at: Math.min(askedAt[next] ?? Infinity, at + FLUSH_INTERVAL_MS), bytes }
  })
}

/** What is left of these when so many bytes of the first are delivered. */
const leftOf = (portions: ReadonlyArray<Portion>, deliveredBytes: number): ReadonlyArray<Portion> => {
  let delivered = deliveredBytes
  return portions.flatMap(({ at, bytes }) => {
    const left = Math.max(0, bytes - delivered)
    delivered = Math.max(0, delivered - bytes)
    return left === 0 ? [] : [{ at, bytes: left }]
  })
}

/** What has been sent a second time into silence: it is tried again a moment after the time-out, and after an outage. */
const silentTwice = ({ weather: { mostMs } }: Life, { outages, server: { seen } }: Report) => {
  const wasSilent = new Set<number>()
  return seen.flatMap(({ at, bytes, end, endedAt, numbers: [first] }) => {
    if (first === undefined) return []
    const isSilent = end === "cut" || end === "open"
    if (wasSilent.has(first) && end !== "answered") {
      // the empty request that asks after a reset may be what is silent
      const next = seen.find((other) => other.at >= endedAt && other.numbers[0] === first)
      const until = isSilent ? endedAt : Math.min(next?.at ?? Infinity, endedAt + REQUEST_TIMEOUT_MS)
      return [{ from: at, to: Math.max(until, outages.find(isWithin(until))?.to ?? 0) + RETRY_MS + mostMs, bytes }]
    }
    // that question may be silent the first time, too
    if (end === "answered") wasSilent.delete(first)
    else wasSilent.add(first)
    return []
  })
}

/**
 * By how many ms ours lags at most behind that share of what an ideal client has delivered; rests and freezes do not count.
 * What is silent twice counts as delivered until its time-out.
 */
export const lagOf = (life: Life, report: Report, { from, rests, share }: Comparison) => {
  const { batchKilobytes, lifeMs, recordBytes, seed, weather } = life
  const { freezes, looks } = report
  const begin = looks.findLast(({ at }) => at <= from)
  const deliveredBefore = begin?.delivered ?? 0
  const arrivals = leftOf(released(report), deliveredBefore * recordBytes)
    .map(({ at, bytes }) => ({ at: Math.max(at, from), bytes }))
  const ideal = Array.from({ length: IDEAL_LIVES }, (_, index) =>
    deliverIdeally({
      weather,
      seed: seed + 1 + index,
      arrivals,
      batchBytes: batchKilobytes * 1024,
      from,
      to: lifeMs,
      rests,
      freezes
    })).flat().sort((one, other) => one.at - other.at)
  const timeAt = timeWithout([...rests, ...freezes])
  const silent = silentTwice(life, report)
  // what comes together arrives at once
  const slack = report.arrivals.reduce((most, { bytes }) => Math.max(most, bytes), 0)
  let next = 0
  let wanted = 0
  let worst = { lagMs: 0, at: 0 }
  for (const { at, delivered } of looks) {
    if (at < from || at > lifeMs) continue
    const hanging = silent.filter(isWithin(at)).reduce((sum, { bytes }) => sum + bytes, 0)
    const bytes = (delivered - deliveredBefore) * recordBytes + slack
    // what hangs may be less at the next look
    let reached = next
    let sum = wanted
    const advance = (until: number) => {
      for (; reached < ideal.length && share * (sum + ideal[reached]!.bytes / IDEAL_LIVES) <= until; reached++) {
        sum += ideal[reached]!.bytes / IDEAL_LIVES
      }
    }
    advance(bytes)
    next = reached
    wanted = sum
    advance(bytes + hanging)
    const behind = ideal[reached]
    if (behind === undefined || behind.at > at) continue
    const lagMs = timeAt(at) - timeAt(behind.at)
    if (lagMs > worst.lagMs) worst = { lagMs, at }
  }
  return worst
}
