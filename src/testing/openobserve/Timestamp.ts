/** How the server reads `_timestamp`: seconds, milliseconds, microseconds or nanoseconds by size, and some text forms. */
import type { Scalar } from "./Flatten.ts"
import { JsonNumber } from "./JsonValue.ts"

/** Microseconds since 1970, or `undefined` when the server says "Can't parse timestamp". `nowMicros` stands for 0. */
export const parseTimestamp = (value: Scalar, nowMicros: number): number | undefined => {
  if (typeof value === "string") return parseText(value.replaceAll("\"", ""), nowMicros)
  if (typeof value === "number") return fromNumber(value, nowMicros)
  if (typeof value === "bigint") return fromBigInt(value)
  if (value instanceof JsonNumber && value.isFloat) return fromFloat(Number(value.text), nowMicros)
  return undefined
}

// 1971-01-01 in each unit is where the next finer unit begins.
const SECONDS_1971 = 31_536_000
const FIRST_MILLIS = SECONDS_1971 * 1e3
const FIRST_MICROS = SECONDS_1971 * 1e6
const FIRST_NANOS = SECONDS_1971 * 1e9

const I64_MAX = 2 ** 63

const fromNumber = (value: number, nowMicros: number): number => {
  if (value === 0) return nowMicros
  if (value > FIRST_NANOS) return Math.trunc(value / 1e3)
  if (value > FIRST_MICROS) return value
  if (value > FIRST_MILLIS) return value * 1e3
  return value * 1e6
}

/** Beyond 2^53, so nanoseconds are divided exactly; a u64 beyond i64 wraps around, and negative means old. */
const fromBigInt = (value: bigint): number => {
  const wrapped = BigInt.asIntN(64, value)
  return Number(wrapped > BigInt(FIRST_NANOS) ? wrapped / 1000n : wrapped)
}

/** The fraction is cut off before the unit is decided, so seconds lose theirs. */
const fromFloat = (value: number, nowMicros: number) =>
  fromNumber(Math.trunc(Math.min(Math.max(value, -I64_MAX), I64_MAX)), nowMicros)

const DATE = String.raw`\d{4}-\d{2}-\d{2}`
const TIME = String.raw`\d{2}:\d{2}:\d{2}`
const NAIVE = new RegExp(`^${DATE}[ T]${TIME}$`)
const NAIVE_FRACTION = new RegExp(String.raw`^(${DATE}T${TIME})\.(\d{3}|\d{6})$`)
const RFC_3339 = new RegExp(String.raw`^(${DATE})[Tt](${TIME})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})$`)
const RFC_2822 = /^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}(?::\d{2})? [+-]\d{4}$/

const parseText = (text: string, nowMicros: number): number | undefined => {
  if (/^[+-]?\d+$/.test(text)) return fromDigits(BigInt(text), nowMicros)
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return fromFloat(Number(text), nowMicros)
  if (NAIVE.test(text)) return fromDate(`${text.replace(" ", "T")}Z`, "")
  if (!text.includes("T")) return RFC_2822.test(text) ? fromDate(text, "") : undefined
  // Exactly 3 or 6 characters behind the last dot are read as bare digits, even when they are "12Z".
  const dot = text.lastIndexOf(".")
  const tail = dot === -1 ? 0 : text.length - dot - 1
  if (tail === 3 || tail === 6) {
    const [, seconds, fraction] = NAIVE_FRACTION.exec(text) ?? []
    return seconds === undefined || fraction === undefined ? undefined : fromDate(`${seconds}Z`, fraction)
  }
  const [, date, time, fraction, zone] = RFC_3339.exec(text) ?? []
  return date === undefined ? undefined : fromDate(`${date}T${time}${zone?.toUpperCase()}`, fraction ?? "")
}

/** What is no i64 is read as a double instead. */
const fromDigits = (value: bigint, nowMicros: number): number => {
  if (BigInt.asIntN(64, value) !== value) return fromFloat(Number(value), nowMicros)
  return Number.isSafeInteger(Number(value)) ? fromNumber(Number(value), nowMicros) : fromBigInt(value)
}

const fromDate = (date: string, fraction: string): number | undefined => {
  const millis = Date.parse(date)
  return Number.isNaN(millis) ? undefined : millis * 1e3 + Number(fraction.slice(0, 6).padEnd(6, "0"))
}
