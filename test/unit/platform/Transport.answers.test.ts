/** What the body of an answer may be coded in. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Zlib from "node:zlib"
import { Transport } from "../../../src/platform/Transport.ts"
import { listenHttp } from "../../support/peers.ts"

const MAX_ANSWER_BYTES = 1024 * 1024

const exchange = Effect.fnUntraced(function*(url: URL, headers: Readonly<Record<string, string>> = {}) {
  const transport = yield* Transport
  return yield* transport.exchange({ method: "POST", url, headers, body: "x" })
})

/** A server that says so of every body. */
const answering = (contentCoding: string, body: Buffer, status = 200) =>
  listenHttp((_, response) => response.writeHead(status, { "Content-Encoding": contentCoding }).end(body))

describe("Transport, answers", () => {
  it.live("asks for bodies that are not coded, unless a request says otherwise", () =>
    Effect.gen(function*() {
      const { url } = yield* listenHttp((request, response) => response.end(request.headers["accept-encoding"]))
      assert.strictEqual((yield* exchange(url)).body, "identity")
      assert.strictEqual((yield* exchange(url, { "accept-encoding": "gzip" })).body, "gzip")
    }).pipe(Effect.provide(Transport.layer)))

  for (
    const [contentCoding, encode] of [
      ["gzip", Zlib.gzipSync],
      ["x-gzip", Zlib.gzipSync],
      ["deflate", Zlib.deflateSync],
      ["br", Zlib.brotliCompressSync]
    ] as const
  ) {
    it.live(`decodes ${contentCoding}, and keeps the connection`, () =>
      Effect.gen(function*() {
        const { server, url } = yield* answering(contentCoding, encode("{\"é\":1}"), 401)
        let connections = 0
        server.on("connection", () => connections++)
        for (let index = 0; index < 3; index++) {
          const { body, status } = yield* exchange(url)
          assert.deepEqual([status, body], [401, "{\"é\":1}"])
        }
        assert.strictEqual(connections, 1)
      }).pipe(Effect.provide(Transport.layer)))
  }

  for (const contentCoding of ["zstd", "gzip", "br"]) {
    it.live(`fails for a body that is no ${contentCoding}, and says that the request has arrived`, () =>
      Effect.gen(function*() {
        const { url } = yield* answering(contentCoding, Buffer.from("{\"plain\":\"text\"}"))
        const error = yield* Effect.flip(exchange(url))
        assert.deepEqual([error.code, error.isSent, error.isStale], ["CODING", true, false])
        assert.strictEqual(
          error.message,
          `the answer has a content coding that cannot be read from ${url.host} (CODING; ${contentCoding})`
        )
      }).pipe(Effect.provide(Transport.layer)))
  }

  it.live("decodes as much as it takes uncoded, and no more", () =>
    Effect.gen(function*() {
      const largest = yield* answering("gzip", Zlib.gzipSync(Buffer.alloc(MAX_ANSWER_BYTES, "x")))
      assert.strictEqual((yield* exchange(largest.url)).body.length, MAX_ANSWER_BYTES)
      for (const size of [MAX_ANSWER_BYTES + 1, 64 * MAX_ANSWER_BYTES]) {
        const { url } = yield* answering("gzip", Zlib.gzipSync(Buffer.alloc(size)))
        const error = yield* Effect.flip(exchange(url))
        assert.strictEqual(error.message, `the answer is too large from ${url.host} (TOO_LARGE; gzip)`)
        assert.isTrue(error.isSent)
      }
    }).pipe(Effect.provide(Transport.layer)))

  it.live("takes a coding for an answer without a body", () =>
    Effect.gen(function*() {
      const { url } = yield* answering("gzip", Buffer.alloc(0))
      assert.strictEqual((yield* exchange(url)).body, "")
    }).pipe(Effect.provide(Transport.layer)))
})
