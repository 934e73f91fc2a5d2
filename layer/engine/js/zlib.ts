/** As much of `node:zlib` as the program uses. */
import { EngineBuffer } from "./buffer.ts"
import { Emitter } from "./events.ts"
import { codedError } from "./host.ts"

interface Bound {
  readonly maxOutputLength: number
}

const inflate =
  (format: "gzip" | "deflate" | "raw") => (body: Uint8Array, { maxOutputLength }: Bound): EngineBuffer => {
    const inflated = host.inflate(body, format, maxOutputLength)
    if (typeof inflated === "string") throw codedError(inflated)
    return new EngineBuffer(inflated)
  }

export const gunzipSync = inflate("gzip")
export const inflateSync = inflate("deflate")
export const inflateRawSync = inflate("raw")

/** Not in this engine: nobody asks for it. */
export const brotliDecompressSync = (): never => {
  throw codedError("ERR_BROTLI")
}

export const crc32 = (bytes: Uint8Array): number => host.crc32(bytes)

class Gzip extends Emitter {
  private readonly level: number

  constructor(level: number) {
    super()
    this.level = level
  }

  /** All that is to be compressed, at once. */
  end(body: Uint8Array): void {
    host.gzip(body, this.level, (compressed) => {
      if (compressed === undefined) return void this.emit("error", codedError("ENOMEM"))
      this.emit("data", new EngineBuffer(compressed))
      this.emit("end")
    })
  }
}

export const createGzip = ({ level }: { readonly level: number }): Gzip => new Gzip(level)
