/** Hosts that have a name, and with it several addresses. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readFileSync } from "node:fs"
import type * as Net from "node:net"
import { Transport, type TransportError, type TransportRequest } from "../../../src/platform/Transport.ts"
import type { Lookup } from "../../../src/platform/Dialler.ts"
import { listenHttp, listenRaw, listenTls, silent } from "../../support/peers.ts"

const LIVE = "127.0.0.1"

/** Addresses of this machine that nobody else uses. */
const others = (count: number) => Array.from({ length: count }, (_, index) => `127.0.3.${index + 1}`)

const tls = JSON.parse(
  readFileSync(new URL("../../support/fixtures/openobserve/tls.json", import.meta.url), "utf8")
) as { readonly key: string; readonly cert: string }

/** A transport for which `name.test` has these addresses. */
const knowing = (addresses: ReadonlyArray<string>) =>
  Effect.provide(Transport.layerWith({ lookup: (_, done) => done(null, addresses) }))

const request = (port: number, more: Partial<TransportRequest> = {}): TransportRequest => ({
  method: "GET",
  url: new URL(`http://name.test:${port}/`),
  headers: {},
  ...more
})

const exchange = Effect.fnUntraced(function*(request: TransportRequest) {
  const transport = yield* Transport
  return yield* transport.exchange(request)
})

const failure = (request: TransportRequest): Effect.Effect<TransportError, unknown, Transport> =>
  Effect.flip(exchange(request))

const dropIdle = Effect.flatMap(Transport, ({ dropIdle }) => dropIdle)

describe("Transport, to a name", () => {
  it.live("connects where somebody listens, though the first ones refuse", () =>
    Effect.gen(function*() {
      const { port } = yield* listenHttp((request, response) => response.end(request.headers.host))
      let connections = 0
      const { body } = yield* exchange(request(port, { onConnected: () => connections++ }))
      assert.deepEqual([body, connections], [`name.test:${port}`, 1])
    }).pipe(knowing([...others(20), LIVE])))

  it.live("reaches an address behind many that are silent, in the next attempt if not in this one", () =>
    Effect.gen(function*() {
      const { port, server } = yield* listenHttp((_, response) => response.end("ok"))
      yield* silent(others(8), port)
      let connections = 0
      server.on("connection", () => connections++)
      const first = yield* failure(request(port, { connectTimeoutMs: 900 }))
      assert.deepInclude({ ...first }, { code: "ETIMEDOUT", isSent: false, isStale: false })
      assert.match(
        first.message,
        new RegExp(
          `^no connection was made in time to name\\.test:${port} \\(ETIMEDOUT; [1-9] of 9 addresses tried\\)$`
        )
      )
      // an attempt on a busy machine may get to fewer than it has time for
      const { body } = yield* Effect.retry(exchange(request(port, { connectTimeoutMs: 900 })), { times: 3 })
      assert.strictEqual(body, "ok")
      // and there the next one begins
      yield* dropIdle
      yield* exchange(request(port, { connectTimeoutMs: 60_000 }))
      assert.strictEqual(connections, 2)
    }).pipe(knowing([...others(8), LIVE])))

  it.live("does not give up an address for being slow", () =>
    Effect.gen(function*() {
      const { port } = yield* listenRaw(() => {})
      const [slow, ...dead] = others(3)
      const { wake } = yield* silent([slow!], port)
      yield* silent(dead, port)
      const fiber = yield* Effect.forkChild(exchange(request(port, { connectTimeoutMs: 20_000 })))
      // Two others have had their turn by then, or it shows less. What was dropped is sent again after a second.
      yield* Effect.sleep(800)
      yield* wake
      assert.strictEqual((yield* Fiber.join(fiber)).body, "woken")
    }).pipe(knowing(others(3))))

  it.live("says how many addresses refuse", () =>
    Effect.gen(function*() {
      const { port } = yield* Effect.scoped(listenRaw(() => {}))
      let connections = 0
      const error = yield* failure(request(port, { onConnected: () => connections++ }))
      assert.strictEqual(error.message, `nothing listens at name.test:${port} (ECONNREFUSED; 3 addresses tried)`)
      assert.deepEqual([error.code, error.isSent, error.isStale, connections], ["ECONNREFUSED", false, false, 0])
    }).pipe(knowing(others(3))))

  it.live("does not count where there is one", () =>
    Effect.gen(function*() {
      const { port } = yield* Effect.scoped(listenRaw(() => {}))
      assert.strictEqual(
        (yield* failure(request(port))).message,
        `nothing listens at name.test:${port} (ECONNREFUSED)`
      )
    }).pipe(knowing(others(1))))

  it.live("says that the name was not resolved in time", () =>
    Effect.gen(function*() {
      const { code, isSent, message } = yield* failure(request(5080, { connectTimeoutMs: 50 }))
      assert.deepEqual([code, isSent], ["ETIMEDOUT", false])
      assert.strictEqual(
        message,
        "no connection was made in time to name.test:5080 (ETIMEDOUT; its name was not resolved)"
      )
    }).pipe(Effect.provide(Transport.layerWith({ lookup: () => {} }))))

  it.live("looks nothing up for an address", () =>
    Effect.gen(function*() {
      const { url } = yield* listenHttp((_, response) => response.end("ok"))
      assert.strictEqual((yield* exchange({ method: "GET", url, headers: {} })).body, "ok")
      const { code } = yield* failure({ method: "GET", url: new URL("http://[::1]:1/"), headers: {} })
      assert.notStrictEqual(code, "ENOTFOUND")
    }).pipe(Effect.provide(Transport.layerWith({ lookup: () => assert.fail("is not needed") }))))

  it.live("knows the names that the system knows", () =>
    Effect.gen(function*() {
      const { port } = yield* listenHttp((_, response) => response.end("ok"))
      const url = new URL(`http://localhost:${port}/`)
      assert.strictEqual((yield* exchange({ method: "GET", url, headers: {}, connectTimeoutMs: 20_000 })).body, "ok")
    }).pipe(Effect.provide(Transport.layer)))

  it.live("uses a connection again, and looks nothing up for that", () => {
    let lookups = 0
    const lookup: Lookup = (_, done) => {
      lookups++
      done(null, [...others(1), LIVE])
    }
    return Effect.gen(function*() {
      const { port } = yield* listenHttp((_, response) => response.end("ok"))
      for (let index = 0; index < 5; index++) yield* exchange(request(port))
      assert.strictEqual(lookups, 1)
      yield* dropIdle
      yield* exchange(request(port))
      assert.strictEqual(lookups, 2)
    }).pipe(Effect.provide(Transport.layerWith({ lookup })))
  })

  it.live("makes several connections at once", () =>
    Effect.gen(function*() {
      const { port } = yield* listenHttp((_, response) => response.end("ok"))
      const answers = yield* Effect.all(Array.from({ length: 8 }, () => exchange(request(port))), {
        concurrency: "unbounded"
      })
      assert.deepEqual(answers.map(({ body }) => body), Array.from({ length: 8 }, () => "ok"))
    }).pipe(knowing([...others(2), LIVE])))

  it.live("closes the connection when it is interrupted", () =>
    Effect.gen(function*() {
      const received = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      const { port } = yield* listenRaw((socket) => {
        socket.once("data", () => Deferred.doneUnsafe(received, Effect.void))
        socket.once("close", () => Deferred.doneUnsafe(closed, Effect.void))
        socket.once("end", () => socket.destroy())
      })
      const fiber = yield* Effect.forkChild(exchange(request(port)))
      yield* Deferred.await(received)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(closed)
    }).pipe(knowing([...others(1), LIVE])))

  it.live("leaves no connection behind, at whatever moment it is interrupted", () =>
    Effect.gen(function*() {
      const open = new Set<Net.Socket>()
      const { port, server } = yield* listenHttp((_, response) => setTimeout(() => response.end("ok"), 50))
      server.on("connection", (socket) => {
        open.add(socket)
        socket.on("close", () => open.delete(socket))
      })
      for (let round = 0; round < 40; round++) {
        const fiber = yield* Effect.forkChild(exchange(request(port)))
        for (let tick = 0; tick < round; tick++) yield* Effect.promise(() => new Promise(setImmediate))
        yield* Fiber.interrupt(fiber)
      }
      while (open.size > 0) yield* Effect.sleep(5)
    }).pipe(knowing([...others(2), LIVE])))

  it.live("speaks TLS with the address in the name's stead, and passes over one that does not answer", () =>
    Effect.gen(function*() {
      const names: Array<string> = []
      const { port } = yield* listenTls({
        ...tls,
        SNICallback: (name, done) => {
          names.push(name)
          done(null)
        }
      }, (_, response) => response.end("ok"))
      let connections = 0
      const details = request(port, {
        url: new URL(`https://name.test:${port}/`),
        onConnected: () => connections++
      })
      const error = yield* failure(details)
      assert.deepEqual([error.code, error.isSent, connections], ["DEPTH_ZERO_SELF_SIGNED_CERT", false, 0])
      assert.include(error.message, `name.test:${port} (DEPTH_ZERO_SELF_SIGNED_CERT; 2 of 3 addresses tried)`)
      assert.deepEqual(names, ["name.test"])
    }).pipe(knowing([...others(1), LIVE, "127.0.3.2"])))
})
