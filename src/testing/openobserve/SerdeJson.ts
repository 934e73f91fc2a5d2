/**
 * A JSON parser that refuses what serde_json refuses, in serde_json's words and at its positions, because a client sees
 * these texts in a 400. It keeps numbers exact, and it is strict where `JSON.parse` is not: unpaired surrogates, invalid
 * UTF-8 and more than 127 levels of nesting fail the whole text.
 */
import * as Result from "effect/Result"
import { isUtf8 } from "node:buffer"
import { Cursor, END, isDigit, SerdeError } from "./Cursor.ts"
import { JsonNumber, type JsonObject, type JsonValue } from "./JsonValue.ts"

/** Parses one JSON text, surrounding white space allowed. */
export const parse = (bytes: Uint8Array): Result.Result<JsonValue, SerdeError> => {
  const parser = new Parser(bytes)
  return Result.try({
    try: () => parser.document(),
    catch: (error) => {
      if (error instanceof SerdeError) return error
      throw error
    }
  })
}

/** serde_json's `remaining_depth`: the 128th open container is one too many. */
const RECURSION_LIMIT = 128

const I64_MIN = -(2n ** 63n)
const U64_MAX = 2n ** 64n - 1n

const QUOTE = 0x22
const PLUS = 0x2b
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const COLON = 0x3a
const BACKSLASH = 0x5c
const LETTER_U = 0x75

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [QUOTE, "\""],
  [BACKSLASH, "\\"],
  [0x2f, "/"],
  [0x62, "\b"],
  [0x66, "\f"],
  [0x6e, "\n"],
  [0x72, "\r"],
  [0x74, "\t"]
])

class Parser extends Cursor {
  private remainingDepth = RECURSION_LIMIT

  document(): JsonValue {
    const value = this.value()
    if (this.skipWhitespace() !== END) throw this.failAtPeek("trailing characters")
    return value
  }

  private value(): JsonValue {
    const byte = this.skipWhitespace()
    switch (byte) {
      case END:
        throw this.failAtPeek("EOF while parsing a value")
      case 0x6e:
        return this.identifier("null", null)
      case 0x74:
        return this.identifier("true", true)
      case 0x66:
        return this.identifier("false", false)
      case QUOTE:
        return this.string()
      case 0x5b:
        return this.nested(() => this.array())
      case 0x7b:
        return this.nested(() => this.object())
      default:
        if (byte === MINUS || isDigit(byte)) return this.number()
        throw this.failAtPeek("expected value")
    }
  }

  private nested<A>(parse: () => A): A {
    this.remainingDepth--
    if (this.remainingDepth === 0) throw this.failAtPeek("recursion limit exceeded")
    this.index++
    const value = parse()
    this.index++
    this.remainingDepth++
    return value
  }

  private array(): ReadonlyArray<JsonValue> {
    const values: Array<JsonValue> = []
    for (;;) {
      const byte = this.skipWhitespace()
      if (byte === END) throw this.failAtPeek("EOF while parsing a list")
      if (byte === 0x5d) return values
      if (values.length > 0) {
        if (byte !== COMMA) throw this.failAtPeek("expected `,` or `]`")
        this.index++
        const next = this.skipWhitespace()
        if (next === 0x5d) throw this.failAtPeek("trailing comma")
        if (next === END) throw this.failAtPeek("EOF while parsing a value")
      }
      values.push(this.value())
    }
  }

  private object(): JsonObject {
    const fields = new Map<string, JsonValue>()
    for (let first = true;; first = false) {
      let byte = this.skipWhitespace()
      if (byte === END) throw this.failAtPeek("EOF while parsing an object")
      if (byte === 0x7d) return fields
      if (!first) {
        if (byte !== COMMA) throw this.failAtPeek("expected `,` or `}`")
        this.index++
        byte = this.skipWhitespace()
        if (byte === 0x7d) throw this.failAtPeek("trailing comma")
        if (byte === END) throw this.failAtPeek("EOF while parsing a value")
      }
      if (byte !== QUOTE) throw this.failAtPeek("key must be a string")
      const key = this.string()
      const separator = this.skipWhitespace()
      if (separator === END) throw this.failAtPeek("EOF while parsing an object")
      if (separator !== COLON) throw this.failAtPeek("expected `:`")
      this.index++
      fields.set(key, this.value())
    }
  }

  private identifier<A>(word: string, value: A): A {
    this.index++
    for (let i = 1; i < word.length; i++) {
      const byte = this.next("EOF while parsing a value")
      if (byte !== word.charCodeAt(i)) throw this.fail("expected ident")
    }
    return value
  }

  private number(): number | bigint | JsonNumber {
    const start = this.index
    if (this.peek() === MINUS) this.index++
    const first = this.next("EOF while parsing a value")
    if (!isDigit(first)) throw this.fail("invalid number")
    if (first === ZERO) {
      if (isDigit(this.peek())) throw this.failAtPeek("invalid number")
    } else {
      this.skipDigits()
    }
    const endOfInteger = this.index
    if (this.peek() === DOT) {
      this.index++
      if (!isDigit(this.peek())) {
        throw this.failAtPeek(this.peek() === END ? "EOF while parsing a value" : "invalid number")
      }
      this.skipDigits()
    }
    if ((this.peek() | 0x20) === 0x65) {
      this.index++
      if (this.peek() === PLUS || this.peek() === MINUS) this.index++
      if (!isDigit(this.next("EOF while parsing a value"))) throw this.fail("invalid number")
      this.skipDigits()
    }
    const text = this.input.toString("latin1", start, this.index)
    if (this.index !== endOfInteger) return new JsonNumber(text)
    const value = Number(text)
    if (Number.isSafeInteger(value)) return value
    const exact = BigInt(text)
    return exact >= I64_MIN && exact <= U64_MAX ? exact : new JsonNumber(text)
  }

  private string(): string {
    this.index++
    let text = ""
    let start = this.index
    let isAscii = true
    let isValid = true
    for (;;) {
      const byte = this.peek()
      if (byte === END) throw this.fail("EOF while parsing a string")
      if (byte !== QUOTE && byte !== BACKSLASH) {
        this.index++
        if (byte < 0x20) throw this.fail("control character (\\u0000-\\u001F) found while parsing a string")
        if (byte >= 0x80) isAscii = false
        continue
      }
      // Invalid UTF-8 is reported where the string ends, so anything else that is wrong with it comes first.
      if (!isAscii && !isUtf8(this.input.subarray(start, this.index))) isValid = false
      text += this.input.toString(isAscii ? "latin1" : "utf8", start, this.index)
      this.index++
      if (byte === QUOTE) {
        if (!isValid) throw this.fail("invalid unicode code point")
        return text
      }
      text += this.escape()
      start = this.index
      isAscii = true
    }
  }

  private escape(): string {
    const byte = this.next("EOF while parsing a string")
    if (byte !== LETTER_U) {
      const character = ESCAPES.get(byte)
      if (character === undefined) throw this.fail("invalid escape")
      return character
    }
    const high = this.fourHexDigits()
    if (high >= 0xdc00 && high <= 0xdfff) throw this.fail("lone leading surrogate in hex escape")
    if (high < 0xd800 || high > 0xdbff) return String.fromCharCode(high)
    for (const expected of [BACKSLASH, LETTER_U]) {
      if (this.next("EOF while parsing a string") !== expected) throw this.fail("unexpected end of hex escape")
    }
    const low = this.fourHexDigits()
    if (low < 0xdc00 || low > 0xdfff) throw this.fail("lone leading surrogate in hex escape")
    return String.fromCharCode(high, low)
  }

  private fourHexDigits(): number {
    const end = this.index + 4
    if (end > this.input.length) {
      this.index = this.input.length
      throw this.fail("EOF while parsing a string")
    }
    const digits = this.input.toString("latin1", this.index, end)
    this.index = end
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) throw this.fail("invalid escape")
    return Number.parseInt(digits, 16)
  }
}
