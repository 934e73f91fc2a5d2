/** Putting records together from pieces of a post, in memory that is kept between posts. */
import * as Memory from "../platform/Memory.ts"

/** Kept between posts, so that an ordinary post is encoded without allocating. */
const INITIAL_CAPACITY = 64 * 1024

/** A post that needed more than this does not determine what stays allocated. */
const MAX_KEPT_CAPACITY = 2 * 1024 * 1024

const RECORD_START = "{\"_timestamp\":"
const ZERO = 0x30

/** An append-only byte buffer that grows as needed and is reused. */
export class RecordWriter {
  length = 0
  private buffer: Buffer
  private common = Buffer.alloc(0)
  private startedMillis = NaN

  /** `capacity`: bytes that are expected. */
  constructor(capacity = INITIAL_CAPACITY) {
    this.buffer = Buffer.allocUnsafeSlow(capacity)
  }

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
