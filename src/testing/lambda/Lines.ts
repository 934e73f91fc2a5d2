/** Cuts the bytes of a pipe into lines, and of the framed log descriptor into messages. */

const newline = 0x0a

/** Cuts a byte stream after each newline; every line keeps its newline. */
export class LineSplitter {
  #rest: Array<Buffer> = []

  push(chunk: Buffer): ReadonlyArray<string> {
    const lines: Array<string> = []
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#rest.push(chunk.subarray(start, end + 1))
      lines.push(Buffer.concat(this.#rest).toString("utf8"))
      this.#rest = []
      start = end + 1
    }
    if (start < chunk.length) this.#rest.push(chunk.subarray(start))
    return lines
  }

  /** What came after the last newline, when the stream has ended. */
  end(): string | undefined {
    const rest = Buffer.concat(this.#rest).toString("utf8")
    this.#rest = []
    return rest === "" ? undefined : rest
  }
}

/** One message of the runtime's logger, newlines included. */
export interface Frame {
  readonly isJson: boolean
  readonly payload: string
}

// type (4 bytes), length of the payload (4), time in µs (8), big endian, as AWS's Node.js runtime client writes them
const headerBytes = 16

// the level occupies bits 2 to 4, so that only the rest tells the kind of frame
const levelMask = 0b11100
const jsonFrame = 0xa55a0002

/** Reads the frames that a managed runtime writes to `_LAMBDA_TELEMETRY_LOG_FD`. */
export class FrameReader {
  #buffer: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): ReadonlyArray<Frame> {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    const frames: Array<Frame> = []
    while (this.#buffer.length >= headerBytes) {
      const end = headerBytes + this.#buffer.readUInt32BE(4)
      if (this.#buffer.length < end) break
      frames.push({
        isJson: ((this.#buffer.readUInt32BE(0) & ~levelMask) >>> 0) === jsonFrame,
        payload: this.#buffer.toString("utf8", headerBytes, end)
      })
      this.#buffer = this.#buffer.subarray(end)
    }
    return frames
  }
}
