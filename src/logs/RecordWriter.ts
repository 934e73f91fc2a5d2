/** Putting records together from pieces of a post: a growing byte buffer, and what makes members fit for OpenObserve. */
import * as Memory from "../platform/Memory.ts"
import type { Member } from "../telemetry/TelemetryEvent.ts"

/** Kept between posts, so that an ordinary post is encoded without allocating. */
const INITIAL_CAPACITY = 64 * 1024

/** A post that needed more than this does not determine what stays allocated. */
const MAX_KEPT_CAPACITY = 2 * 1024 * 1024

const RECORD_START = "{\"_timestamp\":"
const ZERO = 0x30
const QUOTE = 0x22
const OPEN_ARRAY = 0x5b
const OPEN_OBJECT = 0x7b

/** An append-only byte buffer that grows as needed and is reused. */
export class ByteWriter {
  length = 0
  private buffer = Buffer.allocUnsafeSlow(INITIAL_CAPACITY)
  private common = Buffer.alloc(0)
  private startedMillis = NaN

  private reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed > this.buffer.length) this.replace(Math.max(needed, this.buffer.length * 2))
  }

  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  /** The beginning of a record. Most have all but the last three digits in common with the one before. */
  start(timestamp: number): void {
    // no number begins with zeros
    if (timestamp < 1000) return this.bytes(Buffer.from(`${RECORD_START}${timestamp}`))
    const millis = Math.floor(timestamp / 1000)
    if (millis !== this.startedMillis) {
      this.startedMillis = millis
      this.common = Buffer.from(`${RECORD_START}${millis}`)
    }
    const { common } = this
    this.reserve(common.length + 3)
    const { buffer } = this
    let at = this.length
    for (let index = 0; index < common.length; index++) buffer[at++] = common[index]!
    const micros = timestamp - millis * 1000
    const hundreds = Math.floor(micros / 100)
    const tens = Math.floor(micros / 10)
    buffer[at++] = ZERO + hundreds
    buffer[at++] = ZERO + tens - hundreds * 10
    buffer[at++] = ZERO + micros - tens * 10
    this.length = at
  }

  bytes(source: Buffer, start = 0, end = source.length): void {
    this.reserve(end - start)
    this.length += source.copy(this.buffer, this.length, start, end)
  }

  /** What was written, in memory that is written again after `clear`. */
  get written(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  /** Begins anew. */
  clear(): void {
    this.length = 0
    if (this.buffer.length > MAX_KEPT_CAPACITY) this.replace(INITIAL_CAPACITY)
  }

  private replace(capacity: number): void {
    const old = this.buffer
    this.buffer = Buffer.allocUnsafeSlow(capacity)
    old.copy(this.buffer, 0, 0, this.length)
    Memory.free(old)
  }
}

/**
 * The name under which OpenObserve would store a top-level member: in lower case, and `_` for everything that is
 * neither a number nor in upper or lower case. That goes for `日`, too, so `日id` becomes `_id`.
 */
export const columnName = (key: string): string =>
  /^[a-z0-9_]*$/.test(key) ? key : Array.from(key, columnCharacter).join("")

const columnCharacter = (character: string): string => {
  if (/[\p{Lowercase}\p{N}_]/u.test(character)) return character
  const [lower = "_"] = character.toLowerCase()
  return /\p{Uppercase}/u.test(character) ? lower : "_"
}

/**
 * The key under which a member can be stored. `_timestamp` is ours; a number, boolean or null as `_id` makes a v0.91.5
 * server panic and reset the connection, for the whole request and every time; members of an object with the empty key
 * would become such columns, too.
 */
export const storableKey = (key: string, bytes: Buffer, member: Member): string => {
  const column = columnName(key)
  if (column === "_timestamp") return "event_timestamp"
  if (column === "") return "event"
  if (column !== "_id") return key
  const first = bytes[member.valueStart]
  return first === QUOTE || first === OPEN_ARRAY || first === OPEN_OBJECT ? key : "event_id"
}
