/**
 * Finds the events in a post, tolerant of anything: what is complete comes out, the rest is counted. Pure, and knows
 * nothing of OpenObserve.
 *
 * The Telemetry API posts `[{"time":…,"type":…,"record":…}, …]`. A record larger than the subscription's `maxBytes` is
 * cut in the middle, which leaves posts that are not valid JSON (`PostJoiner.ts`), so one broken element must not cost
 * its neighbours (`Resync.ts`).
 */
import { isUtf8 } from "node:buffer"
import { CUT, INVALID, JsonScanner } from "../json/JsonScanner.ts"
import { Resync } from "./PostRecovery.ts"

const QUOTE = 0x22
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COMMA = 0x2c

/** A member of an event: offsets of its key (with quotes) and of its value. */
export type Member = Readonly<MemberSlot>

interface MemberSlot {
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
  /** Nesting of arrays and objects inside the value. */
  depth: number
}

/** An event's members by meaning. */
export interface Shape {
  readonly time: Member | undefined
  readonly type: Member | undefined
  readonly record: Member | undefined
  /** Nothing but these three, each once, their keys without escapes: the bytes can be copied as they are. */
  readonly isPlain: boolean
}

/** Finds what the members of an event are. */
export const shapeOf = (bytes: Buffer, members: ReadonlyArray<Member>): Shape => {
  let time: Member | undefined
  let type: Member | undefined
  let record: Member | undefined
  let isPlain = true
  for (const member of members) {
    if (isKey(bytes, member, "time") && time === undefined) time = member
    else if (isKey(bytes, member, "type") && type === undefined) type = member
    else if (isKey(bytes, member, "record") && record === undefined) record = member
    else isPlain = false
  }
  if (isPlain) return { time, type, record, isPlain }
  const byKey = lastOfEachKey(bytes, members)
  return { time: byKey.get("time"), type: byKey.get("type"), record: byKey.get("record"), isPlain }
}

const isKey = (bytes: Buffer, member: Member, name: string): boolean =>
  isText(bytes, member.keyStart, member.keyEnd, name)

/** Whether a JSON value is the string of this ASCII text, written without escapes. */
const isText = (bytes: Buffer, start: number, end: number, text: string): boolean => {
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

/** An event's type; most are a function's lines, which are not worth decoding. */
export const typeOf = (bytes: Buffer, member: Member | undefined): string => {
  if (member === undefined) return ""
  return isText(bytes, member.valueStart, member.valueEnd, "function") ? "function" : textOf(bytes, member)
}

/** A member's value when it is a string, else the empty string. */
export const textOf = (bytes: Buffer, member: Member): string =>
  bytes[member.valueStart] === QUOTE
    ? JSON.parse(bytes.toString("utf8", member.valueStart, member.valueEnd)) as string
    : ""

/** What Lambda writes behind the piece of a record that it has cut: the ends of the event and of the array. */
export const FRAMING = Buffer.from("}]")

/** Bytes before the end in which the framing of a cut record can be where reading fails: a backslash may precede it. */
const FRAMING_REACH = FRAMING.length + 1

/**
 * Steps through the events of one post:
 * `const events = new EventScanner(post); while (events.next()) { … events.bytes, events.start, events.members … }`.
 */
export class EventScanner {
  /** The post as well-formed UTF-8; offsets refer to it. */
  readonly bytes: Buffer
  /** Elements and fragments so far that are no event: not JSON, cut, or not an object. */
  malformed = 0
  /** The post ends within an event, which begins at `start`. */
  isCut = false
  /** The current event, from its opening to behind its closing brace. */
  start = 0
  end = 0
  /** The current event's members in order of appearance. They are written over by the next event. */
  readonly members: Array<Member> = []
  private readonly slots: Array<MemberSlot> = []
  /** Deepest nesting inside one of the current event's values. */
  depth = 0
  private at: number
  private isInArray = false
  private readonly scanner: JsonScanner
  private resync: Resync | undefined
  /** Up to here everything has been taken, or tried as the beginning of an event. */
  private tried = 0

  constructor(post: Uint8Array) {
    const bytes = Buffer.from(post.buffer, post.byteOffset, post.byteLength)
    // JSON text is UTF-8; what is not becomes U+FFFD once here, so that it cannot spoil a whole request later.
    this.bytes = isUtf8(bytes) ? bytes : Buffer.from(bytes.toString("utf8"))
    this.at = this.bytes[0] === 0xef && this.bytes[1] === 0xbb && this.bytes[2] === 0xbf ? 3 : 0
    this.scanner = new JsonScanner(this.bytes)
  }

  /** Moves to the next event; false at the end of the post. */
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
        const end = byte === OPEN_OBJECT ? this.event(this.at) : scanner.value(this.at)
        // what stands before another closing brace is but the last part of a broken event
        if (end >= 0 && byte === OPEN_OBJECT && bytes[end] !== CLOSE_OBJECT) {
          this.end = this.at = this.tried = end
          return true
        }
        this.malformed++
        if (end >= 0) this.at = end
        else {
          const isCut = end === CUT || this.isCutBeforeFraming()
          this.isCut = isCut && byte === OPEN_OBJECT
          if (isCut || !this.goOn()) this.at = bytes.length
        }
      }
    }
  }

  /** Reads the object at `from` into `members`. */
  private event(from: number): number {
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

  /** Whether reading failed only for the framing behind a value that was cut. */
  private isCutBeforeFraming(): boolean {
    const { bytes, scanner } = this
    const end = bytes.length - FRAMING.length
    return scanner.errorAt >= bytes.length - FRAMING_REACH && bytes.subarray(end).equals(FRAMING) &&
      new JsonScanner(bytes.subarray(0, end)).value(this.start) === CUT
  }

  /** Behind something that is not JSON: moves to where the next element begins, if it can be found. */
  private goOn(): boolean {
    const resync = this.resync ??= new Resync(this.scanner)
    // A post that begins with something broken may continue another: then this is within a customer's text.
    const isRemainder = this.end === 0
    const behind = this.isInArray && !isRemainder ? resync.behind(this.start) : CUT
    const found = behind === CUT ? resync.next(this.tried, isRemainder) : behind
    if (found === CUT) return false
    this.at = found
    this.isInArray = true
    return true
  }
}
