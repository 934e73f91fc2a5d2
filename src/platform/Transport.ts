/**
 * One HTTP exchange over `node:http(s)`: keep-alive, redirects not followed, answers bounded, the cause of a failure in
 * words. Used for AWS's local APIs and for OpenObserve; `docs/decisions/0003-node-http.md` says why not `effect/http`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Http from "node:http"
import type * as Https from "node:https"
import * as Freeze from "./Freeze.ts"

/** One request. `Content-Length` and `Host` are added. */
export interface TransportRequest {
  readonly method: "GET" | "POST" | "PUT"
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** Longest wait for a connection, TLS included; without it the system's own limit counts, which is minutes. */
  readonly connectTimeoutMs?: number
  /** Told when there is a connection: from then on the peer may have received something, even if nobody waits for it. */
  readonly onConnected?: () => void
}

/** A complete answer, its body as text. */
export interface TransportResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/** There was no complete answer. */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  /** The system's code (`ECONNREFUSED`, `ENOTFOUND`, …), or one of OpenSSL's or Node's. */
  code: Schema.String,
  /** `host:port` of the peer. */
  host: Schema.String,
  /** Whether the peer may have received the request. */
  isSent: Schema.Boolean,
  /** Whether a kept connection broke before there was an answer: often it had been dead for long. */
  isStale: Schema.Boolean
}) {
  override get message() {
    const text = explanations[this.code]
    return text === undefined ? `${this.code} from ${this.host}` : `${text} ${this.host} (${this.code})`
  }
}

const explanations: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens at",
  ECONNRESET: "the connection was reset by",
  EPIPE: "the connection was closed while sending to",
  ENOTFOUND: "no address is known for",
  EAI_AGAIN: "the name server did not answer for",
  ETIMEDOUT: "no connection was made in time to",
  EHOSTUNREACH: "there is no route to",
  ENETUNREACH: "there is no network route to",
  CERT_HAS_EXPIRED: "the TLS certificate has expired of",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the TLS certificate is self-signed (NODE_EXTRA_CA_CERTS can name its authority) at",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the TLS chain has a self-signed certificate (NODE_EXTRA_CA_CERTS can name its authority) at",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the TLS certificate cannot be verified (NODE_EXTRA_CA_CERTS can name its authority) of",
  ERR_TLS_CERT_ALTNAME_INVALID: "the TLS certificate is for another name than",
  EPROTO: "no TLS is spoken by",
  HPE_INVALID_CONSTANT: "no HTTP is spoken by",
  UPGRADE: "another protocol than HTTP was offered by",
  TOO_LARGE: "the answer is too large from"
}

/** Answers of both APIs are a few hundred bytes; whatever is longer than this is not theirs. */
const MAX_ANSWER_BYTES = 1024 * 1024

/** Exchanges over kept-alive connections of its own. */
export class Transport extends Context.Service<Transport, {
  /** Sends a request and reads the whole answer. No time-out of its own; interrupting it closes the connection. */
  readonly exchange: (request: TransportRequest) => Effect.Effect<TransportResponse, TransportError>
  /** Closes the connections that nobody uses at the moment. */
  readonly dropIdle: Effect.Effect<void>
}>()("o2-lambda-extension/Transport") {
  /** Every service that is given this layer gets connections of its own. */
  static readonly layer = Layer.fresh(Layer.effect(
    Transport,
    Effect.gen(function*() {
      // A connection that was used last is the least likely to have been closed meanwhile.
      const options: Http.AgentOptions = { keepAlive: true, scheduling: "lifo" }
      const plain = yield* Effect.acquireRelease(
        Effect.sync(() => new Http.Agent(options)),
        (agent) => Effect.sync(() => agent.destroy())
      )
      let secure: { readonly module: typeof Https; readonly agent: Https.Agent } | undefined
      yield* Effect.addFinalizer(() => Effect.sync(() => secure?.agent.destroy()))
      // TLS takes milliseconds to load and AWS's APIs are plain HTTP: not before the first request that needs it.
      const loadSecure = Effect.promise(() => import("node:https")).pipe(
        Effect.map((module) => secure ??= { module, agent: new module.Agent(options) })
      )
      return Transport.of({
        exchange: (request) =>
          request.url.protocol === "https:"
            ? Effect.flatMap(loadSecure, ({ agent, module }) => exchange(module.request, agent, request))
            : exchange(Http.request, plain, request),
        dropIdle: Effect.sync(() => {
          for (const agent of [plain, secure?.agent]) {
            for (const socket of Object.values(agent?.freeSockets ?? {}).flat()) socket?.destroy()
          }
        })
      })
    })
  ))
}

const guarded = new WeakSet<object>()

const exchange = (
  send: typeof Http.request,
  agent: Http.Agent,
  details: TransportRequest
): Effect.Effect<TransportResponse, TransportError> =>
  Effect.suspend(() => {
    const progress = { isConnected: false }
    const answer = request(send, agent, details, progress)
    const { connectTimeoutMs, url } = details
    if (connectTimeoutMs === undefined) return answer
    const giveUp = Effect.suspend(() =>
      progress.isConnected
        ? Effect.never
        : Effect.fail(new TransportError({ code: "ETIMEDOUT", host: url.host, isSent: false, isStale: false }))
    )
    return Effect.raceFirst(answer, Effect.andThen(Freeze.sleep(connectTimeoutMs), giveUp))
  })

const request = (
  send: typeof Http.request,
  agent: Http.Agent,
  { body, headers, method, onConnected, url }: TransportRequest,
  progress: { isConnected: boolean }
): Effect.Effect<TransportResponse, TransportError> =>
  Effect.callback((resume) => {
    let response: Http.IncomingMessage | undefined
    const fail = (code: string) => {
      const isStale = response === undefined && request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE")
      // without a connection nothing of the request has left
      resume(Effect.fail(new TransportError({ code, host: url.host, isSent: progress.isConnected, isStale })))
    }
    const connected = () => {
      progress.isConnected = true
      onConnected?.()
    }
    const request = send(url, {
      method,
      agent,
      headers: { ...headers, "content-length": body === undefined ? 0 : Buffer.byteLength(body) }
    })
    request.once("socket", (socket) => {
      if (!guarded.has(socket)) {
        guarded.add(socket)
        // Node 20 was seen to raise EPIPE on a pooled socket after its request was done, which would end the process.
        socket.on("error", () => {})
      }
      // TLS that fails has carried nothing of the request
      if (request.reusedSocket) connected()
      else socket.once(url.protocol === "https:" ? "secureConnect" : "connect", connected)
    })
    request.once("response", (message) => {
      response = message
      readBody(message, (text) =>
        resume(Effect.succeed({
          status: message.statusCode ?? 0,
          headers: message.headers as Readonly<Record<string, string | undefined>>,
          body: text
        })), fail)
    })
    // nobody asked for another protocol
    request.once("upgrade", (_, socket) => {
      socket.destroy()
      fail("UPGRADE")
    })
    // A server may answer before it has read the body and close: the answer is on its way, then, and counts.
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (response === undefined) fail(error.code ?? error.message)
    })
    request.end(body)
    return Effect.sync(() => request.destroy())
  })

const readBody = (message: Http.IncomingMessage, done: (text: string) => void, fail: (code: string) => void): void => {
  const chunks: Array<Buffer> = []
  let size = 0
  message.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size <= MAX_ANSWER_BYTES) return void chunks.push(chunk)
    fail("TOO_LARGE")
    message.destroy()
  })
  // The connection returns to the pool one tick after the end; who sends again at once should find it there.
  message.once("end", () => setImmediate(() => done(Buffer.concat(chunks).toString("utf8"))))
  message.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
  message.once("aborted", () => fail("ECONNRESET"))
}
