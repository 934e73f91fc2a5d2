/** A proxy that codes answers though nobody asks for it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { gzipSync } from "node:zlib"
import { eventually, ledgerOf, sidesOf, withSandbox } from "./sandbox.ts"

/** What a proxy makes of an answer's body. */
interface Coding {
  readonly name: string
  readonly encode: (body: Buffer) => Buffer
}

const gzip: Coding = { name: "gzip", encode: (body) => gzipSync(body) }
const unknown: Coding = { name: "zstd", encode: (body) => body }

/** A proxy before a server that is not there yet: requests wait until `forward` says where it is. */
const proxy = Effect.gen(function*() {
  const target = Promise.withResolvers<string>()
  const state: { coding: Coding } = { coding: gzip }
  const server = yield* Effect.acquireRelease(
    Effect.callback<Http.Server>((resume) => {
      const server = Http.createServer(async (request, response) => {
        const origin = await target.promise
        const { headers, method = "GET", url } = request
        const onward = Http.request(new URL(url ?? "/", origin), { method, headers }, (answer) => {
          const chunks: Array<Buffer> = []
          answer.on("data", (chunk: Buffer) => chunks.push(chunk))
          answer.on("end", () => {
            const body = state.coding.encode(Buffer.concat(chunks))
            response.writeHead(answer.statusCode ?? 502, {
              "content-type": answer.headers["content-type"] ?? "text/plain",
              "content-encoding": state.coding.name,
              "content-length": body.length
            }).end(body)
          })
        })
        onward.on("error", () => response.destroy())
        request.pipe(onward)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forward: (origin: string) => target.resolve(origin),
    setCoding: (coding: Coding) => Effect.sync(() => void (state.coding = coding))
  }
})

const isWarning = ({ level }: { readonly level: string }) => level === "warn" || level === "error"

describe("answers that a proxy has coded", () => {
  it.live("are read, and bring nothing twice", () =>
    Effect.gen(function*() {
      const { forward, url } = yield* proxy
      yield* withSandbox(
        { environment: { O2_ENDPOINT: url } },
        ({ emulator, functionLines, invoke, openObserve, ownLines }) =>
          Effect.gen(function*() {
            forward(openObserve.url)
            for (const line of ["one", "two"]) yield* invoke({ lines: [line] })
            yield* emulator.shutdown()
            assert.deepStrictEqual(yield* functionLines, ["one\n", "two\n"])
            const ledger = ledgerOf(yield* ownLines)
            assert.deepInclude(ledger, {
              delivered: ledger["received"],
              rejected: {},
              dropped: {},
              spilled: 0,
              possiblyDuplicated: 0
            })
            assert.deepStrictEqual((yield* ownLines).filter(isWarning), [])
            for (const { headers } of yield* openObserve.requests) {
              assert.strictEqual(headers["accept-encoding"], "identity")
            }
          })
      )
    }))

  it.live("in a way that nobody knows are no answers: what may be stored is sent again, and the log names the coding", () =>
    Effect.gen(function*() {
      const { forward, setCoding, url } = yield* proxy
      yield* withSandbox(
        { environment: { O2_ENDPOINT: url } },
        ({ emulator, functionLines, invoke, openObserve, ownLines }) =>
          Effect.gen(function*() {
            forward(openObserve.url)
            yield* invoke({ lines: ["before"] })
            yield* setCoding(unknown)
            yield* invoke({ lines: ["meanwhile"] })
            const lines = yield* eventually(ownLines, (lines) => lines.some(isWarning))
            const { cause } = lines.find(isWarning)!
            assert.match(String(cause), /content coding that cannot be read from 127\.0\.0\.1:\d+ \(CODING; zstd\)/)
            yield* setCoding(gzip)
            yield* emulator.shutdown()
            assert.deepStrictEqual(new Set(yield* functionLines), new Set(["before\n", "meanwhile\n"]))
            const ledger = ledgerOf(yield* ownLines)
            assert.isAbove(ledger["possiblyDuplicated"], 0)
            assert.deepInclude(ledger, { rejected: {}, dropped: {}, delivered: ledger["received"] })
            const { came, went } = sidesOf(ledger)
            assert.strictEqual(came, went)
          })
      )
    }))
})
