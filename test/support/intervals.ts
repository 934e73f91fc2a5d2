/** Spans of time in a test's life, in ms since its start. */

/** From when to when, the end excluded. */
export interface Interval {
  readonly from: number
  readonly to: number
}

/** Whether a moment is within a span. */
export const isWithin = (at: number) => ({ from, to }: Interval): boolean => at >= from && at < to

/** How much of a span has passed until a moment. */
const passedAt = (at: number) => ({ from, to }: Interval): number => Math.max(0, Math.min(at, to) - from)

/** Spans that overlap as one, in order. */
const united = (intervals: ReadonlyArray<Interval>): ReadonlyArray<Interval> => {
  const found: Array<Interval> = []
  for (const interval of [...intervals].sort((one, other) => one.from - other.from)) {
    const last = found.at(-1)
    if (last === undefined || interval.from > last.to) found.push(interval)
    else found.splice(-1, 1, { from: last.from, to: Math.max(last.to, interval.to) })
  }
  return found
}

/** The time that has passed until a moment, but for these spans. */
export const timeWithout = (intervals: ReadonlyArray<Interval>) => {
  const all = united(intervals)
  return (at: number): number => all.reduce((time, interval) => time - passedAt(at)(interval), at)
}
