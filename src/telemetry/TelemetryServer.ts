/**
 * Takes what Lambda posts: answers 200 at once and hands the bytes on, unread. Anything in the sandbox can open the port, so
 * only who knows the path is taken for Lambda.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Http from "node:http"
import { ExtensionConfig } from "../config/Config.ts"
import { LogBuffer } from "../delivery/Buffer.ts"
import { Ledger } from "../delivery/Ledger.ts"
import type { Reservation } from "../delivery/MemoryBudget.ts"
import * as HttpListener from "../platform/HttpListener.ts"
import * as Memory from "../platform/Memory.ts"
import * as RandomId from "../platform/RandomId.ts"
import { UnfinishedPosts } from "./UnfinishedPosts.ts"

/** Twice the 1 MiB that is subscribed to may come in one post (Telemetry API); the rest is for surprises. In bytes. */
const MAX_POST_BYTES = 8 * 1024 * 1024

/**
 * What has come from Lambda.
 *
 * @since 0.2.0
 * @category models
 */
export type Arrival =
  /** `held` counts the bytes against the buffer's bound: whoever takes the post releases it, and frees the bytes. */
  | { readonly _tag: "Post"; readonly bytes: Uint8Array; readonly held: Reservation }
  /** A post was given up; what is waited for may have been in it. */
  | { readonly _tag: "Lost" }

/**
 * The listener. Its scope owns the port.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { TelemetryServer } from "o2-lambda-extension/Layers"
 *
 * const port = TelemetryServer.use((server) => Effect.succeed(server.port))
 * ```
 */
export class TelemetryServer extends Context.Service<TelemetryServer, {
  readonly port: number
  /** Where posts are taken, different in each process; nobody else can guess it. */
  readonly path: string
  /** Takes posts to `/` as well, where the platform leaves out the path. */
  readonly openRoot: Effect.Effect<void>
  /** In order of arrival. */
  readonly arrivals: Queue.Dequeue<Arrival>
  /** Closes the port and every connection; what was only half received is counted as dropped. */
  readonly close: Effect.Effect<void>
  /** Done when the port is being closed: the sandbox ends, and its time runs. */
  readonly closing: Effect.Effect<void>
}>()("o2-lambda-extension/TelemetryServer") {
  /** @internal */
  static readonly layerNoDeps = Layer.effect(
    TelemetryServer,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const buffer = yield* LogBuffer
      const ledger = yield* Ledger
      const clock = yield* Clock.Clock
      // bounded in bytes by what is read into it: a post that finds no room evicts older records
      const arrivals = yield* Effect.acquireRelease(Queue.unbounded<Arrival>(), Queue.shutdown)
      const closing = Latch.makeUnsafe(false)
      const unfinished = new UnfinishedPosts({
        maxBytes: Math.min(MAX_POST_BYTES, config.maxBufferBytes),
        reserve: () => buffer.reserveUnsafe(0),
        nowMillis: () => clock.currentTimeMillisUnsafe(),
        onLost: () => {
          ledger.countUnsafe("postsDropped", 1)
          Queue.offerUnsafe(arrivals, { _tag: "Lost" })
        }
      })
      buffer.sparesUnsafe(() => unfinished.giveWay())
      yield* Effect.forkScoped(unfinished.watch)

      const path = `/telemetry/${RandomId.make()}`
      let isRootOpen = false
      const isTaken = ({ method, url }: Http.IncomingMessage) =>
        method === "POST" && (url === path || isRootOpen && url === "/")

      /** Answers what was not sent by Lambda, and keeps nothing of it. */
      const refuse = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
        ledger.countUnsafe("refusedRequests", 1)
        // somebody may send without end: left to the garbage collector, it would grow
        request.on("data", Memory.free)
        request.on("error", () => {})
        response.on("error", () => {})
        response.writeHead(404).end()
      }

      const receive = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
        if (!isTaken(request)) return refuse(request, response)
        const post = unfinished.begin()
        request.on("data", post.add)
        request.on("end", () => {
          // Whatever it is: the platform would send a refused post again for ever.
          response.writeHead(200).end()
          const whole = post.end()
          if (whole === undefined) return
          ledger.countUnsafe("posts", 1)
          if (whole.bytes.length > 0) Queue.offerUnsafe(arrivals, { _tag: "Post", ...whole })
        })
        request.on("error", post.giveUp)
        request.on("close", post.giveUp)
        response.on("error", () => {})
      }

      const listener = yield* HttpListener.listen(receive)
      return TelemetryServer.of({
        port: listener.port,
        path,
        openRoot: Effect.sync(() => {
          isRootOpen = true
        }),
        arrivals,
        close: Effect.andThen(closing.open, listener.close),
        closing: closing.await
      })
    })
  )
}
