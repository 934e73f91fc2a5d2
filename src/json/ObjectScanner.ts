/**
 * Steps through the objects of a JSON array, or of bytes that follow one another, and shows their members as ranges of
 * bytes. Pure. What is no object is counted and skipped; where reading goes on behind what is not even JSON is for a
 * `Recovery` to say, which is handed in.
 */
import { isUtf8 } from "node:buffer"
import { CUT, INVALID, JsonScanner } from "./JsonScanner.ts"

const QUOTE = 0x22
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c

/** A member of an object: offsets of its key (with quotes) and of its value. */
export type Member = Readonly<MemberSlot>

interface MemberSlot {
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
  /** Nesting of arrays and objects inside the value. */
  depth: number
}

/** Whether a JSON value is the string of this ASCII text, written without escapes. */
export const isText = (bytes: Buffer, start: number, end: number, text: string): boolean => {
  if (end - start !== text.length + 2 || bytes[start] !== QUOTE) return false
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + 1 + index] !== text.charCodeAt(index)) return false
  }
  return true
}

/** A member's key as text. */
export const keyOf = (bytes: Buffer, member: Member): string =>
  JSON.parse(bytes.toString("utf8", member.keyStart, member.keyEnd)) as string

/** The members by key; as in `JSON.parse`, the last of several equal keys counts. */
export const lastOfEachKey = (bytes: Buffer, members: ReadonlyArray<Member>): Map<string, Member> =>
  new Map(members.map((member) => [keyOf(bytes, member), member]))

/** A member's value when it is a string, else the empty string. */
export const textOf = (bytes: Buffer, member: Member): string =>
  bytes[member.valueStart] === QUOTE
    ? JSON.parse(bytes.toString("utf8", member.valueStart, member.valueEnd)) as string
    : ""

/** Where a scanner stands when it has met an element that is not JSON. */
export interface Failure {
  /** Where the element begins. */
  readonly start: number
  /** Up to here everything has been taken, or tried as the beginning of an object. */
  readonly tried: number
  readonly isInArray: boolean
  /** Whether an object has been found before. */
  readonly isFirst: boolean
}

/** Goes on behind what is not JSON. Made when the first such element is met. */
export interface Recovery {
  /** Whether the bytes end within the element at `start`, though there are more behind it. */
  readonly isCut: (start: number) => boolean
  /** The offset of the next element; `CUT` when there is none to be found. */
  readonly next: (failure: Failure) => number
}

/**
 * `const objects = new ObjectScanner(bytes); while (objects.next()) { … objects.bytes, objects.start, objects.members … }`.
 * Halves of surrogate pairs are mended in place, as `JsonScanner` does.
 */
export class ObjectScanner {
  /** The text as well-formed UTF-8; offsets refer to it. */
  readonly bytes: Buffer
  /** Elements and fragments so far that are no object: not JSON, cut, or of another kind. */
  malformed = 0
  /** The bytes end within an object, which begins at `start`. */
  isCut = false
  /** The current object, from its opening to behind its closing brace. */
  start = 0
  end = 0
  /** The current object's members in order of appearance. They are written over by the next. */
  readonly members: Array<Member> = []
  private readonly slots: Array<MemberSlot> = []
  /** Deepest nesting inside one of the current object's values. */
  depth = 0
  private at: number
  private isInArray = false
  private readonly scanner: JsonScanner
  private readonly makeRecovery: ((scanner: JsonScanner) => Recovery) | undefined
  private recovery: Recovery | undefined
  private tried = 0

  /** Without a `recovery` nothing is read behind what is not JSON. */
  constructor(text: Uint8Array, recovery?: (scanner: JsonScanner) => Recovery) {
    const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
    // JSON text is UTF-8; what is not becomes U+FFFD once here, so that it cannot spoil a whole request later.
    this.bytes = isUtf8(bytes) ? bytes : Buffer.from(bytes.toString("utf8"))
    this.at = this.bytes[0] === 0xef && this.bytes[1] === 0xbb && this.bytes[2] === 0xbf ? 3 : 0
    this.scanner = new JsonScanner(this.bytes)
    this.makeRecovery = recovery
  }

  /** Moves to the next object; false at the end. */
  next(): boolean {
    const { bytes, scanner } = this
    for (;;) {
      this.at = scanner.space(this.at)
      const byte = bytes[this.at]
      if (byte === undefined) return false
      if (byte === COMMA && this.isInArray) {
        this.at++
      } else if (byte === CLOSE_ARRAY && this.isInArray) {
        this.isInArray = false
        this.at++
      } else if (byte === OPEN_ARRAY && !this.isInArray) {
        this.isInArray = true
        this.at++
      } else {
        this.start = this.at
        if (byte === OPEN_OBJECT) this.tried = this.at
        const end = byte === OPEN_OBJECT ? this.object(this.at) : scanner.value(this.at)
        // what stands before another closing brace is but the last part of a broken object
        if (end >= 0 && byte === OPEN_OBJECT && bytes[end] !== CLOSE_OBJECT) {
          this.end = this.at = this.tried = end
          return true
        }
        this.malformed++
        if (end >= 0) this.at = end
        else this.goOn(end === CUT, byte === OPEN_OBJECT)
      }
    }
  }

  /** Whether objects behind `end` are elements of an array, and not merely one behind the other. */
  get isWithinArray(): boolean {
    return this.isInArray || (this.end === 0 && this.bytes[0] === OPEN_ARRAY)
  }

  /** Goes on at `end`: somebody else has read the objects of the array up to there. */
  skipTo(end: number): void {
    this.isInArray = true
    this.end = this.at = this.tried = end
  }

  /** Reads the object at `from` into `members`. */
  private object(from: number): number {
    const { bytes, scanner } = this
    let count = 0
    this.depth = 0
    let at = scanner.space(from + 1)
    if (bytes[at] === CLOSE_OBJECT) return this.completed(0, at + 1)
    for (;;) {
      const keyStart = at
      const valueStart = scanner.key(at)
      if (valueStart < 0) return valueStart
      const valueEnd = scanner.value(valueStart)
      if (valueEnd < 0) return valueEnd
      const slot = this.slots[count] ??= { keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0, depth: 0 }
      this.members[count++] = slot
      slot.keyStart = keyStart
      slot.keyEnd = this.keyEnd(valueStart)
      slot.valueStart = valueStart
      slot.valueEnd = valueEnd
      slot.depth = scanner.depth
      if (scanner.depth > this.depth) this.depth = scanner.depth
      at = scanner.space(valueEnd)
      if (at >= bytes.length) return CUT
      if (bytes[at] === CLOSE_OBJECT) return this.completed(count, at + 1)
      if (bytes[at] !== COMMA) {
        scanner.errorAt = at
        return INVALID
      }
      at = scanner.space(at + 1)
    }
  }

  private completed(members: number, end: number): number {
    if (this.members.length !== members) this.members.length = members
    return end
  }

  /** The offset behind the key's closing quote: only a colon and white space stand between it and the value. */
  private keyEnd(valueStart: number): number {
    let at = valueStart - 1
    while (this.bytes[at] !== QUOTE) at--
    return at + 1
  }

  /** Behind something that is not JSON: moves to where the next element begins, or to the end. */
  private goOn(isAtEnd: boolean, isObject: boolean): void {
    const { isInArray, start, tried } = this
    const recovery = isAtEnd ? undefined : this.recovery ??= this.makeRecovery?.(this.scanner)
    const isCut = isAtEnd || recovery?.isCut(start) === true
    this.isCut = isCut && isObject
    const next = isCut ? CUT : recovery?.next({ start, tried, isInArray, isFirst: this.end === 0 }) ?? CUT
    this.at = next === CUT ? this.bytes.length : next
    if (next !== CUT) this.isInArray = true
  }
}
