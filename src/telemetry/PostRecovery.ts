/**
 * Error recovery for posts: finds where reading goes on behind something that is not JSON. One broken element must not
 * cost its neighbours, but what is in a customer's text is no event, however much it looks like one.
 */
import { CUT, JsonScanner } from "../json/JsonScanner.ts"
import type { Failure, Recovery } from "../json/ObjectScanner.ts"

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/**
 * How often a post's length may be searched again for the ends of broken elements; bounds the work for a post that is
 * made of nothing else.
 */
const MAX_PASSES = 8

/** Bytes before an error that may belong to the next event already: `"},{"` reads as a string when a quote is missing. */
const LOOKBACK = 64

// What begins an event behind a broken one, as Lambda writes it. Inside a JSON string its quotes would be escaped.
const nextEvent = /,\s*\{\s*"time"\s*:\s*"[^"\\]*"\s*,\s*"type"\s*:\s*"/g

/** What Lambda writes behind the piece of a record that it has cut: the ends of the event and of the array. */
export const FRAMING = Buffer.from("}]")

/** Bytes before the end in which the framing of a cut record can be where reading fails: a backslash may precede it. */
const FRAMING_REACH = FRAMING.length + 1

/** Searches the post of a scanner. */
export class PostRecovery implements Recovery {
  private readonly scanner: JsonScanner
  private budget: number
  private latin1: string | undefined

  constructor(scanner: JsonScanner) {
    this.scanner = scanner
    this.budget = scanner.bytes.length * MAX_PASSES
  }

  /** Whether reading failed only for the framing behind a value that was cut. */
  isCut(start: number): boolean {
    const { bytes, errorAt } = this.scanner
    const end = bytes.length - FRAMING.length
    return errorAt >= bytes.length - FRAMING_REACH && bytes.subarray(end).equals(FRAMING) &&
      new JsonScanner(bytes.subarray(0, end)).value(start) === CUT
  }

  /** The offset at which the next event begins, if it can be found. */
  next({ isFirst, isInArray, start, tried }: Failure): number {
    // A post that begins with something broken may continue another: then this is within a customer's text.
    const behind = isInArray && !isFirst ? this.behind(start) : CUT
    return behind === CUT ? this.search(tried, isFirst) : behind
  }

  /** The offset behind the array's broken element at `start`, where that has a recognisable end; `CUT` where not. */
  behind(start: number): number {
    const { bytes } = this.scanner
    if (this.budget <= 0) return CUT
    const behind = balanced(bytes, start)
    this.budget -= (behind < 0 ? bytes.length : behind) - start
    return behind > start && this.isElementEnd(behind) ? behind : CUT
  }

  /**
   * The offset of the next event from `tried` on and not far before the last error; `CUT` when there is none. When the
   * post begins within a customer's text, only such an event will do as goes on with others to the end of the post.
   */
  search(tried: number, isRemainder: boolean): number {
    const { bytes, errorAt } = this.scanner
    // one copy for all searches: copying the rest each time would make the work quadratic
    const text = this.latin1 ??= bytes.toString("latin1")
    nextEvent.lastIndex = Math.max(tried, errorAt - LOOKBACK)
    for (let match = nextEvent.exec(text); match !== null; match = nextEvent.exec(text)) {
      const behind = isRemainder ? this.arrayFrom(match.index) : bytes.length
      if (behind === CUT) return CUT
      if (behind === bytes.length) return match.index + match[0].indexOf("{")
      // an array in the customer's text ends here, or it is no array
      nextEvent.lastIndex = behind >= 0 ? behind : Math.max(match.index + 1, this.scanner.errorAt - LOOKBACK)
    }
    return CUT
  }

  /**
   * The offset behind the array whose elements go on at a comma, and the white space that follows. The post's own array
   * ends with the post; one in a customer's text ends before, or is cut.
   */
  private arrayFrom(comma: number): number {
    const { scanner } = this
    const { bytes } = scanner
    if (this.budget <= 0) return CUT
    bytes[comma] = OPEN_ARRAY
    const end = scanner.value(comma)
    bytes[comma] = COMMA
    this.budget -= (end >= 0 ? end : end === CUT ? bytes.length : scanner.errorAt) - comma
    return end < 0 ? end : scanner.space(end)
  }

  /**
   * Whether an element can end here: before another object or at the end of the post. A log line that is read as JSON
   * because its beginning is missing may well contain commas and brackets, but not these.
   */
  private isElementEnd(behind: number): boolean {
    const { scanner } = this
    const { bytes } = scanner
    const follower = scanner.space(behind)
    if (bytes[follower] === CLOSE_ARRAY) return scanner.space(follower + 1) === bytes.length
    if (bytes[follower] !== COMMA) return false
    const next = scanner.space(follower + 1)
    return bytes[next] === OPEN_OBJECT && bytes[scanner.space(next + 1)] === QUOTE
  }
}

/**
 * The offset behind an array element that is not JSON but has a recognisable end, found by brackets, quotes and commas
 * alone; `CUT` when it has none.
 */
const balanced = (bytes: Buffer, from: number): number => {
  let open = 0
  let isInString = false
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (isInString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) isInString = false
    } else if (byte === QUOTE) isInString = true
    else if (open === 0 && (byte === COMMA || byte === CLOSE_ARRAY)) return at
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) open++
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      open--
      if (open === 0) return at + 1
    }
  }
  return CUT
}
