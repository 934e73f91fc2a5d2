/** Request bodies as they come off the wire: which codings are taken, and how a broken one is answered. */
import * as Result from "effect/Result"
import { brotliDecompressSync, crc32, inflateRawSync, inflateSync } from "node:zlib"
import { type Answer, empty, text } from "./Answer.ts"

const BUFFERING = "Failed to buffer the request body: "

/** The answer to a body over ZO_PAYLOAD_LIMIT, counted after decompression. */
export const TOO_LARGE = text(413, `${BUFFERING}length limit exceeded`)

/** The answer to any other coding, decided by exact bytes and before the credentials are looked at. */
export const UNSUPPORTED = empty(415, { "accept-encoding": "gzip,deflate,br" })

/** Codings of the server; `snappy` is taken off the header and its bytes are passed on as they are. */
const CODINGS: ReadonlySet<string> = new Set(["identity", "snappy", "gzip", "deflate", "br"])

/** Whether a request with this Content-Encoding is read at all. */
export const isSupported = (coding: string | undefined): boolean => coding === undefined || CODINGS.has(coding)

/** The body without its coding, or the answer to a body that cannot be decoded. */
export const decode = (
  body: Uint8Array,
  coding: string | undefined,
  limitBytes: number
): Result.Result<Uint8Array, Answer> => {
  const decoder = DECODERS.get(coding ?? "identity")
  // zlib takes no limit of 0 bytes, and an empty body decodes to an empty one whatever the coding says.
  if (decoder === undefined || body.length === 0) {
    return body.length > limitBytes ? Result.fail(TOO_LARGE) : Result.succeed(body)
  }
  return Result.try({ try: () => decoder(body, limitBytes), catch: toAnswer })
}

class BrokenBody extends Error {}

const toAnswer = (error: unknown): Answer => {
  if (!(error instanceof Error)) throw error
  if (Reflect.get(error, "code") === "ERR_BUFFER_TOO_LARGE") return TOO_LARGE
  if (error instanceof BrokenBody) return text(400, `${BUFFERING}${error.message}`)
  const isTruncated = Reflect.get(error, "code") === "Z_BUF_ERROR"
  return text(400, `${BUFFERING}${isTruncated ? TRUNCATED : `deflate decompression error: ${error.message}`}`)
}

const TRUNCATED = "unexpected end of file"

const GZIP_HEADER_BYTES = 10
const GZIP_TRAILER_BYTES = 8

/** Flag bits of a gzip header (RFC 1952): a checksum, extra bytes, a file name, a comment follow. */
const FHCRC = 2
const FEXTRA = 4
const FNAME = 8
const FCOMMENT = 16

/** Only the first member counts; whatever follows it is ignored without an error (observed on v0.91.5). */
const gunzipFirstMember = (body: Uint8Array, limitBytes: number): Uint8Array => {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const start = endOfGzipHeader(bytes)
  // @types/node describes the result without `info`.
  const inflated: unknown = inflateRawSync(bytes.subarray(start), { maxOutputLength: limitBytes, info: true })
  const { buffer, engine } = inflated as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } }
  const trailer = start + engine.bytesWritten
  if (bytes.length < trailer + GZIP_TRAILER_BYTES) throw new BrokenBody(TRUNCATED)
  if (bytes.readUInt32LE(trailer) !== crc32(buffer)) throw new BrokenBody("CRC computed does not match")
  return buffer
}

const endOfGzipHeader = (bytes: Buffer): number => {
  if (bytes.length < GZIP_HEADER_BYTES || bytes.readUInt16BE(0) !== 0x1f8b || bytes[2] !== 8) {
    throw new BrokenBody("Invalid gzip header")
  }
  const flags = bytes[3] ?? 0
  let end = GZIP_HEADER_BYTES
  const skip = (next: number) => {
    if (next > bytes.length) throw new BrokenBody(TRUNCATED)
    end = next
  }
  const skipText = () => {
    const zero = bytes.indexOf(0, end)
    skip(zero === -1 ? bytes.length + 1 : zero + 1)
  }
  if ((flags & FEXTRA) !== 0) {
    skip(end + 2)
    skip(end + bytes.readUInt16LE(end - 2))
  }
  if ((flags & FNAME) !== 0) skipText()
  if ((flags & FCOMMENT) !== 0) skipText()
  if ((flags & FHCRC) !== 0) skip(end + 2)
  return end
}

type Decoder = (body: Uint8Array, limitBytes: number) => Uint8Array

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["gzip", gunzipFirstMember],
  ["deflate", (body, maxOutputLength) => inflateSync(body, { maxOutputLength })],
  ["br", (body, maxOutputLength) => brotliDecompressSync(body, { maxOutputLength })]
])
