/**
 * Reading and rewriting a request's body, record by record: a JSON array of records, uncompressed, each beginning with
 * `{"_timestamp":` and digits, as `PostEncoder` writes them. What is not changed stays byte for byte.
 */
import { ObjectScanner } from "../json/ObjectScanner.ts"

/** A body with what a batch has to know of it. */
export interface RecordBody {
  /** A JSON array of records. */
  readonly body: Buffer
  readonly records: number
  /** Smallest `_timestamp` in µs; `Infinity` without records. */
  readonly oldestTimestamp: number
}

const COMMA_BYTE = 0x2c
const COMMA = Buffer.from(",")
const OPEN_ARRAY = Buffer.from("[")
const CLOSE_ARRAY = Buffer.from("]")

/** Where the digits of `_timestamp` begin in a record. */
const DIGITS_OFFSET = "{\"_timestamp\":".length

/** The `_timestamp` of the record that begins at `start`, in µs. */
export const timestampOf = (bytes: Buffer, start: number): number => {
  let micros = 0
  for (let at = start + DIGITS_OFFSET;; at++) {
    const digit = bytes[at]! - 0x30
    if (!(digit >= 0 && digit <= 9)) return micros
    micros = micros * 10 + digit
  }
}

/** Puts a body together from records of another one and new ones. */
export class BodyWriter {
  private readonly source: Buffer
  private readonly pieces: Array<Buffer> = []
  private records = 0
  private oldestTimestamp = Infinity
  // neighbours in the source are copied together
  private runStart = 0
  private runEnd = 0

  constructor(source: Buffer) {
    this.source = source
  }

  /** Adds the record that stands in the source at `[start, end)`. */
  keep(start: number, end: number): void {
    this.count(this.source, start)
    if (this.runEnd === 0 || start !== this.runEnd + 1 || this.source[this.runEnd] !== COMMA_BYTE) {
      this.endRun()
      this.runStart = start
    }
    this.runEnd = end
  }

  /** Adds a record that stands elsewhere. */
  write(record: Buffer): void {
    this.count(record, 0)
    this.endRun()
    this.pieces.push(record)
  }

  /** The body of all records added. */
  finish(): RecordBody {
    this.endRun()
    const { oldestTimestamp, pieces, records } = this
    const joined = pieces.flatMap((piece, index) => index === 0 ? [piece] : [COMMA, piece])
    return { body: Buffer.concat([OPEN_ARRAY, ...joined, CLOSE_ARRAY]), records, oldestTimestamp }
  }

  private count(bytes: Buffer, start: number): void {
    this.records++
    this.oldestTimestamp = Math.min(this.oldestTimestamp, timestampOf(bytes, start))
  }

  private endRun(): void {
    if (this.runEnd > 0) this.pieces.push(this.source.subarray(this.runStart, this.runEnd))
    this.runEnd = 0
  }
}

/** The body with those records replaced for which `change`, given the scanner that stands on them, has another text. */
export const rewrite = (body: Buffer, change: (record: ObjectScanner) => Buffer | undefined): RecordBody => {
  const records = new ObjectScanner(body)
  const writer = new BodyWriter(records.bytes)
  while (records.next()) {
    const changed = change(records)
    if (changed === undefined) writer.keep(records.start, records.end)
    else writer.write(changed)
  }
  return writer.finish()
}
