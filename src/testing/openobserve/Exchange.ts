/** One request and its answer on the wire, with the habits of the server's HTTP layer (axum on hyper). */
import type * as Http from "node:http"
import { brotliCompressSync, gzipSync } from "node:zlib"
import type { Answer } from "./Answer.ts"

/** A request that is being answered. */
export interface Exchange {
  readonly request: Http.IncomingMessage
  readonly response: Http.ServerResponse
  /** Answers below `/api/` carry a few headers more. */
  readonly isApi: boolean
}

/** What came in as a body, and why reading ended. */
export interface ReadBody {
  readonly bytes: Uint8Array
  readonly end: "complete" | "too-large" | "aborted"
}

/**
 * The largest body of a request that may be refused early on a connection that stays open. With keep-alive, bodies up to
 * 20 KiB left the connection usable and bodies from 32 KiB on did not (observed on v0.91.5).
 */
const MAX_UNREAD_BYTES = 24 * 1024

/** tower-http compresses from this size on, and only then varies by accept-encoding. */
const MIN_COMPRESSED_BYTES = 32

/** Reads the whole body, or stops at the first chunk beyond the limit. */
export const readBody = (request: Http.IncomingMessage, limitBytes: number): Promise<ReadBody> =>
  new Promise((resolve) => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    let isOver = false
    const finish = (end: ReadBody["end"]) => {
      if (isOver) return
      isOver = true
      resolve({ bytes: Buffer.concat(chunks), end })
    }
    request.on("data", (chunk: Uint8Array) => {
      size += chunk.length
      if (!isOver) chunks.push(chunk)
      if (size <= limitBytes) return
      request.pause()
      finish("too-large")
    })
    request.once("end", () => finish("complete"))
    request.once("close", () => finish("aborted"))
    // A client that goes away in the middle is no error of the double.
    request.on("error", () => finish("aborted"))
  })

/** Sends an answer to a request that was read to its end. */
export const send = (exchange: Exchange, answer: Answer): void => {
  exchange.response.end(writeHead(exchange, answer))
}

/**
 * Answers before the body was read. A connection whose body is not fully in is closed after the answer, and no
 * `Connection: close` tells the client so.
 */
export const sendEarly = (exchange: Exchange, answer: Answer): void => {
  const { request, response } = exchange
  const { socket } = request
  response.once("finish", () => {
    // What came together with the head is parsed by the next turn.
    setImmediate(() => {
      const announced = Number(request.headers["content-length"] ?? (request.complete ? 0 : Infinity))
      if (!request.complete || announced > MAX_UNREAD_BYTES) socket.destroySoon()
    })
  })
  send(exchange, answer)
}

/** Sends the head and the first half of the body, and never the rest; answers with what was sent. */
export const sendHalf = (exchange: Exchange, answer: Answer): string => {
  const body = writeHead(exchange, answer)
  const half = body.subarray(0, Math.floor(body.length / 2))
  exchange.response.write(half)
  return half.toString("utf8")
}

/** Sends the body in small pieces, ten a second at most. */
export const sendSlowly = (exchange: Exchange, answer: Answer, bytesPerSecond: number): void => {
  const { response } = exchange
  const body = writeHead(exchange, answer)
  response.flushHeaders()
  const everyMs = Math.max(100, 1000 / bytesPerSecond)
  const piece = Math.round(bytesPerSecond * everyMs / 1000)
  let sent = 0
  const timer = setInterval(() => {
    response.write(body.subarray(sent, sent + piece))
    sent += piece
    if (sent < body.length) return
    clearInterval(timer)
    response.end()
  }, everyMs)
  response.once("close", () => clearInterval(timer))
}

/** Sends the answer followed by white space up to a length, no faster than the client reads. */
export const sendHuge = (exchange: Exchange, answer: Answer, bytes: number): void => {
  const { response } = exchange
  const padding = Math.max(0, bytes - Buffer.byteLength(answer.body))
  response.write(writeHead(exchange, answer, padding))
  const spaces = Buffer.alloc(64 * 1024, " ")
  let left = padding
  const pump = () => {
    while (left > 0) {
      const piece = spaces.subarray(0, left)
      left -= piece.length
      if (!response.write(piece)) {
        response.once("drain", pump)
        return
      }
    }
    response.end()
  }
  pump()
}

/** Writes something that is not HTTP and closes. */
export const sendGarbage = ({ request }: Exchange, bytes: string): void => {
  request.socket.write(bytes)
  request.socket.destroySoon()
}

/** Resets the connection: the client sees ECONNRESET. */
export const reset = ({ request }: Exchange): void => {
  // A TLS socket cannot send a reset of its own; closing it without an answer is the same error for the client.
  if ("encrypted" in request.socket) request.socket.destroy()
  else request.socket.resetAndDestroy()
}

/** Closes the connection without an answer, as a crashed handler does: "socket hang up" in Node. */
export const drop = ({ request }: Exchange): void => {
  request.socket.destroy()
}

/** Writes status and headers as the server does; answers with the body to send. */
const writeHead = ({ isApi, request, response }: Exchange, answer: Answer, padding = 0): Buffer => {
  const plain = Buffer.from(answer.body)
  const coding = padding === 0 && plain.length >= MIN_COMPRESSED_BYTES ? responseCoding(request) : undefined
  const body = coding === "br" ? brotliCompressSync(plain) : coding === "gzip" ? gzipSync(plain) : plain
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value)
  if (coding !== undefined) response.setHeader("content-encoding", coding)
  if (isApi) {
    if (answer.headers["content-type"] === "application/json") {
      response.setHeader("o2_process_time", String(Date.now() * 1000))
    }
    response.setHeader("x-api-node", "double")
    const vary = ["origin, access-control-request-method, access-control-request-headers"]
    response.setHeader("vary", plain.length < MIN_COMPRESSED_BYTES ? vary : [...vary, "accept-encoding"])
    response.setHeader("access-control-allow-credentials", "true")
  }
  response.setHeader("content-length", String(body.length + padding))
  // Keep-alive goes without saying; only a client that asked for it is told `close`.
  if (request.headers.connection?.toLowerCase() === "close") response.setHeader("connection", "close")
  else response.removeHeader("connection")
  response.sendDate = false
  response.setHeader("date", new Date().toUTCString())
  response.writeHead(answer.status)
  return body
}

const responseCoding = (request: Http.IncomingMessage): "br" | "gzip" | undefined => {
  const accepted = String(request.headers["accept-encoding"] ?? "")
  return accepted.includes("br") ? "br" : accepted.includes("gzip") ? "gzip" : undefined
}
