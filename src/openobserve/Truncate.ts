/**
 * Cuts records that are too long for what lies between us and OpenObserve, and says in them that it did. OpenObserve
 * itself took strings of 20 MB (v0.91.5), so only a record that was refused for its length is worth cutting.
 */
import type { Member, ObjectScanner } from "../json/ObjectScanner.ts"
import { splice } from "../json/Splice.ts"
import { type RecordBody, rewrite } from "./RecordBody.ts"

/** Room for `_timestamp`, the mark and what holds them together: no record can be made shorter than this. */
export const MIN_RECORD_BYTES = 128

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const SPACE = 0x20
const LETTER_U = 0x75

/** Stands at the end of what was cut; bytes of the text that was logged. */
const mark = (left: number, whole: number): string => `… [cut: ${left} of ${whole} bytes are left out]`

/**
 * Records of more than `maxBytes` (at least `MIN_RECORD_BYTES`) lose the end of their longest string. Where that does
 * not suffice, the largest member becomes a string of its JSON text, which is cut; where that does not either, the whole
 * record does, beside its `_timestamp`.
 */
export const truncate = (body: Buffer, maxBytes: number): RecordBody =>
  rewrite(body, (record) => {
    const { end, start } = record
    if (end - start <= maxBytes) return undefined
    const candidates = [withoutLongestString, withoutLargestMember, asText]
    for (const candidate of candidates) {
      const shortened = candidate(record, maxBytes)
      if (shortened !== undefined && shortened.length <= maxBytes) return shortened
    }
    return undefined
  })

const withoutLongestString = ({ bytes, end, start }: ObjectScanner, maxBytes: number): Buffer | undefined => {
  const longest = longestString(bytes, start, end)
  const text = cut(bytes.subarray(longest.start, longest.end), maxBytes - (end - start) + longest.end - longest.start)
  return text && splice(bytes, start, end, [{ ...longest, text }])
}

const withoutLargestMember = ({ bytes, end, members, start }: ObjectScanner, maxBytes: number): Buffer | undefined => {
  const [, ...others] = members
  if (others.length === 0) return undefined
  const sizeOf = ({ valueEnd, valueStart }: Member) => valueEnd - valueStart
  const largest = others.reduce((one, other) => sizeOf(other) > sizeOf(one) ? other : one)
  const text = cut(quoted(bytes, largest.valueStart, largest.valueEnd), maxBytes - (end - start) + sizeOf(largest) - 2)
  return text &&
    splice(bytes, start, end, [{
      start: largest.valueStart,
      end: largest.valueEnd,
      text: Buffer.concat([QUOTE_MARK, text, QUOTE_MARK])
    }])
}

const asText = ({ bytes, end, members, start }: ObjectScanner, maxBytes: number): Buffer | undefined => {
  const behindStamp = members[0]?.valueEnd
  if (behindStamp === undefined) return undefined
  const head = Buffer.concat([bytes.subarray(start, behindStamp), RECORD_KEY])
  const text = cut(quoted(bytes, start, end), maxBytes - head.length - TEXT_END.length)
  return text && Buffer.concat([head, text, TEXT_END])
}

const QUOTE_MARK = Buffer.from("\"")
const RECORD_KEY = Buffer.from(",\"record\":\"")
const TEXT_END = Buffer.from("\"}")

/** JSON text as the inside of a JSON string. */
const quoted = (bytes: Buffer, start: number, end: number): Buffer =>
  Buffer.from(JSON.stringify(bytes.toString("utf8", start, end))).subarray(1, -1)

/** The longest string that is a value, on any level, without its quotes. */
const longestString = (bytes: Buffer, start: number, end: number): { readonly start: number; readonly end: number } => {
  let longest = { start, end: start }
  for (let at = start; at < end; at++) {
    if (bytes[at] !== QUOTE) continue
    const from = ++at
    while (bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
    if (at - from <= longest.end - longest.start) continue
    let behind = at + 1
    while (bytes[behind]! <= SPACE) behind++
    if (bytes[behind] !== COLON) longest = { start: from, end: at }
  }
  return longest
}

/** The inside of a JSON string, cut between two characters so that it fits with its mark; `undefined` without room. */
const cut = (inside: Buffer, maxBytes: number): Buffer | undefined => {
  const whole = lengthOf(inside)
  const room = maxBytes - Buffer.byteLength(mark(whole, whole))
  if (room < 0) return undefined
  let kept = 0
  while (kept < inside.length) {
    const next = kept + characterLength(inside, kept)
    if (next > room) break
    kept = next
  }
  return Buffer.concat([inside.subarray(0, kept), Buffer.from(mark(whole - lengthOf(inside.subarray(0, kept)), whole))])
}

/** Bytes of what the inside of a JSON string says. */
const lengthOf = (inside: Buffer): number => Buffer.byteLength(JSON.parse(`"${inside.toString()}"`) as string)

/** Bytes of the character at `at` as it is written: an escape, a pair of escapes, or UTF-8. */
const characterLength = (inside: Buffer, at: number): number => {
  const byte = inside[at]!
  if (byte !== BACKSLASH) return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
  if (inside[at + 1] !== LETTER_U) return 2
  const unit = Number.parseInt(inside.toString("latin1", at + 2, at + 6), 16)
  return unit >= 0xd800 && unit <= 0xdbff ? 12 : 6
}
