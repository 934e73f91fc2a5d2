/**
 * Skips what needs no attention inside a JSON string, four bytes at a time: most of what a function writes. Byte by byte,
 * scanning takes twice as long.
 */

// a byte of each kind in all four places
const SPACES = 0x20202020
const QUOTES = 0x22222222
const BACKSLASHES = 0x5c5c5c5c
const ONES = 0x01010101
const HIGH_BITS = 0x80808080

const BYTES_PER_WORD = 4
const BITS_PER_BYTE = 8

/** The text of a post. */
export class PlainText {
  // The lowest address comes first in a word: little endian, as x86_64 and arm64 are.
  private readonly words: Int32Array
  /** Bytes of the first word that lie before the text. */
  private readonly shift: number

  constructor({ buffer, byteLength, byteOffset }: Uint8Array) {
    this.shift = byteOffset % BYTES_PER_WORD
    this.words = new Int32Array(buffer, byteOffset - this.shift, (byteLength + this.shift) >> 2)
  }

  /** The offset of the first quote, backslash or control character from `from` on; or less, among the last bytes. */
  end(from: number): number {
    const { shift, words } = this
    let index = (from + shift) >> 2
    if (index >= words.length) return from
    const before = (1 << ((from + shift) % BYTES_PER_WORD * BITS_PER_BYTE)) - 1
    let word = words[index]! & ~before | SPACES & before
    for (;;) {
      const quote = word ^ QUOTES
      const backslash = word ^ BACKSLASHES
      // The lowest bit that is set belongs to the first such byte (Bit Twiddling Hacks, "Determine if a word has a byte
      // less than n"); those above it may be wrong.
      const found = ((word - SPACES & ~word) | (quote - ONES & ~quote) | (backslash - ONES & ~backslash)) & HIGH_BITS
      if (found !== 0) return index * BYTES_PER_WORD - shift + ((31 - Math.clz32(found & -found)) >> 3)
      if (++index === words.length) return index * BYTES_PER_WORD - shift
      word = words[index]!
    }
  }
}
