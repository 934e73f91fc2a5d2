/** The batch that is filling: records one behind the other in memory of their own, which is the request's body already. */
import * as Memory from "../platform/Memory.ts"
import { frameBytes } from "./BatchFormat.ts"
import type { Destination } from "./Destination.ts"
import type { EncodedRecords } from "./EncodedRecords.ts"
import type { Tally } from "./Books.ts"

/** Records that came together, and go together when memory is full. */
interface Piece {
  /** Their place in the order of arrival. */
  readonly number: number
  readonly tally: Tally
  readonly oldestTimestamp: number
}

/** What a sealed batch is made of. */
export interface Contents {
  readonly tally: Tally
  readonly oldestTimestamp: number
  /** The records may have more columns together than the server takes at once. */
  readonly isWide: boolean
  /** In memory that nobody else uses. */
  readonly body: Buffer
}

/** What a call of few lines needs, in bytes; doubled as often as it takes. */
const MIN_CAPACITY = 8 * 1024

/** Takes encoded records of one destination. */
export class OpenBatch {
  readonly destination: Destination
  /** What a batch takes at most, save a single record that is larger: memory is not doubled beyond it. */
  private readonly maxBytes: number
  records = 0
  /** Bytes of the records, separators included. */
  bytes = 0
  private memory: Buffer = Buffer.alloc(0)
  // of a batch that has been compressed: fresh memory costs more than what is copied into it
  private spare: Buffer = Buffer.alloc(0)
  // oldest first
  private pieces: Array<Piece> = []
  private readonly columns = new Set<string>()

  constructor(destination: Destination, maxBytes: number) {
    this.destination = destination
    this.maxBytes = maxBytes
  }

  /** Place of the oldest records in the order of arrival; `Infinity` without any. */
  get first(): number {
    return this.pieces[0]?.number ?? Infinity
  }

  /** Bytes that the body has when it is sealed. */
  get bodyBytes(): number {
    return this.records === 0 ? 0 : this.bytes + frameBytes(this.destination.format)
  }

  /** Copies `source[start, end)`: all of it at once, or none when memory runs out. */
  append(
    source: Buffer,
    start: number,
    end: number,
    piece: { readonly number: number; readonly records: number },
    { columns, oldestTimestamp }: Pick<EncodedRecords, "columns" | "oldestTimestamp">
  ): void {
    const { number, records } = piece
    const bytes = end - start
    this.reserve(bytes)
    source.copy(this.memory, this.destination.format.open.length + this.bytes, start, end)
    this.records += records
    this.bytes += bytes
    this.pieces.push({ number, tally: { records, bytes }, oldestTimestamp })
    for (const column of columns) this.columns.add(column)
  }

  /** Gives up the records that came first; `undefined` when there are none. */
  evict(): Tally | undefined {
    const piece = this.pieces.shift()
    if (piece === undefined) return undefined
    const start = this.destination.format.open.length
    this.memory.copyWithin(start, start + piece.tally.bytes, start + this.bytes)
    this.records -= piece.tally.records
    this.bytes -= piece.tally.bytes
    return piece.tally
  }

  /** Takes the records, at least one, as a body, and begins anew. */
  seal(): Contents {
    const { bodyBytes, bytes, memory, pieces, records } = this
    const { format: { close, open }, maxColumns } = this.destination
    const isWide = this.columns.size > maxColumns
    open.copy(memory)
    // in place of the last separator
    close.copy(memory, bodyBytes - close.length)
    this.memory = Buffer.alloc(0)
    this.pieces = []
    this.columns.clear()
    this.records = 0
    this.bytes = 0
    return {
      body: memory.subarray(0, bodyBytes),
      isWide,
      tally: { records, bytes },
      oldestTimestamp: pieces.reduce((oldest, piece) => Math.min(oldest, piece.oldestTimestamp), Infinity)
    }
  }

  /** Takes back the memory of a body that is not needed any more. */
  recycle(body: Buffer): void {
    const memory: Buffer = Buffer.from(body.buffer)
    if (memory.length <= this.spare.length) return Memory.free(memory)
    Memory.free(this.spare)
    this.spare = memory
  }

  private reserve(bytes: number): void {
    const { close, open } = this.destination.format
    // the last separator may be longer than what takes its place
    const frame = open.length + close.length
    const needed = this.bytes + bytes + frame
    const { memory } = this
    if (needed <= memory.length) return
    if (needed <= this.spare.length) {
      this.memory = this.spare
      this.spare = Buffer.alloc(0)
    } else {
      const doubled = Math.min(Math.max(memory.length * 2, MIN_CAPACITY), this.maxBytes + frame)
      this.memory = Buffer.allocUnsafeSlow(Math.max(needed, doubled))
    }
    memory.copy(this.memory, 0, 0, open.length + this.bytes)
    Memory.free(memory)
  }
}
