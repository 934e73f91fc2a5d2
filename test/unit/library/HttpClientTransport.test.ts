import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type { HttpClient } from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Http from "node:http"
import { gzipSync } from "node:zlib"
import { Flusher } from "../../../src/library/Flusher.ts"
import { Ledger } from "../../../src/library/Ledger.ts"
import * as OpenObserve from "../../../src/library/OpenObserve.ts"
import { Records } from "../../../src/library/Records.ts"
import * as Transport from "../../../src/library/Transport.ts"
import { Fault, OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { listenHttp, listenRaw } from "../../support/peers.ts"
import { lossesOf, optionsFor, recording, STREAM, timesOf } from "../../support/sinks.ts"

const clients: ReadonlyArray<readonly [name: string, layer: Layer.Layer<HttpClient>]> = [
  ["fetch", FetchHttpClient.layer],
  ["node:http", NodeHttpClient.layerNodeHttp],
  ["undici", NodeHttpClient.layerUndici]
]

for (const [name, client] of clients) {
  const transport = Transport.layerHttpClient.pipe(Layer.provide(client))

  const exchange = (url: URL, body = "[]") =>
    Transport.Transport.use((transport) =>
      transport.exchange({
        method: "POST",
        url,
        headers: { authorization: "Basic SECRET-MARK", "content-type": "application/json" },
        body
      })
    ).pipe(Effect.provide(transport))

  const answering = (handle: Http.RequestListener) =>
    listenHttp((request, response) => void request.resume().on("end", () => handle(request, response)))

  describe(`Transport.layerHttpClient over ${name}`, () => {
    it.live("sends what it is given, and nothing of a trace", () =>
      Effect.gen(function*() {
        let seen: Http.IncomingMessage | undefined
        const peer = yield* answering((request, response) => {
          seen = request
          response.writeHead(207, { "x-answer": "1" }).end("välkommen")
        })
        const answer = yield* exchange(peer.url).pipe(Effect.withSpan("work"))
        assert.deepStrictEqual([answer.status, answer.body, answer.headers["x-answer"]], [207, "välkommen", "1"])
        assert.strictEqual(seen?.headers.authorization, "Basic SECRET-MARK")
        assert.strictEqual(seen?.headers["content-type"], "application/json")
        assert.notProperty(seen?.headers, "traceparent")
        assert.notProperty(seen?.headers, "b3")
      }))

    it.live("takes an answer without a body", () =>
      Effect.gen(function*() {
        const peer = yield* answering((_, response) => response.writeHead(204).end())
        assert.deepInclude(yield* exchange(peer.url), { status: 204, body: "" })
      }))

    it.live("says that nothing listens, and that nothing was sent", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(exchange(new URL("http://127.0.0.1:4/")))
        assert.strictEqual(error.message, "nothing listens at 127.0.0.1:4 (ECONNREFUSED)")
        assert.deepInclude(error, { isSent: false, isStale: false })
      }))

    it.live("says that a host is not known", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(exchange(new URL("http://nowhere.invalid/")))
        assert.match(error.code, /^(ENOTFOUND|EAI_AGAIN)$/)
        assert.isFalse(error.isSent)
      }))

    it.live("says that the connection was reset, and that something may have been sent", () =>
      Effect.gen(function*() {
        const peer = yield* listenRaw((socket) => void socket.once("data", () => socket.resetAndDestroy()))
        const error = yield* Effect.flip(exchange(peer.url))
        assert.deepInclude(error, { code: "ECONNRESET", isSent: true })
      }))

    it.live("says so when it breaks within the answer", () =>
      Effect.gen(function*() {
        const peer = yield* answering((_, response) => {
          response.writeHead(200, { "content-length": 100 }).write("half")
          setTimeout(() => response.destroy(), 20)
        })
        const error = yield* Effect.flip(exchange(peer.url))
        assert.isTrue(error.isSent, error.message)
      }))

    it.live("says so when what answers is not HTTP", () =>
      Effect.gen(function*() {
        const peer = yield* listenRaw((socket) =>
          void socket.once("data", () => socket.end("220 smtp.example.com\r\n"))
        )
        const error = yield* Effect.flip(exchange(peer.url))
        assert.isTrue(error.isSent)
        assert.notInclude(error.message, "SECRET-MARK")
      }))

    it.live("takes no more of an answer than layerNode does", () =>
      Effect.gen(function*() {
        const peer = yield* answering((_, response) => {
          const more = () => {
            while (!response.destroyed && response.write(Buffer.alloc(65_536, "x"))) { /* as much as it takes */ }
          }
          response.on("drain", more).writeHead(200)
          more()
        })
        const error = yield* Effect.flip(exchange(peer.url))
        assert.deepInclude(error, { code: "TOO_LARGE", isSent: true })
        assert.include(error.remedy, "O2_ENDPOINT")
      }))

    it.live("reads an answer that is compressed, though nobody asked for that, and none that is a bomb", () =>
      Effect.gen(function*() {
        const zipped = yield* answering((request, response) =>
          response.writeHead(200, { "content-encoding": "gzip" }).end(
            gzipSync(request.url === "/bomb" ? Buffer.alloc(50_000_000, "x") : "unzipped")
          )
        )
        assert.strictEqual((yield* exchange(zipped.url)).body, "unzipped")
        const error = yield* Effect.flip(exchange(new URL("/bomb", zipped.url)))
        assert.strictEqual(error.code, "TOO_LARGE")
      }))

    it.live("follows no redirect", () =>
      Effect.gen(function*() {
        let followed = 0
        const elsewhere = yield* answering((_, response) => {
          followed++
          response.end()
        })
        const peer = yield* answering((_, response) =>
          response.writeHead(307, { location: elsewhere.url.href }).end("elsewhere")
        )
        assert.strictEqual((yield* exchange(peer.url, "[1]")).status, 307)
        assert.strictEqual(followed, 0)
      }))

    it.live("ends the request when nobody waits for it", () =>
      Effect.gen(function*() {
        const closed = Promise.withResolvers<void>()
        const peer = yield* answering((request) => void request.socket.on("close", closed.resolve))
        yield* Effect.timeoutOption(exchange(peer.url), "100 millis")
        yield* Effect.promise(() => closed.promise)
      }))

    it.live("brings records there through a server that fails now and then", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const log = recording()
        const sink = OpenObserve.layerNoDeps(optionsFor(double, { maxRetries: 2, requestTimeout: "500 millis" })).pipe(
          Layer.provide(transport),
          Layer.provideMerge(log.layer)
        )
        const faults = [
          Fault.memoryOverflow,
          Fault.ResetBeforeStoring(),
          Fault.ResetAfterStoring(),
          Fault.HangBeforeHeaders(),
          Fault.HugeAnswer({ bytes: 3_000_000 }),
          Fault.Garbage(),
          Fault.TakesNoCompression()
        ]
        const books = yield* Effect.gen(function*() {
          const records = yield* Records
          const flusher = yield* Flusher
          for (const [index, fault] of faults.entries()) {
            yield* double.nextFaults([fault])
            yield* records.addAll(Array.from({ length: 20 }, (_, n) => ({ n: index * 20 + n })))
            assert.isTrue(yield* flusher.flush(), fault._tag)
          }
          return yield* Ledger.use((ledger) => ledger.snapshot)
        }).pipe(Effect.provide(sink))
        assert.strictEqual(lossesOf(books.logs), 0, log.text())
        assert.strictEqual(timesOf(yield* double.records(STREAM)).size, faults.length * 20)
        assert.isAbove(books.logs.possiblyDuplicated.records, 0)
      }).pipe(Effect.provide(OpenObserveDouble.layer())))
  })
}
