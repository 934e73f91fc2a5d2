/** An event's `time` as OpenObserve's `_timestamp`: microseconds since the epoch, distinct within a millisecond. */

// --- Reading -----------------------------------------------------------------

/** Length of `"2026-11-22T10:00:00.123Z"` with its quotes, the form in which Lambda writes nearly every `time`. */
const USUAL_LENGTH = 26

const ZERO = 0x30
const QUOTE = 0x22

const twoDigits = (bytes: Uint8Array, at: number): number => {
  const tens = bytes[at]! - ZERO
  const ones = bytes[at + 1]! - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN
}

/** Microseconds of the JSON value in `bytes[start, end)`; NaN when it is no ISO 8601 date and time. */
export const parse = (bytes: Buffer, start: number, end: number): number => {
  if (bytes[start] !== QUOTE) return NaN
  if (
    end - start === USUAL_LENGTH && bytes[end - 2] === 0x5a && bytes[start + 11] === 0x54 && bytes[start + 20] === 0x2e
  ) {
    const millis = (bytes[start + 21]! - ZERO) * 100 + twoDigits(bytes, start + 22)
    const micros = compose(
      twoDigits(bytes, start + 1) * 100 + twoDigits(bytes, start + 3),
      twoDigits(bytes, start + 6),
      twoDigits(bytes, start + 9),
      twoDigits(bytes, start + 12),
      twoDigits(bytes, start + 15),
      twoDigits(bytes, start + 18)
    ) + millis * 1000
    // punctuation elsewhere than expected, or digits that are none, is for the general form to judge
    if (
      micros >= 0 && millis >= 0 && millis <= 999 && bytes[start + 5] === 0x2d && bytes[start + 8] === 0x2d &&
      bytes[start + 14] === 0x3a && bytes[start + 17] === 0x3a
    ) return micros
  }
  return parseText(JSON.parse(bytes.toString("utf8", start, end)) as string)
}

const iso = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:[Zz]|([+-])(\d\d):?(\d\d)?)?$/

const parseText = (text: string): number => {
  const match = iso.exec(text)
  if (match === null) return NaN
  const [, year, month, day, hour, minute, second = "0", fraction = "", sign, offsetHours = "0", offsetMinutes = "0"] =
    match
  const local = compose(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second))
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000_000
  return local + Number(fraction.slice(0, 6).padEnd(6, "0")) - (sign === "-" ? -offset : offset)
}

const compose = (
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number
): number =>
  month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 && minute <= 59 && second <= 60
    ? (midnight(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000) * 1000
    : NaN

let lastDate = 0
let lastMidnight = 0

/** The beginning of a day in ms: nearly always that of the event before. */
const midnight = (year: number, month: number, day: number): number => {
  const date = (year * 100 + month) * 100 + day
  if (date !== lastDate) {
    lastDate = date
    lastMidnight = Date.UTC(year, month - 1, day)
  }
  return lastMidnight
}

// --- Order -------------------------------------------------------------------

/** Distinct milliseconds that are remembered: posts of one sandbox overlap by little. */
const REMEMBERED_MILLISECONDS = 256

/**
 * Lambda's clock has milliseconds. OpenObserve returned lines of one `_timestamp` in the wrong order for 98 of 99
 * neighbours in its newest-first view (v0.91.5), so lines of the same millisecond get 0, 1, 2, … µs in order of arrival.
 */
export class MillisecondOrder {
  private last = NaN
  private count = 0
  private readonly earlier = new Map<number, number>()

  /** The `_timestamp` of the next event whose time is `micros`; stays at 999 µs when a millisecond has more events. */
  next(micros: number): number {
    if (micros % 1000 !== 0) return micros
    if (micros !== this.last) {
      if (this.count > 0) this.remember()
      this.last = micros
      this.count = this.earlier.get(micros) ?? 0
    }
    return micros + Math.min(this.count++, 999)
  }

  private remember(): void {
    // to the end of the insertion order, so that the one longest unused is evicted
    this.earlier.delete(this.last)
    this.earlier.set(this.last, this.count)
    if (this.earlier.size > REMEMBERED_MILLISECONDS) {
      const [oldest] = this.earlier.keys()
      if (oldest !== undefined) this.earlier.delete(oldest)
    }
  }
}
