/** Which `_timestamp` OpenObserve stores, in µs since the epoch, and how one is written out. Pure. */

const HOUR_MICROS = 3_600_000_000

/** OpenObserve discards what is older than 5 h (`ZO_INGEST_ALLOWED_UPTO`); 0.1 h are left for clocks and transport. */
const OLDEST_ACCEPTED_MICROS = 4.9 * HOUR_MICROS

/** OpenObserve discards what is more than 24 h ahead (`ZO_INGEST_ALLOWED_IN_FUTURE`). */
const NEWEST_ACCEPTED_MICROS = 23.9 * HOUR_MICROS

/** Whether OpenObserve would discard a record with this `_timestamp` for its age. */
export const isTooOld = (micros: number, nowMicros: number): boolean => micros < nowMicros - OLDEST_ACCEPTED_MICROS

/** Whether OpenObserve will store a record with this `_timestamp` when it arrives about now. */
export const isAccepted = (micros: number, nowMicros: number): boolean =>
  !isTooOld(micros, nowMicros) && micros <= nowMicros + NEWEST_ACCEPTED_MICROS

/** The oldest and the newest `_timestamp` that OpenObserve will store now. */
export const bounds = (nowMicros: number): readonly [oldest: number, newest: number] => [
  nowMicros - OLDEST_ACCEPTED_MICROS,
  nowMicros + NEWEST_ACCEPTED_MICROS
]

/** ISO 8601 with milliseconds, as Lambda writes it, or with microseconds when there are any. */
export const format = (micros: number): string => {
  const beyondMillis = micros % 1000
  const iso = new Date((micros - beyondMillis) / 1000).toISOString()
  return beyondMillis === 0 ? iso : `${iso.slice(0, -1)}${String(beyondMillis).padStart(3, "0")}Z`
}
