/** Takes what Lambda posts: answers 200 to everything at once and hands the bytes on, unread. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Http from "node:http"
import { LogBuffer } from "../delivery/Buffer.ts"
import { ExtensionConfig } from "../config/Config.ts"
import { Ledger } from "../delivery/Ledger.ts"
import * as Memory from "../platform/Memory.ts"

/** No port could be opened. */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", { cause: Schema.Defect() }) {
  override get message() {
    return `cannot listen for telemetry: ${String(this.cause)}`
  }
}

/** Twice the 1 MiB that is subscribed to may come in one post (Telemetry API); the rest is for surprises. */
const MAX_POST_BYTES = 8 * 1024 * 1024

/** The listener. Its scope owns the port. */
export class TelemetryServer extends Context.Service<TelemetryServer, {
  readonly port: number
  /**
   * Posts in order of arrival; an empty one stands for one that was given up. Their bytes count against the buffer's
   * bound until whoever takes them says else, and frees them.
   */
  readonly posts: Queue.Dequeue<Uint8Array>
  /** Closes the port and every connection; what was only half received is counted as dropped. */
  readonly close: Effect.Effect<void>
}>()("o2-lambda-extension/TelemetryServer") {
  static readonly layerNoDeps = Layer.effect(
    TelemetryServer,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const buffer = yield* LogBuffer
      const ledger = yield* Ledger
      // bounded in bytes by what is read into it: a post that finds no room evicts older records
      const posts = yield* Effect.acquireRelease(Queue.unbounded<Uint8Array>(), Queue.shutdown)
      const maxBytes = Math.min(MAX_POST_BYTES, config.maxBufferBytes)

      const receive = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
        const chunks: Array<Buffer> = []
        let size = 0
        let isOver = false
        const giveUp = () => {
          if (isOver) return
          isOver = true
          buffer.holdUnsafe(-size)
          ledger.countUnsafe("postsDropped", 1)
          chunks.length = 0
          // what is waited for may have been in it
          Queue.offerUnsafe(posts, new Uint8Array())
        }
        request.on("data", (chunk: Buffer) => {
          if (isOver) return
          if (size + chunk.length > maxBytes) return giveUp()
          size += chunk.length
          buffer.holdUnsafe(chunk.length)
          chunks.push(chunk)
        })
        request.on("end", () => {
          // Whatever it is: the platform would send a refused post again for ever.
          response.writeHead(200).end()
          if (isOver) return
          isOver = true
          ledger.countUnsafe("posts", 1)
          if (size > 0) Queue.offerUnsafe(posts, joined(chunks, size))
        })
        request.on("error", giveUp)
        request.on("close", giveUp)
        response.on("error", () => {})
      }

      const server = yield* Effect.acquireRelease(
        Effect.callback<Http.Server, ListenError>((resume) => {
          const server = Http.createServer(OPTIONS, receive)
          server.once("error", (cause) => resume(Effect.fail(new ListenError({ cause }))))
          // every address: which one `sandbox.localdomain` stands for is the platform's affair
          server.listen(0, "0.0.0.0", () => resume(Effect.succeed(server)))
        }),
        close
      )
      const address = server.address()
      return TelemetryServer.of({
        port: typeof address === "object" && address !== null ? address.port : 0,
        posts,
        close: close(server)
      })
    })
  )

  static readonly layer = TelemetryServer.layerNoDeps.pipe(
    Layer.provide([ExtensionConfig.layer, LogBuffer.layer, Ledger.layer])
  )
}

const joined = (chunks: ReadonlyArray<Buffer>, size: number): Buffer => {
  if (chunks.length === 1) return chunks[0]!
  const post = Buffer.concat(chunks, size)
  chunks.forEach(Memory.free)
  return post
}

const close = (server: Http.Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    // also called for a server that is closed already, which is only an error to the callback
    // one turn later, when the requests that were cut off have been counted
    server.close(() => setImmediate(() => resume(Effect.void)))
    server.closeAllConnections()
  })

/** The longest that a timer of Node's can wait. */
const NEVER_MS = 2_147_483_647

/** The sandbox may be frozen in the middle of a post: after the thaw every one of Node's time-outs would be due. */
const OPTIONS: Http.ServerOptions = {
  keepAliveTimeout: 0,
  requestTimeout: 0,
  headersTimeout: 0,
  // looking for requests that have timed out would wake an idle sandbox every 30 s
  connectionsCheckingInterval: NEVER_MS
}
