/** The way through a proxy; `test/integration/Proxy.test.ts` has what both flavours say of it. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Transport, type TransportRequest } from "../../../src/platform/Transport.ts"
import { listenHttp, listenRaw, listenTls } from "../../support/peers.ts"
import { authorityFile, proxyPeer } from "../../support/proxyPeer.ts"
import { certificates } from "../../support/tlsPeers.ts"

const LIVE = "127.0.0.1"

/** Addresses of this machine that nobody else uses. */
const others = (count: number) => Array.from({ length: count }, (_, index) => `127.0.7.${index + 1}`)

const get = (url: string): TransportRequest => ({ method: "GET", url: new URL(url), headers: {} })

const exchange = (request: TransportRequest) => Effect.flatMap(Transport, ({ exchange }) => exchange(request))

describe("Transport, through a proxy", () => {
  let directory: string
  let authority: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "o2-proxy-"))
    authority = authorityFile(directory)
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  /** All through a proxy at this port of `proxy.test`, which has these addresses. */
  const through = (port: number, addresses: ReadonlyArray<string> = [LIVE], host = "proxy.test") =>
    Effect.provide(Transport.layerWith({
      authorityFiles: [{ variable: "A", path: authority }],
      lookup: (name, done) => done(null, name === "proxy.test" ? addresses : [name]),
      proxy: { url: new URL(`http://${host}:${port}`), variable: "P", authorization: undefined }
    }))

  it.live("a tunnel is kept, and is one for each server", () =>
    Effect.gen(function*() {
      const { port: to } = yield* listenTls(
        certificates.named,
        (request, response) => response.end(request.headers.host)
      )
      const { port, seen } = yield* proxyPeer({ to })
      const hosts = Effect.forEach([1, 2, 3], () => exchange(get("https://other.example/x")))
      const answers = yield* Effect.map(hosts, (all) => all.map(({ body }) => body)).pipe(through(port))
      assert.deepStrictEqual(answers, ["other.example", "other.example", "other.example"])
      assert.deepStrictEqual(seen, ["CONNECT other.example:443"])
    }))

  it.live("its addresses are tried in turn: some refuse, one accepts and says nothing", () =>
    Effect.gen(function*() {
      const { port: to } = yield* listenTls(certificates.named, (_, response) => response.end("ok"))
      const { port } = yield* proxyPeer({ to })
      const [deaf, ...refusing] = others(5)
      const accepted = yield* Deferred.make<void>()
      yield* listenRaw(() => Deferred.doneUnsafe(accepted, Effect.void), { port, host: deaf! })
      const { body } = yield* exchange(get("https://other.example/")).pipe(through(port, [...refusing, deaf!, LIVE]))
      assert.strictEqual(body, "ok")
      yield* Deferred.await(accepted)
    }))

  it.live("requests in absolute form take a connection to the proxy each, which is kept", () =>
    Effect.gen(function*() {
      let connections = 0
      const { port, server } = yield* listenHttp((request, response) =>
        response.end(`${request.url} of ${request.headers.host}`)
      )
      server.on("connection", () => connections++)
      const both = Effect.forEach(["http://[fd00::1]:5080/a?b", "http://[fd00::1]:5080/c"], (url) => exchange(get(url)))
      const bodies = (yield* both.pipe(through(port, [], LIVE))).map(({ body }) => body)
      assert.deepStrictEqual(bodies, [
        "http://[fd00::1]:5080/a?b of [fd00::1]:5080",
        "http://[fd00::1]:5080/c of [fd00::1]:5080"
      ])
      assert.strictEqual(connections, 1)
    }))

  it.live("an IPv6 server is asked for in brackets", () =>
    Effect.gen(function*() {
      const { port, seen } = yield* proxyPeer({ to: 1 })
      const error = yield* Effect.flip(exchange(get("https://[fd00::1]/")).pipe(through(port)))
      assert.deepStrictEqual(seen, ["CONNECT [fd00::1]:443"])
      assert.strictEqual(error.message, `no way to the server was found by the proxy proxy.test:${port} (PROXY_502)`)
    }))

  it.live("who does not wait for the tunnel any longer leaves no connection behind", () =>
    Effect.gen(function*() {
      const [asked, closed] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const { port } = yield* listenRaw((socket) => {
        socket.once("data", () => Deferred.doneUnsafe(asked, Effect.void))
        socket.once("close", () => Deferred.doneUnsafe(closed, Effect.void))
        socket.once("end", () => socket.end())
      })
      const fiber = yield* Effect.forkChild(exchange(get("https://other.example/")).pipe(through(port)))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(closed)
    }))
})
