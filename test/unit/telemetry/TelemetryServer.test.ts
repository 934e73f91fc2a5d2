import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { createHook } from "node:async_hooks"
import * as Http from "node:http"
import * as Net from "node:net"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import { Ledger } from "../../../src/delivery/Ledger.ts"
import { MAX_CONNECTIONS } from "../../../src/platform/HttpListener.ts"
import { TelemetryServer } from "../../../src/telemetry/TelemetryServer.ts"
import { settings } from "../../support/fakes/sinkUnderTest.ts"

const layer = TelemetryServer.layerNoDeps.pipe(
  Layer.provideMerge(LogBuffer.layerNoDeps),
  Layer.provideMerge(Ledger.layer),
  Layer.provideMerge(ExtensionConfig.layerEnv({ ...settings, O2_MAX_BUFFER_SIZE_MB: "1" }))
)

const MEBIBYTE = 1024 * 1024

/** Sends a request and answers with the status, or with the code of the error. */
const request = (method: string, path: string, body: string | Uint8Array, headers: Http.OutgoingHttpHeaders = {}) =>
  Effect.flatMap(TelemetryServer, ({ port }) =>
    Effect.callback<number | string>((resume) => {
      const request = Http.request({ port, host: "127.0.0.1", method, path, headers, agent: false }, (response) => {
        response.resume()
        response.once("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
      })
      request.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code ?? "")))
      request.end(body)
    }))

const post = (body: string | Uint8Array) => TelemetryServer.use(({ path }) => request("POST", path, body))

/** Opens a connection and sends the beginning of a post over it, which announces so many bytes. */
const begin = (beginning: string, bytes: number) =>
  Effect.flatMap(TelemetryServer, ({ path, port }) =>
    Effect.callback<Net.Socket>((resume) => {
      const socket = Net.connect(port, "127.0.0.1", () => {
        socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n${beginning}`)
        resume(Effect.succeed(socket))
      })
      socket.on("error", () => {})
    }))

const beginPost = begin("the beginning", 1000)

/** Sends the rest of a post, and answers with what comes back first. */
const finish = (socket: Net.Socket, rest: string) =>
  Effect.callback<string>((resume) => {
    socket.once("data", (data) => resume(Effect.succeed(data.toString())))
    socket.once("close", () => resume(Effect.succeed("closed")))
    socket.write(rest)
  })

const heldBytes = LogBuffer.use((buffer) => Effect.map(buffer.state, (state) => state.heldBytes))

const counts = Ledger.use((ledger) => Effect.map(ledger.snapshot, ({ receiving }) => receiving))

/** The text of the next post, whose memory is given back; `undefined` for one that was lost. */
const received = TelemetryServer.use(({ arrivals }) =>
  Effect.map(Queue.take(arrivals), (arrival) => {
    if (arrival._tag === "Lost") return undefined
    arrival.held.release()
    return Buffer.from(arrival.bytes).toString()
  })
)

/** Polls until a number is the wanted one. */
const become = <R>(effect: Effect.Effect<number, never, R>, wanted: number) =>
  Effect.gen(function*() {
    for (let attempt = 0; attempt < 400 && (yield* effect) !== wanted; attempt++) yield* Effect.sleep(5)
    assert.strictEqual(yield* effect, wanted)
  })

describe("TelemetryServer", () => {
  it.live("hands posts on unread, in order, and counts their bytes", () =>
    Effect.gen(function*() {
      for (const body of ["[]", "no JSON", "[{}]"]) assert.strictEqual(yield* post(body), 200)
      assert.strictEqual(yield* heldBytes, 13)
      assert.deepStrictEqual(yield* Effect.all([received, received, received]), ["[]", "no JSON", "[{}]"])
      assert.deepStrictEqual(yield* counts, {
        posts: 3,
        malformed: 0,
        postsDropped: 0,
        spillFilesDropped: 0,
        refusedRequests: 0,
        processorFailures: 0
      })
    }).pipe(Effect.provide(layer)))

  it.live("answers 404 to all but posts to its path, keeps nothing of it, and counts it", () =>
    Effect.gen(function*() {
      const { path } = yield* TelemetryServer
      assert.match(path, /^\/telemetry\/[\w-]{32,}$/)
      const forged = "[{\"time\":\"2026-11-22T10:00:00.000Z\",\"type\":\"function\",\"record\":\"forged\"}]"
      const others = [["POST", "/"], ["POST", "/telemetry"], ["POST", `${path}/`], ["POST", `${path}?x=1`]] as const
      for (const [method, url] of others) assert.strictEqual(yield* request(method, url, forged), 404)
      for (const method of ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        assert.strictEqual(yield* request(method, path, forged), 404)
      }
      assert.strictEqual(yield* request("POST", "/", Buffer.alloc(4 * MEBIBYTE, "x")), 404)
      assert.strictEqual(yield* heldBytes, 0)
      assert.strictEqual(yield* post("next"), 200)
      assert.strictEqual(yield* received, "next")
      assert.deepStrictEqual(yield* counts, {
        posts: 1,
        malformed: 0,
        postsDropped: 0,
        spillFilesDropped: 0,
        refusedRequests: 10,
        processorFailures: 0
      })
    }).pipe(Effect.provide(layer)))

  it.live("takes posts to the root where the platform leaves out the path, and nothing else", () =>
    Effect.gen(function*() {
      yield* TelemetryServer.use(({ openRoot }) => openRoot)
      assert.strictEqual(yield* request("POST", "/", "[]"), 200)
      assert.strictEqual(yield* received, "[]")
      assert.strictEqual(yield* request("POST", "/elsewhere", "[]"), 404)
      assert.strictEqual(yield* request("GET", "/", ""), 404)
    }).pipe(Effect.provide(layer)))

  it.live("has another path in each process", () =>
    Effect.gen(function*() {
      const pathOf = TelemetryServer.use(({ path }) => Effect.succeed(path)).pipe(Effect.provide(Layer.fresh(layer)))
      assert.notStrictEqual(yield* pathOf, yield* pathOf)
    }))

  it.live("hands on nothing for an empty post", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* post(""), 200)
      assert.strictEqual(yield* post("next"), 200)
      assert.strictEqual(yield* received, "next")
    }).pipe(Effect.provide(layer)))

  it.live("answers 200 to a post over its limit, gives it up and frees its memory", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* post(Buffer.alloc(MEBIBYTE, "x")), 200)
      assert.strictEqual((yield* received)?.length, MEBIBYTE)
      assert.strictEqual(yield* post(Buffer.alloc(MEBIBYTE + 1, "x")), 200)
      assert.strictEqual(yield* heldBytes, 0)
      assert.isUndefined(yield* received)
      assert.deepStrictEqual(yield* counts, {
        posts: 1,
        malformed: 0,
        postsDropped: 1,
        spillFilesDropped: 0,
        refusedRequests: 0,
        processorFailures: 0
      })
    }).pipe(Effect.provide(layer)))

  it.live("gives up a post whose sender goes away", () =>
    Effect.gen(function*() {
      const socket = yield* beginPost
      yield* become(heldBytes, 13)
      socket.destroy()
      assert.isUndefined(yield* received)
      assert.strictEqual(yield* heldBytes, 0)
      assert.deepStrictEqual(yield* counts, {
        posts: 0,
        malformed: 0,
        postsDropped: 1,
        spillFilesDropped: 0,
        refusedRequests: 0,
        processorFailures: 0
      })
      assert.strictEqual(yield* post("next"), 200)
    }).pipe(Effect.provide(layer)))

  it.live("answers 200 to a post that was given up for others when it ends after all", () =>
    Effect.gen(function*() {
      const half = "x".repeat(600_000)
      const first = yield* begin(half, half.length + 3)
      yield* become(heldBytes, half.length)
      const second = yield* begin(half, half.length + 3)
      yield* become(Effect.map(counts, ({ postsDropped }) => postsDropped), 1)
      yield* become(heldBytes, half.length)
      assert.isUndefined(yield* received)
      assert.match(yield* finish(first, "end"), /^HTTP\/1\.1 200 /)
      assert.match(yield* finish(second, "end"), /^HTTP\/1\.1 200 /)
      assert.strictEqual(yield* received, `${half}end`)
      assert.deepStrictEqual(yield* counts, {
        posts: 1,
        malformed: 0,
        postsDropped: 1,
        spillFilesDropped: 0,
        refusedRequests: 0,
        processorFailures: 0
      })
      assert.strictEqual(yield* heldBytes, 0)
    }).pipe(Effect.provide(layer)))

  it.live("gives up what began before the last post and has not ended, when records need the room", () =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      yield* begin("x".repeat(600_000), MEBIBYTE)
      yield* become(heldBytes, 600_000)
      assert.strictEqual(yield* post("[]"), 200)
      const records = buffer.reserveUnsafe(MEBIBYTE / 2)
      assert.strictEqual(yield* heldBytes, MEBIBYTE / 2 + 2)
      records.release()
      assert.deepStrictEqual([yield* received, yield* received], ["[]", undefined])
    }).pipe(Effect.provide(layer)))

  it.live("keeps few connections open, those that were used last", () =>
    Effect.gen(function*() {
      const kept = yield* begin("4", 8)
      yield* become(heldBytes, 1)
      for (let count = 0; count < MAX_CONNECTIONS - 1; count++) yield* begin("", 1)
      assert.match(yield* finish(kept, "2 bytes"), /^HTTP\/1\.1 200 /)
      // the next request on it makes it the youngest
      assert.match(yield* finish(kept, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), /^HTTP\/1\.1 404 /)
      for (let count = 0; count < 3; count++) yield* begin("", 1)
      yield* become(Effect.map(counts, ({ postsDropped }) => postsDropped), 3)
      assert.match(yield* finish(kept, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), /^HTTP\/1\.1 404 /)
    }).pipe(Effect.provide(layer)))

  it.live("closes with every connection, also twice, and counts what was half received", () =>
    Effect.gen(function*() {
      yield* beginPost
      yield* become(heldBytes, 13)
      const { close } = yield* TelemetryServer
      yield* close
      yield* close
      yield* become(Effect.map(counts, ({ postsDropped }) => postsDropped), 1)
      assert.strictEqual(yield* post("late"), "ECONNREFUSED")
    }).pipe(Effect.provide(layer)))

  it.live("sets no timer that wakes an idle sandbox again and again", () =>
    Effect.gen(function*() {
      const timers: Array<{ readonly _repeat: number | null }> = []
      const hook = createHook({
        init: (_id, type, _trigger, resource) => {
          if (type === "Timeout") timers.push(resource as (typeof timers)[number])
        }
      })
      hook.enable()
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* post("[]"), 200)
        const repeated = timers.map(({ _repeat }) => _repeat).filter((millis) => millis !== null)
        assert.deepStrictEqual(repeated, [2_147_483_647])
      }).pipe(Effect.provide(layer), Effect.ensuring(Effect.sync(() => hook.disable())))
    }))
})
