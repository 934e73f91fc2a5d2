import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Net from "node:net"
import { gzipSync } from "node:zlib"
import { Fault, OpenObserveDouble, type OpenObserveDoubleOptions } from "../../src/testing/OpenObserveDouble.ts"
import { call, firstRequest, type Reply } from "./OpenObserveClient.ts"

const postOf = Effect.fnUntraced(function*(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}) {
  const double = yield* OpenObserveDouble
  return yield* call(`${double.url}/api/default/app/_json`, {
    headers: { authorization: double.authorization, ...headers },
    body
  })
})

const post = postOf("[{\"m\":1},{\"m\":2}]")

const stored = Effect.gen(function*() {
  const double = yield* OpenObserveDouble
  return (yield* double.records("app")).length
})

const lastStatus = Effect.gen(function*() {
  return (yield* (yield* OpenObserveDouble).requests).at(-1)?.status
})

const withDouble = (options?: OpenObserveDoubleOptions) => Effect.provide(OpenObserveDouble.layer(options))

const show = ({ body, status }: Reply) => `${status} ${body}`

const STORED = "200 {\"code\":200,\"status\":[{\"name\":\"app\",\"successful\":2,\"failed\":0}]}"

const TEXTS: ReadonlyArray<readonly [keyof typeof Fault, string, string]> = [
  [
    "memoryOverflow",
    "503 {\"code\":503,\"message\":\"Error# MemoryTableOverflowError\"}",
    "429 {\"code\":429,\"message\":\"Error# MemoryTableOverflowError\"}"
  ],
  [
    "memoryBreaker",
    "503 {\"code\":503,\"message\":\"Error# MemoryCircuitBreakerError\"}",
    "429 {\"code\":429,\"message\":\"Error# MemoryCircuitBreakerError\"}"
  ],
  [
    "diskBreaker",
    "503 {\"code\":503,\"message\":\"Error# DiskCircuitBreakerError\"}",
    "429 {\"code\":429,\"message\":\"Error# DiskCircuitBreakerError\"}"
  ],
  [
    "quotaExceeded",
    "400 {\"code\":400,\"message\":\"Error# Quota exceeded for this organization [default]\"}",
    "429 {\"code\":429,\"message\":\"Error# Quota exceeded for this organization [default]\"}"
  ],
  [
    "streamDeleting",
    "400 {\"code\":400,\"message\":\"Error# stream [app] is being deleted\"}",
    "400 {\"code\":400,\"message\":\"Error# stream [app] is being deleted\"}"
  ]
]

const ANSWERS = [
  [Fault.cloudPressure, "429 {\"code\":429,\"message\":\"Error# MemoryTableOverflowError\"}", "application/json"],
  [Fault.trialExpired, "429 organization has expired its trial period", "text/plain; charset=utf-8"],
  [Fault.trialPeriodExpired, "429 {\"code\":429,\"message\":\"Error# Expired Trial Period\"}", "application/json"],
  [Fault.internalError, "500 Failed to read request body", "text/plain; charset=utf-8"],
  [
    Fault.badGateway,
    "502 Proxy request failed: connection closed before message completed",
    "text/plain; charset=utf-8"
  ],
  [Fault.noIngester, "503 No online ingester nodes", "text/plain; charset=utf-8"],
  [Fault.gatewayTimeout, "504 <html><head><title>504 Gateway Time-out</title></head></html>", "text/html"]
] as const

describe("OpenObserveDouble faults", () => {
  for (const [name, oss, cloud] of TEXTS) {
    for (const [flavour, expected] of [["oss", oss], ["cloud", cloud]] as const) {
      it.live(`${name} answers ${expected.slice(0, 3)} in the ${flavour} flavour`, () =>
        Effect.gen(function*() {
          const fault = Fault[name]
          assert.isObject(fault)
          if (typeof fault === "object") yield* (yield* OpenObserveDouble).setFault(fault)
          assert.strictEqual(show(yield* post), expected)
          assert.strictEqual(yield* stored, 0)
        }).pipe(withDouble({ flavour })))
    }
  }

  for (const [fault, expected, contentType] of ANSWERS) {
    it.live(`answers ${expected}`, () =>
      Effect.gen(function*() {
        yield* (yield* OpenObserveDouble).setFault(fault)
        const reply = yield* post
        assert.strictEqual(show(reply), expected)
        assert.strictEqual(reply.headers["content-type"], contentType)
        assert.strictEqual(yield* stored, 0)
      }).pipe(withDouble()))
  }

  it.live("Answer can store the batch all the same", () =>
    Effect.gen(function*() {
      yield* (yield* OpenObserveDouble).setFault(Fault.Answer({ status: 504, headers: { "x-a": "b" }, stores: true }))
      const reply = yield* post
      assert.strictEqual(show(reply), "504 ")
      assert.strictEqual(reply.headers["x-a"], "b")
      assert.strictEqual(yield* stored, 2)
    }).pipe(withDouble()))

  it.live("RetryAfter and Redirect send their headers", () =>
    Effect.gen(function*() {
      yield* (yield* OpenObserveDouble).nextFaults([
        Fault.RetryAfter({ seconds: 3, status: 429 }),
        Fault.Redirect({ location: "http://127.0.0.1:1/", status: 308 })
      ])
      const busy = yield* post
      assert.strictEqual(busy.status, 429)
      assert.strictEqual(busy.headers["retry-after"], "3")
      const moved = yield* post
      assert.strictEqual(moved.status, 308)
      assert.strictEqual(moved.headers.location, "http://127.0.0.1:1/")
      assert.strictEqual(yield* stored, 0)
    }).pipe(withDouble()))

  for (const [fault, count] of [[Fault.ResetBeforeStoring(), 0], [Fault.ResetAfterStoring(), 2]] as const) {
    it.live(`${fault._tag} resets the connection with ${count} records stored`, () =>
      Effect.gen(function*() {
        yield* (yield* OpenObserveDouble).setFault(fault)
        assert.strictEqual((yield* Effect.flip(post)).message, "ECONNRESET read ECONNRESET")
        assert.strictEqual(yield* stored, count)
        assert.strictEqual(yield* lastStatus, "reset")
      }).pipe(withDouble()))
  }

  for (const [fault, count] of [[Fault.HangBeforeHeaders(), 0], [Fault.HangInBody(), 2]] as const) {
    it.live(`${fault._tag} never ends, with ${count} records stored`, () =>
      Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        yield* double.setFault(fault)
        const fiber = yield* Effect.forkChild(post)
        yield* firstRequest
        assert.isTrue(Option.isNone(yield* Effect.timeoutOption(Fiber.join(fiber), "50 millis")))
        assert.strictEqual(yield* lastStatus, "hang")
        assert.strictEqual(yield* stored, count)
        yield* Fiber.interrupt(fiber)
      }).pipe(withDouble()))
  }

  it.live("HangInBody sends the headers and half of the body", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setFault(Fault.HangInBody())
      const head = `POST /api/default/app/_json HTTP/1.1\r\nhost: x\r\nauthorization: ${double.authorization}\r\n`
      const seen = yield* Effect.callback<string>((resume) => {
        const socket = Net.connect(Number(new URL(double.url).port), "127.0.0.1")
        let text = ""
        socket.on("error", () => {})
        socket.on("data", (chunk) => {
          text += chunk.toString()
          if (text.includes("\r\n\r\n") && !text.endsWith("\r\n\r\n")) {
            socket.destroy()
            resume(Effect.succeed(text))
          }
        })
        socket.write(`${head}content-length: 11\r\n\r\n[{"m":"x"}]`)
      })
      assert.match(seen, /^HTTP\/1\.1 200 OK\r\n/)
      assert.match(seen, /content-length: 64\r\n/)
      assert.isTrue(seen.endsWith("\r\n\r\n{\"code\":200,\"status\":[{\"name\":\"a"), seen)
    }).pipe(withDouble()))

  it.live("SlowBody trickles the real answer", () =>
    Effect.gen(function*() {
      yield* (yield* OpenObserveDouble).setFault(Fault.SlowBody({ bytesPerSecond: 200 }))
      const fiber = yield* Effect.forkChild(post)
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(Fiber.join(fiber), "100 millis")))
      assert.strictEqual(yield* stored, 2)
      assert.strictEqual(show(yield* Fiber.join(fiber)), STORED)
    }).pipe(withDouble()))

  it.live("StoredNothing and ClaimsStored keep nothing, each in its own words", () =>
    Effect.gen(function*() {
      yield* (yield* OpenObserveDouble).nextFaults([Fault.StoredNothing(), Fault.ClaimsStored()])
      assert.strictEqual(show(yield* post), STORED.replace("\"successful\":2", "\"successful\":0"))
      assert.strictEqual(show(yield* post), STORED)
      assert.strictEqual(yield* stored, 0)
    }).pipe(withDouble()))

  it.live("Garbage is no HTTP", () =>
    Effect.gen(function*() {
      yield* (yield* OpenObserveDouble).setFault(Fault.Garbage())
      assert.match((yield* Effect.flip(post)).code, /^HPE_/)
      assert.strictEqual(yield* stored, 0)
    }).pipe(withDouble()))

  it.live("HugeAnswer is as long as asked for and still JSON", () =>
    Effect.gen(function*() {
      yield* (yield* OpenObserveDouble).setFault(Fault.HugeAnswer({ bytes: 5_000_000 }))
      const reply = yield* post
      assert.strictEqual(reply.bodyBytes, 5_000_000)
      assert.deepEqual(JSON.parse(reply.body).code, 200)
      assert.strictEqual(yield* stored, 2)
    }).pipe(withDouble()))

  it.live("EarlyReject401 does not look at the credentials", () =>
    Effect.gen(function*() {
      yield* (yield* OpenObserveDouble).nextFaults([Fault.EarlyReject401()])
      assert.strictEqual(show(yield* post), "401 Unauthorized Access")
      assert.strictEqual(show(yield* post), STORED)
    }).pipe(withDouble()))

  it.live("RefusesRecords stores the others and counts those as failed", () =>
    Effect.gen(function*() {
      yield* (yield* OpenObserveDouble).setFault(Fault.RefusesRecords({ containing: "x" }))
      const reply = yield* postOf("[{\"m\":\"axb\"},{\"m\":\"b\"},{\"x\":1}]")
      assert.strictEqual(
        show(reply),
        STORED.replace("\"failed\":0", "\"failed\":1,\"error\":\"refused for \\\"x\\\"\"")
      )
      assert.strictEqual(yield* stored, 2)
    }).pipe(withDouble()))

  it.live("ForBody spares other bodies", () =>
    Effect.gen(function*() {
      const fault = Fault.Answer({ status: 400, body: "no" })
      yield* (yield* OpenObserveDouble).setFault(Fault.ForBody({ matches: (body) => body.includes("bad"), fault }))
      assert.strictEqual(show(yield* postOf("[{\"m\":\"bad\"}]")), "400 no")
      assert.strictEqual((yield* postOf(gzipSync("[{\"m\":\"bad\"}]"), { "content-encoding": "gzip" })).status, 400)
      assert.strictEqual(show(yield* post), STORED)
    }).pipe(withDouble()))

  it.live("TakesNoCompression refuses gzip and takes plain JSON", () =>
    Effect.gen(function*() {
      yield* (yield* OpenObserveDouble).setFault(Fault.TakesNoCompression())
      assert.strictEqual((yield* postOf(gzipSync("[]"), { "content-encoding": "gzip" })).status, 415)
      assert.strictEqual(show(yield* post), STORED)
    }).pipe(withDouble()))

  it.live("RefuseConnections closes the port until it is healed", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setFault(Fault.HangBeforeHeaders())
      const hanging = yield* Effect.forkChild(Effect.flip(post))
      yield* firstRequest
      yield* double.setFault(Fault.RefuseConnections())
      assert.strictEqual((yield* Fiber.join(hanging)).code, "ECONNRESET")
      assert.strictEqual((yield* Effect.flip(post)).code, "ECONNREFUSED")
      yield* double.setFault(Fault.RefuseConnections())
      yield* double.setFault(undefined)
      assert.strictEqual(show(yield* post), STORED)
    }).pipe(withDouble()))

  it.live("nextFaults come before the standing one, and healing ends it", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setFault(Fault.internalError)
      yield* double.nextFaults([Fault.memoryOverflow, Fault.badGateway])
      const statuses: Array<number> = []
      for (let i = 0; i < 4; i++) statuses.push((yield* post).status)
      yield* double.setFault(undefined)
      statuses.push((yield* post).status)
      assert.deepEqual(statuses, [503, 502, 500, 500, 200])
    }).pipe(withDouble()))

  it.live("faults leave everything but `_json` posts alone", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setFault(Fault.internalError)
      const headers = { authorization: double.authorization }
      assert.strictEqual((yield* call(`${double.url}/api/default/summary`, { method: "GET", headers })).status, 200)
      assert.strictEqual((yield* call(`${double.url}/api/default/`, { method: "GET", headers })).status, 200)
    }).pipe(withDouble()))
})
