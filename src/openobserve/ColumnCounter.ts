/**
 * Watches, at the price of a look at its keys per record, whether records together may have more columns than
 * OpenObserve takes in one batch. It drops such a batch and says so nowhere but in its own log.
 */
import { FLATTEN_LEVEL, possibleColumnsOf } from "./Columns.ts"
import type { Member } from "../json/ObjectScanner.ts"

/**
 * Most different columns of a batch that every server takes, and the default of `O2_MAX_COLUMNS`: OpenObserve Cloud takes
 * 200 (ZO_COLS_PER_RECORD_LIMIT, elsewhere 1000), of which the server needs some itself in streams that keep the original
 * (`_original`, `_o2_id`, `_all_values`).
 */
export const MAX_COLUMNS = 190

/** Remembered shapes of records; a function whose lines have more than these is looked at in full more often. */
const MAX_SHAPES = 256

/** Columns of remembered shapes, all together: about as many as the shapes would have with the usual limit. */
const MAX_REMEMBERED_COLUMNS = MAX_SHAPES * MAX_COLUMNS

/** Objects inside a member that are flattened: deeper ones are one column, whatever they hold. */
const FLATTENED_OBJECTS = FLATTEN_LEVEL - 1

// two hashes of 32 bits, as one is too short for what they decide: that a record brings nothing new
const SEED_A = 0x811c9dc5 | 0
const SEED_B = 0x2f0b4f1d
const PRIME_A = 0x01000193
const PRIME_B = 0x5bd1e995

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const SPACE = 0x20

interface Shape {
  readonly b: number
  readonly columns: ReadonlyArray<string>
  /** The count in which these columns were last added. */
  counted: number
}

/**
 * Counts the different columns of records; never too few, and too many only by these: members that are null or empty
 * count as the column that they would be with a value, objects at the top as one column more, and the columns that
 * every record is said to have always. (Two shapes of 2^64 may be taken for one.)
 */
export class ColumnCounter {
  private readonly limit: number
  private readonly base: ReadonlyArray<string>
  private readonly shapes = new Map<number, Shape>()
  private remembered = 0
  private readonly union = new Set<string>()
  private current = 0
  private a = SEED_A
  private b = SEED_B

  /** `base` are columns, as they are stored, that every record may have besides the members that are shown. */
  constructor(limit: number, base: Iterable<string>) {
    this.limit = limit
    this.base = [...base]
    this.reset()
  }

  /** Begins a new count; what is known of shapes stays. */
  reset(): void {
    this.current++
    this.union.clear()
    for (const column of this.base) this.union.add(column)
  }

  /** Whether the records since the last reset may have more columns than the limit. */
  get mayExceed(): boolean {
    return this.union.size > this.limit
  }

  /** Columns of the records since the last reset; incomplete when they may exceed the limit. */
  get columns(): ReadonlySet<string> {
    return this.union
  }

  /** Counts a record, or the event it comes from. */
  add(bytes: Buffer, members: ReadonlyArray<Member>): void {
    if (this.mayExceed) return
    this.a = SEED_A
    this.b = SEED_B
    for (const { keyEnd, keyStart, valueEnd, valueStart } of members) {
      this.mix(bytes, keyStart, keyEnd)
      if (bytes[valueStart] === OPEN_OBJECT) this.skim(bytes, valueStart, valueEnd)
    }
    if (!this.addKnown(this.a, this.b)) this.learn(possibleColumnsOf(bytes, members))
  }

  /** Counts a record of which only the hashes of its shape are given; false when they tell nothing. */
  addKnown(a: number, b: number): boolean {
    if (this.mayExceed) return true
    const known = this.shapes.get(a)
    if (known?.b !== b) return false
    if (known.counted === this.current) return true
    known.counted = this.current
    for (const column of known.columns) this.union.add(column)
    return true
  }

  private learn(columns: Set<string>): void {
    for (const column of columns) {
      this.union.add(column)
      // with a record that is too wide by itself the count is over, and its shape not worth keeping
      if (this.mayExceed) return
    }
    if (this.shapes.size === MAX_SHAPES || this.remembered + columns.size > MAX_REMEMBERED_COLUMNS) {
      this.shapes.clear()
      this.remembered = 0
    }
    this.remembered += columns.size
    this.shapes.set(this.a, { b: this.b, columns: [...columns], counted: this.current })
  }

  private mix(bytes: Buffer, start: number, end: number): void {
    let { a, b } = this
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!
      a = Math.imul(a ^ byte, PRIME_A)
      b = Math.imul(b ^ byte, PRIME_B)
      b ^= b >>> 15
    }
    this.a = a
    this.b = b
  }

  /** Mixes in the keys and braces that decide about columns. The object is known to be JSON, so nothing is checked. */
  private skim(bytes: Buffer, start: number, end: number): void {
    let open = 0
    // the number of open brackets at which an array or a deep object began, whose inside does not matter
    let hidden = 0
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!
      if (byte === QUOTE) {
        const from = at++
        for (let inside = bytes[at]!; inside !== QUOTE; inside = bytes[at]!) at += inside === BACKSLASH ? 2 : 1
        if (hidden > 0) continue
        let behind = at + 1
        while (bytes[behind]! <= SPACE) behind++
        if (bytes[behind] !== COLON) continue
        this.mix(bytes, from, at + 1)
        at = behind
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        open++
        if (hidden > 0) continue
        if (byte === OPEN_ARRAY || open > FLATTENED_OBJECTS) hidden = open
        else this.mix(bytes, at, at + 1)
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (hidden === 0) this.mix(bytes, at, at + 1)
        else if (hidden === open) hidden = 0
        open--
      }
    }
  }
}
