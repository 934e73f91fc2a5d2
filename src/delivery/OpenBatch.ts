/** The batch that is filling: records one behind the other in memory of their own, which is the request's body already. */
import { MAX_COLUMNS } from "../openobserve/ColumnCounter.ts"
import type { Tally } from "./Ledger.ts"
import * as Memory from "../platform/Memory.ts"
import type { EncodedPost } from "../logs/PostEncoder.ts"

/** Records that came together, and go together when memory is full. */
interface Piece {
  readonly tally: Tally
  readonly oldestTimestamp: number
}

/** What a sealed batch is made of. */
export interface Contents extends Piece {
  /** The records may have more columns together than OpenObserve takes at once. */
  readonly isWide: boolean
  /** A JSON array, in memory that nobody else uses. */
  readonly body: Buffer
}

/** What a call of few lines needs; doubled as often as it takes. */
const LEAST_CAPACITY = 8 * 1024

const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/** Takes encoded records, each followed by a comma. */
export class OpenBatch {
  /** What a batch takes at most, save a single record that is larger: memory is not doubled beyond it. */
  private readonly maxBytes: number
  records = 0
  /** Bytes of the records, commas included. */
  bytes = 0
  private memory: Buffer = Buffer.alloc(0)
  // of a batch that has been compressed: fresh memory costs more than what is copied into it
  private spare: Buffer = Buffer.alloc(0)
  // oldest first
  private pieces: Array<Piece> = []
  private readonly columns = new Set<string>()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Copies `source[start, end)`: all of it at once, or none when memory runs out. */
  append(
    source: Buffer,
    start: number,
    end: number,
    records: number,
    { columns, oldestTimestamp }: Pick<EncodedPost, "columns" | "oldestTimestamp">
  ): void {
    const bytes = end - start
    this.reserve(bytes)
    // the first byte is the array's bracket
    source.copy(this.memory, this.bytes + 1, start, end)
    this.records += records
    this.bytes += bytes
    this.pieces.push({ tally: { records, bytes }, oldestTimestamp })
    for (const column of columns) this.columns.add(column)
  }

  /** Gives up the records that came first; `undefined` when there are none. */
  evict(): Tally | undefined {
    const piece = this.pieces.shift()
    if (piece === undefined) return undefined
    this.memory.copyWithin(1, 1 + piece.tally.bytes, 1 + this.bytes)
    this.records -= piece.tally.records
    this.bytes -= piece.tally.bytes
    return piece.tally
  }

  /** Takes the records, at least one, as a body, and begins anew. */
  seal(): Contents {
    const { bytes, memory, pieces, records } = this
    const isWide = this.columns.size > MAX_COLUMNS
    memory[0] = OPEN_ARRAY
    // in place of the last comma
    memory[bytes] = CLOSE_ARRAY
    this.memory = Buffer.alloc(0)
    this.pieces = []
    this.columns.clear()
    this.records = 0
    this.bytes = 0
    return {
      body: memory.subarray(0, bytes + 1),
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
    const needed = this.bytes + bytes + 1
    const { memory } = this
    if (needed <= memory.length) return
    if (needed <= this.spare.length) {
      this.memory = this.spare
      this.spare = Buffer.alloc(0)
    } else {
      const doubled = Math.min(Math.max(memory.length * 2, LEAST_CAPACITY), this.maxBytes + 1)
      this.memory = Buffer.allocUnsafeSlow(Math.max(needed, doubled))
    }
    memory.copy(this.memory, 0, 0, this.bytes + 1)
    Memory.free(memory)
  }
}
