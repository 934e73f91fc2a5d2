/** Where a parser is in a text, and how serde_json says where it gave up. */

/** Why and where a text is not JSON. */
export class SerdeError extends Error {
  readonly reason: string
  readonly line: number
  readonly column: number
  constructor(reason: string, line: number, column: number) {
    super(`${reason} at line ${line} column ${column}`)
    this.reason = reason
    this.line = line
    this.column = column
  }
}

/** What is behind the last byte. */
export const END = -1

const ZERO = 0x30
const NINE = 0x39

/** Whether a byte is an ASCII digit. */
export const isDigit = (byte: number) => byte >= ZERO && byte <= NINE

/** A position in the bytes of one text. */
export class Cursor {
  protected readonly input: Buffer
  protected index = 0

  constructor(bytes: Uint8Array) {
    this.input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  protected peek(): number {
    return this.input[this.index] ?? END
  }

  protected next(atEnd: string): number {
    const byte = this.peek()
    if (byte === END) throw this.fail(atEnd)
    this.index++
    return byte
  }

  protected skipDigits(): void {
    while (isDigit(this.peek())) this.index++
  }

  protected skipWhitespace(): number {
    for (;;) {
      const byte = this.peek()
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
      this.index++
    }
  }

  /** serde_json's `error`: the position behind the last byte taken. */
  protected fail(reason: string): SerdeError {
    return this.failAt(reason, this.index)
  }

  /** serde_json's `peek_error`: counts the byte that was only looked at. */
  protected failAtPeek(reason: string): SerdeError {
    return this.failAt(reason, Math.min(this.input.length, this.index + 1))
  }

  private failAt(reason: string, index: number): SerdeError {
    let line = 1
    let startOfLine = 0
    for (let at = this.input.indexOf(0x0a); at !== -1 && at < index; at = this.input.indexOf(0x0a, at + 1)) {
      line++
      startOfLine = at + 1
    }
    return new SerdeError(reason, line, index - startOfLine)
  }
}
