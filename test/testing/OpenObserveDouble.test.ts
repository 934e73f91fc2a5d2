import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { readFileSync } from "node:fs"
import * as Http from "node:http"
import * as Net from "node:net"
import { gzipSync } from "node:zlib"
import { OpenObserveDouble, type OpenObserveDoubleOptions } from "../../src/testing/OpenObserveDouble.ts"
import { call, firstRequest } from "./OpenObserveClient.ts"

/** Posts records to a stream of the double with the right credentials. */
const post = Effect.fnUntraced(
  function*(body: string | Uint8Array, headers: Record<string, string> = {}, agent?: Http.Agent) {
    const double = yield* OpenObserveDouble
    return yield* call(`${double.url}/api/default/app/_json`, {
      headers: { authorization: double.authorization, ...headers },
      body,
      agent
    })
  }
)

const keepAliveAgent = Effect.acquireRelease(
  Effect.sync(() => new Http.Agent({ keepAlive: true, maxSockets: 1 })),
  (agent) => Effect.sync(() => agent.destroy())
)

const withDouble = (options?: OpenObserveDoubleOptions) => Effect.provide(OpenObserveDouble.layer(options))

/** Writes bytes to a fresh connection and collects what comes back until it ends, or for a moment. */
const raw = Effect.fnUntraced(function*(bytes: string) {
  const { url } = yield* OpenObserveDouble
  let text = ""
  const ended = Effect.callback<void>((resume) => {
    const socket = Net.connect(Number(new URL(url).port), "127.0.0.1")
    socket.on("data", (chunk) => {
      text += chunk.toString()
    })
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.void))
    socket.write(bytes)
    return Effect.sync(() => socket.destroy())
  })
  const isClosed = Option.isSome(yield* Effect.timeoutOption(ended, "150 millis"))
  return { text, isClosed }
})

describe("OpenObserveDouble", () => {
  describe("requests", () => {
    it.live("records headers, sizes, decoded body, answer and connection in order", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const agent = yield* keepAliveAgent
        const body = gzipSync("[{\"m\":\"x\"}]")
        yield* post(body, { "content-encoding": "gzip", "x-test": "1" }, agent)
        yield* post("[]", {}, agent)
        yield* post("[]")
        const [first, second, third] = yield* double.requests
        assert.strictEqual(first?.method, "POST")
        assert.strictEqual(first?.path, "/api/default/app/_json")
        assert.strictEqual(first?.headers["x-test"], "1")
        assert.strictEqual(first?.wireBytes, body.length)
        assert.strictEqual(Buffer.from(first?.body ?? []).toString(), "[{\"m\":\"x\"}]")
        assert.strictEqual(first?.status, 200)
        assert.include(first?.answer, "\"successful\":1")
        assert.deepEqual([first?.connection, second?.connection, third?.connection], [1, 1, 2])
      }).pipe(Effect.scoped, withDouble()))

    it.live("records a body that is never finished as aborted", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const request = Http.request(`${double.url}/api/default/app/_json`, {
          method: "POST",
          headers: { authorization: double.authorization, "content-length": "100" }
        })
        request.on("error", () => {})
        yield* Effect.callback<void>((resume) => void request.write("[{", () => resume(Effect.void)))
        yield* Effect.sleep("20 millis")
        assert.deepEqual(yield* double.requests, [])
        request.destroy()
        yield* firstRequest
        assert.strictEqual((yield* double.requests)[0]?.status, "aborted")
      }).pipe(withDouble()))

    it.live("forgets everything when cleared", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        yield* post("[{\"m\":\"x\"}]")
        yield* double.clear
        assert.deepEqual(yield* double.requests, [])
        assert.deepEqual(yield* double.records("app"), [])
      }).pipe(withDouble()))
  })

  describe("connections", () => {
    it.live("keeps a connection through refusals whose body was read", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const agent = yield* keepAliveAgent
        const body = Buffer.alloc(1024 * 1024, "x")
        for (let i = 0; i < 4; i++) assert.strictEqual((yield* post(body, {}, agent)).status, 400)
        const connections = (yield* double.requests).map(({ connection }) => connection)
        assert.deepEqual(connections, [1, 1, 1, 1])
      }).pipe(Effect.scoped, withDouble()))

    it.live("keeps a connection through early refusals of small bodies", () =>
      Effect.gen(function*() {
        const agent = yield* keepAliveAgent
        const headers = { authorization: "Basic eDp5" }
        for (let i = 0; i < 10; i++) {
          assert.strictEqual((yield* post(Buffer.alloc(10 * 1024, " "), headers, agent)).status, 401)
        }
        const connections = (yield* (yield* OpenObserveDouble).requests).map(({ connection }) => connection)
        assert.deepEqual(new Set(connections), new Set([1]))
      }).pipe(Effect.scoped, withDouble()))

    for (
      const [name, status, headers] of [
        ["wrong credentials", 401, { authorization: "Basic eDp5" }],
        ["an unknown coding", 415, { "content-encoding": "zstd" }]
      ] as const
    ) {
      it.live(`answers ${name} and breaks the connection in turn when bodies are large`, () =>
        Effect.gen(function*() {
          const agent = yield* keepAliveAgent
          for (let i = 0; i < 10; i++) {
            const outcome = yield* Effect.result(post(Buffer.alloc(256 * 1024, " "), headers, agent))
            if (i % 2 === 0) {
              assert.strictEqual(outcome._tag === "Success" ? outcome.success.status : outcome.failure.message, status)
              assert.isUndefined(outcome._tag === "Success" ? outcome.success.headers.connection : undefined)
            } else {
              assert.strictEqual(outcome._tag, "Failure")
              if (outcome._tag === "Failure") assert.include(["EPIPE", "ECONNRESET"], outcome.failure.code)
            }
          }
        }).pipe(Effect.scoped, withDouble()))
    }

    it.live("answers wrong credentials before the body is in, then closes", () =>
      Effect.gen(function*() {
        const { isClosed, text } = yield* raw(
          "POST /api/default/app/_json HTTP/1.1\r\nhost: x\r\nauthorization: Basic eDp5\r\ncontent-length: 3000000\r\n\r\n["
        )
        assert.match(text, /^HTTP\/1\.1 401 Unauthorized\r\nwww-authenticate: Bearer realm="openobserve"\r\n/)
        assert.notInclude(text.toLowerCase(), "connection:")
        assert.isTrue(text.endsWith("\r\n\r\nUnauthorized Access"))
        assert.isTrue(isClosed)
      }).pipe(withDouble()))

    it.live("waits for the body of a request it will take, and never closes", () =>
      Effect.gen(function*() {
        const { authorization } = yield* OpenObserveDouble
        const outcome = yield* raw(
          `POST /api/default/app/_json HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-length: 9\r\n\r\n[`
        )
        assert.deepEqual(outcome, { text: "", isClosed: false })
      }).pipe(withDouble()))

    it.live("answers pipelined requests in turn and stays open", () =>
      Effect.gen(function*() {
        const { isClosed, text } = yield* raw("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3))
        assert.strictEqual(text.split("HTTP/1.1 200 OK").length, 4)
        assert.isFalse(isClosed)
      }).pipe(withDouble()))

    it.live("answers a garbage request line with an empty 400 and closes", () =>
      Effect.gen(function*() {
        const { isClosed, text } = yield* raw("nonsense\r\n\r\n")
        assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n/)
        assert.isTrue(isClosed)
      }).pipe(withDouble()))

    it.live("takes 20 kB of headers", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* post("[]", { "x-long": "x".repeat(20_000) })).status, 200)
      }).pipe(withDouble()))

    it.live("compresses an answer only when asked to", () =>
      Effect.gen(function*() {
        assert.isUndefined((yield* post("[]")).headers["content-encoding"])
        assert.strictEqual((yield* post("[]", { "accept-encoding": "gzip, br" })).headers["content-encoding"], "br")
      }).pipe(withDouble()))

    it.live("sends the headers of the server", () =>
      Effect.gen(function*() {
        const { headers } = yield* post("[]")
        assert.strictEqual(headers["access-control-allow-credentials"], "true")
        assert.isDefined(headers["x-api-node"])
        assert.match(String(headers["o2_process_time"]), /^\d{16}$/)
        assert.include(headers.vary, "accept-encoding")
        assert.isUndefined(headers["keep-alive"])
      }).pipe(withDouble()))

    it.live("closes after the answer when the client asks for it", () =>
      Effect.gen(function*() {
        const { headers } = yield* post("[]", { connection: "close" })
        assert.strictEqual(headers.connection, "close")
      }).pipe(withDouble()))
  })

  describe("records", () => {
    it.live("are in order of time, those of one instant in order of arrival", () =>
      Effect.gen(function*() {
        const now = (yield* Clock.currentTimeMillis) * 1000
        yield* post(
          JSON.stringify([{ _timestamp: now, m: 1 }, { _timestamp: now - 5, m: 2 }, { _timestamp: now, m: 3 }])
        )
        const records = yield* (yield* OpenObserveDouble).records("app")
        assert.deepEqual(records.map(({ m }) => m), [2, 1, 3])
      }).pipe(withDouble()))

    it.live("are stored as often as they are sent", () =>
      Effect.gen(function*() {
        const body = JSON.stringify([{ _timestamp: (yield* Clock.currentTimeMillis) * 1000, m: "x" }])
        yield* post(body)
        yield* post(body)
        const records = yield* (yield* OpenObserveDouble).records("app")
        assert.strictEqual(records.length, 2)
      }).pipe(withDouble()))
  })

  describe("awaitRecords", () => {
    it.live("completes when the last record comes", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const fiber = yield* Effect.forkChild(double.awaitRecords("app", 2))
        yield* post("[{\"m\":1}]")
        yield* post("[{\"m\":2}]")
        const records = yield* Fiber.join(fiber)
        assert.deepEqual(records.map(({ m }) => m), [1, 2])
      }).pipe(withDouble()))

    it.live("says what is there when the time is over", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const silent = yield* Effect.flip(double.awaitRecords("app", 3, "10 millis"))
        assert.strictEqual(silent.message, "default/app holds 0 of the 3 records waited for; no request came")
        yield* post("[{\"m\":1}]")
        yield* post("nonsense")
        const error = yield* Effect.flip(double.awaitRecords("app", 3, "10 millis"))
        assert.strictEqual(
          error.message,
          "default/app holds 1 of the 3 records waited for; 2 requests came, the last one ended with 400 "
            + "{\"code\":400,\"message\":\"SerdeJsonError# expected ident at line 1 column 2\"}"
        )
      }).pipe(withDouble()))
  })

  describe("options", () => {
    it.live("cloud limits a batch to 200 columns and refuses reserved streams", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const wide = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, i]))
        assert.include((yield* post(JSON.stringify([wide]))).body, "\"successful\":0,\"failed\":0")
        const reserved = yield* call(`${double.url}/api/default/usage/_json`, {
          headers: { authorization: double.authorization },
          body: "[{\"m\":1}]"
        })
        assert.strictEqual(
          reserved.body,
          "{\"code\":400,\"message\":\"Error# stream 'usage' is reserved and cannot be ingested into\"}"
        )
      }).pipe(withDouble({ flavour: "cloud" })))

    it.live("columnLimit drops a batch that is too wide without a word", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const wide = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i}`, i]))
        const { body } = yield* post(JSON.stringify([wide]))
        assert.strictEqual(body, "{\"code\":200,\"status\":[{\"name\":\"app\",\"successful\":0,\"failed\":0}]}")
        assert.deepEqual(yield* double.records("app"), [])
      }).pipe(withDouble({ columnLimit: 5 })))

    it.live("payloadLimitBytes counts decompressed bytes", () =>
      Effect.gen(function*() {
        const fits = `${" ".repeat(999_998)}[]`
        const [plain, packed] = [fits, gzipSync(fits)]
        const tooLong = `${" ".repeat(1_500_000)}[]`
        assert.strictEqual((yield* post(plain)).status, 200)
        assert.strictEqual((yield* post(packed, { "content-encoding": "gzip" })).status, 200)
        for (
          const [body, headers] of [
            [tooLong, {}],
            [tooLong, { "transfer-encoding": "chunked" }],
            [gzipSync(tooLong), { "content-encoding": "gzip" }]
          ] as ReadonlyArray<[string | Uint8Array, Record<string, string>]>
        ) {
          const reply = yield* post(body, headers)
          assert.strictEqual(reply.status, 413)
          assert.strictEqual(reply.body, "Failed to buffer the request body: length limit exceeded")
        }
      }).pipe(withDouble({ payloadLimitBytes: 1_000_000 })))

    it.live("basePath comes before every path", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        assert.isTrue(double.url.endsWith("/o2"))
        assert.strictEqual((yield* post("[]")).status, 200)
        const outside = yield* call(`${double.url.slice(0, -"/o2".length)}/healthz`, { method: "GET" })
        assert.strictEqual(outside.status, 404)
      }).pipe(withDouble({ basePath: "/o2" })))

    it.live("tls serves https", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        assert.isTrue(double.url.startsWith("https://127.0.0.1:"))
        const health = yield* call(`${double.url}/healthz`, { method: "GET", rejectUnauthorized: false })
        assert.strictEqual(health.body, "{\"status\":\"ok\"}")
      }).pipe(
        withDouble({
          tls: JSON.parse(readFileSync(new URL("../support/fixtures/openobserve/tls.json", import.meta.url), "utf8"))
        })
      ))

    it.live("a port that is taken fails the layer with a sentence", () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const port = Number(new URL(double.url).port)
        const error = yield* Effect.flip(
          Effect.scoped(Effect.provide(OpenObserveDouble, OpenObserveDouble.layer({ port })))
        )
        assert.match(error.message, new RegExp(`^cannot listen on port ${port}: Error: listen EADDRINUSE`))
      }).pipe(withDouble()))
  })

  it.live("setLatency delays answers", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setLatency(80)
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(post("[]"), "20 millis")))
      yield* double.setLatency(0)
      assert.strictEqual((yield* post("[]")).status, 200)
    }).pipe(withDouble()))
})
