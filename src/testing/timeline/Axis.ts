/** The axis of time: pauses in which nothing happened are folded. */

/** A stretch of the axis, in epoch ms. */
export interface Stretch {
  readonly from: number
  readonly until: number
  readonly isFolded: boolean
}

interface Interval {
  readonly from: number
  readonly until: number
}

/** A pause is folded when it is longer than this, in ms, and than this part of all that is no pause. */
const MIN_PAUSE_MS = 250
const MIN_PAUSE_SHARE = 0.05

/** Stays on both sides of a fold, as a part of what is no pause: the end of one thing, the beginning of the next. */
const MARGIN_SHARE = 0.005

/** Intervals that touch, as one. */
const merged = (intervals: ReadonlyArray<Interval>): ReadonlyArray<Interval> => {
  const found: Array<{ from: number; until: number }> = []
  for (const { from, until } of intervals.toSorted((a, b) => a.from - b.from)) {
    const last = found.at(-1)
    if (last !== undefined && from <= last.until) last.until = Math.max(last.until, until)
    else found.push({ from, until })
  }
  return found
}

/** Cuts the time from the first to the last of the intervals into what is drawn to scale and what is folded. */
export const axisOf = (busy: ReadonlyArray<Interval>): ReadonlyArray<Stretch> => {
  const intervals = merged(busy)
  const first = intervals[0]
  if (first === undefined) return []
  const gaps = intervals.slice(1).map(({ from }, index) => ({ from: intervals[index]?.until ?? from, until: from }))
  const pauses = gaps.filter(({ from, until }) => until - from > MIN_PAUSE_MS)
  const length = ({ from, until }: Interval) => until - from
  const end = intervals.at(-1)?.until ?? first.until
  const active = end - first.from - pauses.reduce((sum, pause) => sum + length(pause), 0)
  const margin = active * MARGIN_SHARE
  const stretches: Array<Stretch> = []
  let from = first.from
  for (const pause of pauses) {
    if (length(pause) - 2 * margin <= active * MIN_PAUSE_SHARE) continue
    const fold = { from: pause.from + margin, until: pause.until - margin }
    stretches.push({ from, until: fold.from, isFolded: false }, { ...fold, isFolded: true })
    from = fold.until
  }
  return [...stretches, { from, until: end, isFolded: false }]
}
