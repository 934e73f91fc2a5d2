/** Compression of bodies, off the event loop. */
import type * as Zlib from "node:zlib"
import * as Memory from "../platform/Memory.ts"

/** Fast rather than small: level 1 costs a third of the default's time and 15 % more bytes on log lines. */
const GZIP_LEVEL = 1

/** Size of the pieces in which compressed bytes come: too large for the memory that small buffers share. */
const CHUNK_BYTES = 64 * 1024

/**
 * Compresses a body as one gzip member (a server reads only the first): `done` gets it in memory of its own, or nothing
 * when memory runs out. The body must not change meanwhile.
 */
export const gzipUnsafe = (body: Buffer, done: (compressed: Buffer | undefined) => void): void => {
  const gzip = zlib().createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK_BYTES })
  const chunks: Array<Buffer> = []
  gzip.on("data", (chunk: Buffer) => chunks.push(chunk))
  gzip.once("end", () => {
    const size = chunks.reduce((sum, { length }) => sum + length, 0)
    const compressed = Buffer.allocUnsafeSlow(size)
    let at = 0
    for (const chunk of chunks) at += chunk.copy(compressed, at)
    // several may be parts of the same memory
    for (const chunk of chunks) Memory.freeAll(chunk.buffer)
    done(compressed)
  })
  gzip.once("error", () => done(undefined))
  gzip.end(body)
}

/** What a gzip member holds; throws when that is more than so many bytes, before there is memory for it. */
export const gunzip = (body: Buffer, maxBytes: number): Buffer => zlib().gunzipSync(body, { maxOutputLength: maxBytes })

let loaded: typeof Zlib | undefined

const zlib = (): typeof Zlib => loaded ??= process.getBuiltinModule("node:zlib")

/**
 * Loads the library, which the start does without. Later, when much code has been optimized already, loading it would make
 * V8 throw that away, since it changes prototypes (seen on Node.js 24: a tenth more CPU for the first 200 000 records).
 */
export const load = (): void => void zlib()
