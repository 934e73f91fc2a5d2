/** Listens for HTTP on a free port, in a process that may be frozen at any moment. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import type * as Net from "node:net"

/**
 * No port could be opened.
 *
 * @since 0.2.0
 * @category errors
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Extension from "o2-lambda-extension/Extension"
 *
 * const program = Extension.run().pipe(
 *   Effect.catchTag("ListenError", (error) => Effect.logFatal(error.message))
 * )
 * ```
 */
export class ListenError extends Data.TaggedError("ListenError")<{ readonly cause: unknown }> {
  override get message() {
    return `cannot listen for telemetry: ${String(this.cause)}`
  }
}

/** The longest that a timer of Node's can wait. */
const NEVER_MS = 2_147_483_647

/** The sandbox may be frozen in the middle of a request: after the thaw every one of Node's time-outs would be due. */
const OPTIONS: Http.ServerOptions = {
  keepAliveTimeout: 0,
  requestTimeout: 0,
  headersTimeout: 0,
  // looking for requests that have timed out would wake an idle sandbox every 30 s
  connectionsCheckingInterval: NEVER_MS
}

/**
 * Connections at once; Lambda needs one or a few. A function that opens a thousand would leave us no file descriptors, of
 * which Lambda allows 1024, and each can hold 16 KiB of headers that never end (`maxHeaderSize`).
 */
export const MAX_CONNECTIONS = 100

/** A port that is open. */
interface Listener {
  readonly port: number
  /** Closes the port and every connection; done when the requests that this cuts off have seen it. Also done twice. */
  readonly close: Effect.Effect<void>
}

/** Opens a port on every address of this machine; the scope closes it. */
export const listen = Effect.fnUntraced(function*(onRequest: Http.RequestListener) {
  const server = yield* Effect.acquireRelease(
    Effect.callback<Http.Server, ListenError>((resume) => {
      const server = Http.createServer(OPTIONS, onRequest)
      keepFew(server)
      server.once("error", (cause) => resume(Effect.fail(new ListenError({ cause }))))
      // every address, of either kind: which one `sandbox.localdomain` stands for is the platform's affair. A host, even
      // 0.0.0.0, would be looked up first.
      server.listen(0, () => resume(Effect.succeed(server)))
    }),
    close
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { port, close: close(server) } satisfies Listener
})

/** Closes the connection on which nothing has begun for longest when there are too many: refused, it would be Lambda's. */
const keepFew = (server: Http.Server): void => {
  // the one that is used least first
  const open = new Set<Net.Socket>()
  server.on("connection", (socket: Net.Socket) => {
    open.add(socket)
    socket.once("close", () => open.delete(socket))
    const [oldest] = open
    if (open.size > MAX_CONNECTIONS) oldest?.destroy()
  })
  server.on("request", ({ socket }: Http.IncomingMessage) => {
    if (open.delete(socket)) open.add(socket)
  })
}

const close = (server: Http.Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    // one turn later: the requests that were cut off are told first. For a server that is closed, an error for the callback
    server.close(() => setImmediate(() => resume(Effect.void)))
    server.closeAllConnections()
  })
