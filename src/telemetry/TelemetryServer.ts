/** Takes what Lambda posts: answers 200 to everything at once and hands the bytes on, unread. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Http from "node:http"
import { ExtensionConfig } from "../config/Config.ts"
import { LogBuffer } from "../delivery/Buffer.ts"
import { Ledger } from "../delivery/Ledger.ts"
import type { Reservation } from "../delivery/MemoryBudget.ts"
import * as HttpListener from "../platform/HttpListener.ts"
import * as Memory from "../platform/Memory.ts"

/** Twice the 1 MiB that is subscribed to may come in one post (Telemetry API); the rest is for surprises. In bytes. */
const MAX_POST_BYTES = 8 * 1024 * 1024

/** What has come from Lambda. */
export type Arrival =
  /** `held` counts the bytes against the buffer's bound: whoever takes the post releases it, and frees the bytes. */
  | { readonly _tag: "Post"; readonly bytes: Uint8Array; readonly held: Reservation }
  /** A post was given up; what is waited for may have been in it. */
  | { readonly _tag: "Lost" }

/** The listener. Its scope owns the port. */
export class TelemetryServer extends Context.Service<TelemetryServer, {
  readonly port: number
  /** In order of arrival. */
  readonly arrivals: Queue.Dequeue<Arrival>
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
      const arrivals = yield* Effect.acquireRelease(Queue.unbounded<Arrival>(), Queue.shutdown)
      const maxBytes = Math.min(MAX_POST_BYTES, config.maxBufferBytes)

      const receive = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
        const chunks: Array<Buffer> = []
        const held = buffer.reserveUnsafe(0)
        let size = 0
        let isOver = false
        const giveUp = () => {
          if (isOver) return
          isOver = true
          held.release()
          ledger.countUnsafe("postsDropped", 1)
          chunks.length = 0
          Queue.offerUnsafe(arrivals, { _tag: "Lost" })
        }
        request.on("data", (chunk: Buffer) => {
          if (isOver) return
          if (size + chunk.length > maxBytes) return giveUp()
          size += chunk.length
          held.add(chunk.length)
          chunks.push(chunk)
        })
        request.on("end", () => {
          // Whatever it is: the platform would send a refused post again for ever.
          response.writeHead(200).end()
          if (isOver) return
          isOver = true
          ledger.countUnsafe("posts", 1)
          if (size > 0) Queue.offerUnsafe(arrivals, { _tag: "Post", bytes: joined(chunks, size), held })
        })
        request.on("error", giveUp)
        request.on("close", giveUp)
        response.on("error", () => {})
      }

      const { close, port } = yield* HttpListener.listen(receive)
      return TelemetryServer.of({ port, arrivals, close })
    })
  )
}

const joined = (chunks: ReadonlyArray<Buffer>, size: number): Buffer => {
  if (chunks.length === 1) return chunks[0]!
  const post = Buffer.concat(chunks, size)
  chunks.forEach(Memory.free)
  return post
}
