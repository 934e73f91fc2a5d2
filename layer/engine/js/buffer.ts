/** As much of Node's `Buffer` as the program uses. No two share memory, unless one is a part of the other. */
type Encoding = "utf8" | "latin1" | "base64"

/** Without the functions of the class itself, which Node's `Buffer` has others for. */
const Bytes = Uint8Array as unknown as new(...values: ReadonlyArray<any>) => Uint8Array<ArrayBuffer>

export class EngineBuffer extends Bytes {
  static alloc(size: number): EngineBuffer {
    return new EngineBuffer(size)
  }

  static allocUnsafeSlow(size: number): EngineBuffer {
    return new EngineBuffer(size)
  }

  static from(
    source: string | ArrayBuffer | ArrayLike<number>,
    from?: number | Encoding,
    length?: number
  ): EngineBuffer {
    if (typeof source === "string") return fromText(source, from as Encoding | undefined)
    return source instanceof ArrayBuffer ? new EngineBuffer(source, from, length) : new EngineBuffer(source)
  }

  static concat(pieces: ReadonlyArray<Uint8Array>): EngineBuffer {
    const all = new EngineBuffer(pieces.reduce((sum, piece) => sum + piece.length, 0))
    let at = 0
    for (const piece of pieces) {
      all.set(piece, at)
      at += piece.length
    }
    return all
  }

  static isBuffer(value: unknown): boolean {
    return value instanceof EngineBuffer
  }

  static byteLength(value: string | Uint8Array): number {
    return typeof value === "string" ? host.utf8Length(value.toWellFormed()) : value.byteLength
  }

  /** No copy, unlike that of arrays. */
  override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
    return this.subarray(start, end)
  }

  copy(target: Uint8Array, at = 0, start = 0, end = this.length): number {
    const piece = this.subarray(start, Math.min(end, start + target.length - at))
    target.set(piece, at)
    return piece.length
  }

  equals(other: Uint8Array): boolean {
    return this.length === other.length && host.compare(this, other) === 0
  }

  compare(other: Uint8Array): number {
    return host.compare(this, other)
  }

  override indexOf(value: number | string | Uint8Array, from = 0): number {
    if (typeof value === "number") return super.indexOf(value, from)
    const at = from < 0 ? Math.max(0, this.length + from) : from
    return host.indexOf(this, typeof value === "string" ? fromText(value) : value, at)
  }

  override includes(value: number | string | Uint8Array, from = 0): boolean {
    return this.indexOf(value, from) >= 0
  }

  override toString(encoding: Encoding = "utf8", start = 0, end = this.length): string {
    const part = start === 0 && end === this.length ? this : this.subarray(start, end)
    if (encoding === "base64") return toBase64(part)
    return encoding === "latin1" ? host.fromLatin1(part) : host.fromUtf8(part)
  }

  write(text: string, at: number, encoding: Encoding = "utf8"): number {
    return fromText(text, encoding).copy(this, at)
  }

  readUInt16BE(at = 0): number {
    return this.view().getUint16(at)
  }

  readUInt32BE(at = 0): number {
    return this.view().getUint32(at)
  }

  readDoubleBE(at = 0): number {
    return this.view().getFloat64(at)
  }

  writeUInt32BE(value: number, at = 0): number {
    this.view().setUint32(at, value)
    return at + 4
  }

  writeDoubleBE(value: number, at = 0): number {
    this.view().setFloat64(at, value)
    return at + 8
  }

  private view(): DataView {
    return new DataView(this.buffer, this.byteOffset, this.byteLength)
  }
}

const fromText = (text: string, encoding: Encoding = "utf8"): EngineBuffer => {
  if (encoding === "base64") return fromBase64(text)
  if (encoding === "latin1") return new EngineBuffer(Array.from(text, (letter) => letter.charCodeAt(0)))
  return new EngineBuffer(host.toUtf8(text.toWellFormed()))
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** Either alphabet, and what is of none is passed over, as by Node's. */
const fromBase64 = (text: string): EngineBuffer => {
  const bytes: Array<number> = []
  let bits = 0
  let count = 0
  for (const letter of text.replaceAll("-", "+").replaceAll("_", "/")) {
    if (letter === "=") break
    const value = ALPHABET.indexOf(letter)
    if (value < 0) continue
    bits = (bits << 6 | value) & 0xffff
    count += 6
    if (count < 8) continue
    count -= 8
    bytes.push(bits >> count & 0xff)
  }
  return new EngineBuffer(bytes)
}

/** In the usual alphabet, with its padding. Of short texts only: nobody needs more. */
const toBase64 = (bytes: Uint8Array): string => {
  let text = ""
  for (let at = 0; at < bytes.length; at += 3) {
    const [first = 0, second, third] = bytes.subarray(at, at + 3)
    const bits = first << 16 | (second ?? 0) << 8 | (third ?? 0)
    const letters = [18, 12, 6, 0].map((shift) => ALPHABET[bits >> shift & 0x3f])
    text += letters.slice(0, second === undefined ? 2 : third === undefined ? 3 : 4).join("").padEnd(4, "=")
  }
  return text
}

/** `node:buffer` has this. */
export const isUtf8 = (bytes: Uint8Array): boolean => host.isUtf8(bytes)
