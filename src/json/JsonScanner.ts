/**
 * Walks JSON text as bytes without building values: strict like `JSON.parse`, one pass, no recursion, no copies.
 *
 * Positions are offsets into `bytes`. Every method returns the offset behind what it read, or one of the two negative
 * results below.
 */
import { PlainText } from "./PlainText.ts"

/** The bytes end before the value does. */
export const CUT = -1
/** What stands there is not JSON; `errorAt` says where. */
export const INVALID = -2

// here as in every file that reads bytes: imported, they made scanning take 1.6 times as long (Node.js 24, unbundled)
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const SPACE = 0x20

/** `"\/bfnrt`: what may follow a backslash, besides `u`. */
const isShortEscape = (byte: number): boolean =>
  byte === QUOTE || byte === BACKSLASH || byte === 0x2f || byte === 0x62 || byte === 0x66 || byte === 0x6e ||
  byte === 0x72 || byte === 0x74

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39

const hexValue = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

const REPLACEMENT_CHARACTER = "\\ufffd"

/** A cursor-less scanner over one post; reusable state is only what the last call reports beside its result. */
export class JsonScanner {
  readonly bytes: Buffer
  /** Where the last `INVALID` was found. */
  errorAt = 0
  /** Deepest nesting of arrays and objects in the value that `value` read last. */
  depth = 0
  // one entry per open bracket: 1 for an object, 0 for an array
  private brackets = new Uint8Array(64)

  private readonly plainText: PlainText

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.plainText = new PlainText(bytes)
  }

  private invalid(at: number): number {
    this.errorAt = at
    return INVALID
  }

  /** Skips white space. */
  space(from: number): number {
    const { bytes } = this
    let at = from
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (byte > SPACE || (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break
    }
    return at
  }

  /**
   * Reads the string whose opening quote is at `from`. An escape of half a surrogate pair is overwritten with that of
   * U+FFFD (same length): `JSON.parse` accepts it, but OpenObserve refuses the whole request for it.
   */
  string(from: number): number {
    const { bytes } = this
    const end = bytes.length
    let at = from + 1
    for (;;) {
      at = this.plainText.end(at)
      if (at >= end) return CUT
      const byte = bytes[at]!
      if (byte === QUOTE) return at + 1
      if (byte < SPACE) return this.invalid(at)
      if (byte !== BACKSLASH) {
        at++
        continue
      }
      if (at + 1 >= end) return CUT
      const escape = bytes[at + 1]!
      if (isShortEscape(escape)) {
        at += 2
        continue
      }
      if (escape !== 0x75) return this.invalid(at)
      const unit = this.codeUnit(at)
      if (unit < 0) return unit
      if (unit < 0xd800 || unit > 0xdfff) {
        at += 6
        continue
      }
      const next = unit < 0xdc00 && bytes[at + 6] === BACKSLASH && bytes[at + 7] === 0x75
        ? this.codeUnit(at + 6)
        : INVALID
      if (next === CUT) return CUT
      if (next >= 0xdc00 && next <= 0xdfff) {
        at += 12
        continue
      }
      bytes.write(REPLACEMENT_CHARACTER, at, "latin1")
      at += 6
    }
  }

  /** The number in `\uXXXX` at `from`. */
  private codeUnit(from: number): number {
    let unit = 0
    for (let at = from + 2; at < from + 6; at++) {
      if (at >= this.bytes.length) return CUT
      const digit = hexValue(this.bytes[at]!)
      if (digit < 0) return this.invalid(at)
      unit = unit * 16 + digit
    }
    return unit
  }

  private number(from: number): number {
    const { bytes } = this
    let at = bytes[from] === 0x2d ? from + 1 : from
    if (at >= bytes.length) return CUT
    if (bytes[at] === 0x30) at++
    else if (isDigit(bytes[at])) at = this.digits(at)
    else return this.invalid(at)
    if (bytes[at] === 0x2e) {
      if (at + 1 >= bytes.length) return CUT
      if (!isDigit(bytes[at + 1])) return this.invalid(at + 1)
      at = this.digits(at + 1)
    }
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      at++
      if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++
      if (at >= bytes.length) return CUT
      if (!isDigit(bytes[at])) return this.invalid(at)
      at = this.digits(at)
    }
    return at
  }

  private digits(from: number): number {
    let at = from
    while (isDigit(this.bytes[at])) at++
    return at
  }

  private literal(from: number, text: string): number {
    for (let index = 0; index < text.length; index++) {
      if (from + index >= this.bytes.length) return CUT
      if (this.bytes[from + index] !== text.charCodeAt(index)) return this.invalid(from + index)
    }
    return from + text.length
  }

  private scalar(from: number): number {
    switch (this.bytes[from]) {
      case QUOTE:
        return this.string(from)
      case 0x74:
        return this.literal(from, "true")
      case 0x66:
        return this.literal(from, "false")
      case 0x6e:
        return this.literal(from, "null")
      default:
        return this.number(from)
    }
  }

  /** Reads `"key" :` and the white space around it. */
  key(from: number): number {
    const { bytes } = this
    if (from >= bytes.length) return CUT
    if (bytes[from] !== QUOTE) return this.invalid(from)
    const end = this.string(from)
    if (end < 0) return end
    const colon = this.space(end)
    if (colon >= bytes.length) return CUT
    return bytes[colon] === COLON ? this.space(colon + 1) : this.invalid(colon)
  }

  /** Reads one value of any kind, which begins at `from` (no white space before it). */
  value(from: number): number {
    const { bytes } = this
    const end = bytes.length
    let at = from
    let open = 0
    this.depth = 0
    for (;;) {
      if (at >= end) return CUT
      const byte = bytes[at]!
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        const isObject = byte === OPEN_OBJECT
        if (open === this.brackets.length) this.growBrackets()
        this.brackets[open++] = isObject ? 1 : 0
        if (open > this.depth) this.depth = open
        at = this.space(at + 1)
        if (at >= end) return CUT
        if (bytes[at] !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
          if (isObject && (at = this.key(at)) < 0) return at
          continue
        }
        open--
        at++
      } else {
        at = this.scalar(at)
        if (at < 0) return at
      }
      // behind a value: close what ends here, or go on to the next value
      for (;;) {
        if (open === 0) return at
        at = this.space(at)
        if (at >= end) return CUT
        const isObject = this.brackets[open - 1] === 1
        const next = bytes[at]!
        if (next === COMMA) {
          at = this.space(at + 1)
          if (isObject && (at = this.key(at)) < 0) return at
          break
        }
        if (next !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return this.invalid(at)
        open--
        at++
      }
    }
  }

  private growBrackets(): void {
    const grown = new Uint8Array(this.brackets.length * 4)
    grown.set(this.brackets)
    this.brackets = grown
  }
}
