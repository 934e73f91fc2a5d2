/** Takes the content coding off an answer. None is asked for, but a proxy on the way may not care. */
import * as Zlib from "node:zlib"

/** Why a body cannot be decoded. */
export interface Undecodable {
  readonly code: "TOO_LARGE" | "CODING"
  readonly coding: string
}

/** Nobody codes an answer more often in good faith, and each time costs up to the bound in memory. */
const MAX_CODINGS = 3

/** Names come from the peer and go to the log. */
const MAX_NAME_LENGTH = 40

/**
 * The body as it was before it was coded.
 *
 * @param contentCoding the value of `Content-Encoding`
 * @param maxBytes most bytes that may come of it, whatever they were packed into
 */
export const decode = (body: Buffer, contentCoding: string, maxBytes: number): Buffer | Undecodable => {
  const codings = contentCoding.toLowerCase().split(",").map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity")
  // answers without a body have headers all the same
  if (body.length === 0) return body
  if (codings.length > MAX_CODINGS) return undecodable("CODING", contentCoding)
  let decoded = body
  // the one named last was put on last
  for (const coding of codings.toReversed()) {
    const decoder = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined
    if (decoder === undefined) return undecodable("CODING", coding)
    try {
      decoded = decoder(decoded, { maxOutputLength: maxBytes })
    } catch (error) {
      const isBound = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
      return undecodable(isBound ? "TOO_LARGE" : "CODING", coding)
    }
  }
  return decoded
}

const undecodable = (code: Undecodable["code"], coding: string): Undecodable => ({
  code,
  coding: coding.slice(0, MAX_NAME_LENGTH)
})

type Decoder = (body: Buffer, options: { readonly maxOutputLength: number }) => Buffer

/** Some servers take `deflate` for the bare format, without zlib's two bytes in front (RFC 9110, 8.4.1.2). */
const inflate: Decoder = (body, options) =>
  body.length > 1 && (body[0]! & 0x0f) === 8 && body.readUInt16BE() % 31 === 0
    ? Zlib.inflateSync(body, options)
    : Zlib.inflateRawSync(body, options)

const decoders: Readonly<Record<string, Decoder>> = {
  "gzip": Zlib.gunzipSync,
  "x-gzip": Zlib.gunzipSync,
  "deflate": inflate,
  "br": Zlib.brotliDecompressSync
}
