import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Net from "node:net"
import { Transport, type TransportError, type TransportRequest } from "../../../src/platform/Transport.ts"
import { deafListener, fill, listenHttp, listenRaw } from "../../support/peers.ts"

const get = (url: URL): TransportRequest => ({ method: "GET", url, headers: {} })
const post = (url: URL, body: Uint8Array | string): TransportRequest => ({ method: "POST", url, headers: {}, body })

const exchange = Effect.fnUntraced(function*(request: TransportRequest) {
  const transport = yield* Transport
  return yield* transport.exchange(request)
})

const failure = (request: TransportRequest): Effect.Effect<TransportError, unknown, Transport> =>
  Effect.flip(exchange(request))

describe("Transport", () => {
  it.live("sends method, path, headers and body, and returns the whole answer", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const { url } = yield* listenHttp((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const { headers, method, url } = request
          seen.push(method, url, headers["x-some"], headers["content-length"], Buffer.concat(chunks).toString())
          response.writeHead(201, { "X-Answer": "a" })
          response.write("he")
          response.end("llo é")
        })
      })
      const answer = yield* exchange({ method: "PUT", url, headers: { "x-some": "s" }, body: "bödy" })
      assert.deepEqual(seen, ["PUT", "/path?query", "s", "5", "bödy"])
      assert.deepEqual([answer.status, answer.headers["x-answer"], answer.body], [201, "a", "hello é"])
    }).pipe(Effect.provide(Transport.layer)))

  it.live("says that a request without a body has none", () =>
    Effect.gen(function*() {
      const { url } = yield* listenHttp((request, response) => response.end(request.headers["content-length"]))
      assert.strictEqual((yield* exchange(get(url))).body, "0")
    }).pipe(Effect.provide(Transport.layer)))

  it.live("uses a connection again", () =>
    Effect.gen(function*() {
      let connections = 0
      const { server, url } = yield* listenHttp((_, response) => response.end("ok"))
      server.on("connection", () => connections++)
      for (let index = 0; index < 5; index++) yield* exchange(post(url, "x"))
      assert.strictEqual(connections, 1)
    }).pipe(Effect.provide(Transport.layer)))

  it.live("closes its connections with its scope", () =>
    Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const { server, url } = yield* listenHttp((_, response) => response.end("ok"))
      server.on("connection", (socket) => socket.on("close", () => Deferred.doneUnsafe(closed, Effect.void)))
      yield* Effect.provide(exchange(get(url)), Transport.layer)
      yield* Deferred.await(closed)
    }))

  it.live("gives everyone who is given the layer connections of their own", () =>
    Effect.gen(function*() {
      let connections = 0
      const { server, url } = yield* listenHttp((_, response) => response.end("ok"))
      server.on("connection", () => connections++)
      yield* Effect.provide(exchange(get(url)), Transport.layer)
      yield* Effect.provide(exchange(get(url)), Transport.layer)
      assert.strictEqual(connections, 2)
    }))

  it.live("gives up a connection that is not made in time, and names the host", () =>
    Effect.gen(function*() {
      // a peer that listens and never accepts: what exceeds its backlog hangs
      const { port } = yield* deafListener(["127.0.0.1"])
      yield* fill("127.0.0.1", port)
      const error = yield* failure({ ...get(new URL(`http://127.0.0.1:${port}/`)), connectTimeoutMs: 300 })
      assert.isTrue(error.code === "ETIMEDOUT" && !error.isSent)
      assert.strictEqual(error.message, `no connection was made in time to 127.0.0.1:${port} (ETIMEDOUT)`)
    }).pipe(Effect.provide(Transport.layer)))

  it.live("leaves an answer all the time it needs once there is a connection", () =>
    Effect.gen(function*() {
      const { url } = yield* listenHttp((_, response) => setTimeout(() => response.end("late"), 300))
      let connections = 0
      const { body } = yield* exchange({ ...get(url), connectTimeoutMs: 100, onConnected: () => connections++ })
      assert.deepEqual([body, connections], ["late", 1])
    }).pipe(Effect.provide(Transport.layer)))

  it.live("returns a refusal that comes before the body has been sent", () =>
    Effect.gen(function*() {
      const { url } = yield* listenHttp((_, response) => {
        response.writeHead(401, { connection: "close" }).end("Unauthorized Access")
      })
      const body = Buffer.alloc(8 * 1024 * 1024)
      for (let index = 0; index < 5; index++) {
        const { body: text, status } = yield* exchange(post(url, body))
        assert.deepEqual([status, text], [401, "Unauthorized Access"])
      }
    }).pipe(Effect.provide(Transport.layer)))

  it.live("returns a refusal that comes on a connection used before", () =>
    Effect.gen(function*() {
      const { url } = yield* listenHttp((request, response) => {
        if (request.method === "GET") return void response.end("ok")
        response.writeHead(415).end()
      })
      const body = Buffer.alloc(1024 * 1024)
      for (let index = 0; index < 10; index++) {
        assert.strictEqual((yield* exchange(get(url))).status, 200)
        assert.strictEqual((yield* exchange(post(url, body))).status, 415)
      }
    }).pipe(Effect.provide(Transport.layer)))

  it.live("does not follow a redirect", () =>
    Effect.gen(function*() {
      let requests = 0
      const { url } = yield* listenHttp((_, response) => {
        requests++
        response.writeHead(307, { location: "/elsewhere" }).end()
      })
      const { headers, status } = yield* exchange(post(url, "secret"))
      assert.deepEqual([status, headers["location"], requests], [307, "/elsewhere", 1])
    }).pipe(Effect.provide(Transport.layer)))

  it.live("refuses a huge answer without reading it to the end", () =>
    Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const chunk = Buffer.alloc(64 * 1024, "x")
      const { url } = yield* listenHttp((_, response) => {
        const more = () => {
          while (!response.destroyed && response.write(chunk)) { /* until the socket is full */ }
        }
        response.on("drain", more)
        response.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
        more()
      })
      const error = yield* failure(get(url))
      assert.strictEqual(error.message, `the answer is too large from ${url.host} (TOO_LARGE)`)
      yield* Deferred.await(closed)
    }).pipe(Effect.provide(Transport.layer)))

  it.live("takes an answer of 1 MiB", () =>
    Effect.gen(function*() {
      const { url } = yield* listenHttp((_, response) => response.end("x".repeat(1024 * 1024)))
      assert.strictEqual((yield* exchange(get(url))).body.length, 1024 * 1024)
    }).pipe(Effect.provide(Transport.layer)))

  it.live("says that nobody listens, and that nothing was sent", () =>
    Effect.gen(function*() {
      const { url } = yield* Effect.scoped(listenRaw(() => {}))
      let connections = 0
      const error = yield* failure({ ...post(url, "x"), onConnected: () => connections++ })
      assert.strictEqual(error.message, `nothing listens at ${url.host} (ECONNREFUSED)`)
      assert.deepEqual([error.isSent, connections], [false, 0])
    }).pipe(Effect.provide(Transport.layer)))

  it.live("says that nothing was sent where the system refuses to connect at once", () =>
    Effect.gen(function*() {
      let connections = 0
      // to the broadcast address there is no TCP
      const error = yield* failure({
        ...post(new URL("http://255.255.255.255:9/"), "x"),
        onConnected: () => connections++
      })
      assert.deepEqual([error.isSent, connections], [false, 0], error.message)
    }).pipe(Effect.provide(Transport.layer)))

  const breaks: ReadonlyArray<readonly [name: string, end: (socket: Net.Socket) => void]> = [
    ["is reset", (socket) => socket.resetAndDestroy()],
    ["is closed without an answer", (socket) => socket.end()],
    ["breaks within the headers", (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-le")],
    ["breaks within the body", (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")],
    ["breaks within a chunk", (socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nha")]
  ]
  for (const [name, end] of breaks) {
    it.live(`fails when the connection ${name}, and says that the request may have arrived`, () =>
      Effect.gen(function*() {
        const { url } = yield* listenRaw((socket) => socket.once("data", () => end(socket)))
        const error = yield* failure(post(url, "x"))
        assert.isTrue(error.isSent)
        assert.include(error.message, url.host)
      }).pipe(Effect.provide(Transport.layer)))
  }

  it.live("fails when no HTTP is spoken", () =>
    Effect.gen(function*() {
      const { url } = yield* listenRaw((socket) => socket.once("data", () => socket.end("SSH-2.0-OpenSSH\r\n")))
      const error = yield* failure(get(url))
      assert.strictEqual(error.message, `no HTTP is spoken by ${url.host} (${error.code})`)
    }).pipe(Effect.provide(Transport.layer)))

  it.live("fails when no TLS is spoken", () =>
    Effect.gen(function*() {
      const { url } = yield* listenHttp((_, response) => response.end())
      const error = yield* failure(get(new URL(`https://${url.host}`)))
      assert.include(error.message, url.host)
    }).pipe(Effect.provide(Transport.layer)))

  it.live("fails for a name that has no address", () =>
    Effect.gen(function*() {
      const error = yield* failure(get(new URL("http://nowhere.invalid:5080")))
      assert.include(["ENOTFOUND", "EAI_AGAIN"], error.code)
      assert.isFalse(error.isSent)
      assert.include(error.message, "nowhere.invalid:5080")
    }).pipe(Effect.provide(Transport.layer)))

  it.live("closes the connection when it is interrupted", () =>
    Effect.gen(function*() {
      const received = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      const { url } = yield* listenRaw((socket) => {
        socket.once("data", () => Deferred.doneUnsafe(received, Effect.void))
        socket.once("close", () => Deferred.doneUnsafe(closed, Effect.void))
        socket.once("end", () => socket.destroy())
      })
      const fiber = yield* Effect.forkChild(exchange(post(url, "x")))
      yield* Deferred.await(received)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(closed)
    }).pipe(Effect.provide(Transport.layer)))

  it.live("closes the connection when it is interrupted within the answer", () =>
    Effect.gen(function*() {
      const received = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      const { url } = yield* listenRaw((socket) => {
        socket.once("data", () =>
          socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", () =>
            Deferred.doneUnsafe(received, Effect.void)))
        socket.once("close", () =>
          Deferred.doneUnsafe(closed, Effect.void))
        socket.once("end", () =>
          socket.destroy())
      })
      const fiber = yield* Effect.forkChild(exchange(post(url, "x")))
      yield* Deferred.await(received)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(closed)
    }).pipe(Effect.provide(Transport.layer)))

  it.live("is not disturbed by a kept connection that the server closes", () =>
    Effect.gen(function*() {
      const { server, url } = yield* listenHttp((_, response) => response.end("ok"))
      const socketClosed = yield* Deferred.make<void>()
      server.once("connection", (socket) => socket.once("close", () => Deferred.doneUnsafe(socketClosed, Effect.void)))
      yield* exchange(get(url))
      server.closeAllConnections()
      yield* Deferred.await(socketClosed)
      assert.strictEqual((yield* Effect.retry(exchange(get(url)), { times: 1 })).body, "ok")
    }).pipe(Effect.provide(Transport.layer)))
})
