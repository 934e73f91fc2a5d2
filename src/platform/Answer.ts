/** Answers: their bodies, whole and bounded, as text. */
import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import { errorCode } from "./ErrorCode.ts"
import { loaded } from "./Loading.ts"
import { TransportError } from "./TransportError.ts"

/**
 * A complete answer, its body as text.
 *
 * @since 0.2.0
 * @category models
 */
export interface TransportResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Without its content coding, whatever `content-encoding` says. */
  readonly body: string
}

/** Answers of both APIs are a few hundred bytes; whatever is longer than this is not theirs. Decoded or not. */
export const MAX_ANSWER_BYTES = 1024 * 1024

/** An answer as it came. */
export interface Answer extends Omit<TransportResponse, "body"> {
  readonly bytes: Buffer
}

/** So many pieces of an answer become one: it may come byte by byte, and a piece weighs more than that. */
const MAX_PIECES = 256

/** Reads what is left of a message. */
export const readBody = (
  message: Http.IncomingMessage,
  done: (bytes: Buffer) => void,
  fail: (code: string) => void
): void => {
  const chunks: Array<Buffer> = []
  let size = 0
  message.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size <= MAX_ANSWER_BYTES) {
      if (chunks.push(chunk) % MAX_PIECES === 0) chunks.push(Buffer.concat(chunks.splice(-MAX_PIECES)))
      return
    }
    fail("TOO_LARGE")
    message.destroy()
  })
  // The connection returns to the pool one tick after the end; who sends again at once should find it there.
  message.once("end", () => setImmediate(() => done(Buffer.concat(chunks))))
  message.on("error", (error) => fail(errorCode(error)))
  message.once("aborted", () => fail("ECONNRESET"))
}

/** Takes an answer as text, free of its coding. */
export const read = ({ bytes, ...answer }: Answer, host: string): Effect.Effect<TransportResponse, TransportError> => {
  const contentCoding = answer.headers["content-encoding"]
  if (contentCoding === undefined) return Effect.succeed({ ...answer, body: bytes.toString("utf8") })
  // hardly anybody needs it
  return Effect.flatMap(loaded(() => import("./ContentCoding.ts"), host, true), ({ decode }) => {
    const decoded = decode(bytes, contentCoding, MAX_ANSWER_BYTES)
    return Buffer.isBuffer(decoded)
      ? Effect.succeed({ ...answer, body: decoded.toString("utf8") })
      : Effect.fail(
        new TransportError({ code: decoded.code, host, isSent: true, isStale: false, detail: decoded.coding })
      )
  })
}
