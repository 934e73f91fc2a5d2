/** Peers that do not keep to HTTP: nothing but their own is lost, the process lives, and says what is wrong. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { answers, requests, towards } from "../support/nastyHttp.ts"
import { listenRaw } from "../support/peers.ts"
import { ended } from "./books.ts"
import { eventually, runCommand, telemetryAddress, unpackedLayer, withSandbox } from "./sandbox.ts"

/** What comes back until nothing more does: who has answered all, or refused, may keep the connection. */
const exchanged = (port: number, text: string, hasEnd: boolean) =>
  Effect.callback<string>((resume) => {
    let received = ""
    const socket = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true })
    const done = () => {
      socket.destroy()
      resume(Effect.succeed(received))
    }
    socket.on("data", (data) => received += data.toString("latin1"))
    // any byte begins the time anew
    socket.setTimeout(1000).on("timeout", done).on("end", done).on("error", done)
    const bytes = Buffer.from(text, "latin1")
    if (hasEnd) socket.end(bytes)
    else socket.write(bytes)
  })

const accepted = (received: string): number => received.split("HTTP/1.1 200 OK\r\n").length - 1

describe("requests to the listener that nobody should send", () => {
  it.live("cost nothing but themselves", () =>
    withSandbox({ freeze: false }, (sandbox) =>
      Effect.gen(function*() {
        const { emulator, functionLines, invoke } = sandbox
        yield* invoke({ lines: ["before"] })
        const { path, port } = yield* telemetryAddress(sandbox)
        const expected = ["before\n"]
        // what a client that has said all and one that has not get to hear
        for (const hasEnd of [false, true]) {
          const all = Object.entries(requests).map(([what, { lines = [], text }]) =>
            Effect.map(exchanged(port, towards(path, text), hasEnd), (received) => {
              expected.push(...lines)
              if (lines.length > 0) assert.strictEqual(accepted(received), lines.length, what)
              assert.match(received, /^(HTTP\/1\.[01] [1245]\d\d |$)/, what)
            })
          )
          yield* Effect.all(all, { concurrency: 8 })
        }
        assert.strictEqual(yield* emulator.postTelemetry("[]"), 200)
        yield* invoke({ lines: ["after"] })
        const ledger = yield* ended(sandbox)
        expected.push("after\n")
        assert.deepStrictEqual([...(yield* functionLines)].sort(), expected.sort())
        assert.deepInclude(ledger, { delivered: ledger["received"], dropped: {}, rejected: {} })
        assert.isAbove(ledger["postsDropped"], 5)
      })))

  it.live("20000 at once whose answers nobody reads keep nobody else from being heard", () =>
    withSandbox({ freeze: false }, (sandbox) =>
      Effect.gen(function*() {
        const { emulator, invoke } = sandbox
        yield* invoke({ lines: ["before"] })
        const { port } = yield* telemetryAddress(sandbox)
        const socket = Net.connect(port, "127.0.0.1").on("error", () => {})
        socket.pause()
        const some = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000)
        for (let times = 0; times < 20; times++) socket.write(some)
        yield* Effect.sleep(500)
        yield* eventually(emulator.postTelemetry("[]"), (status) => status === 200)
        socket.destroy()
        yield* invoke({ lines: ["after"] })
        const ledger = yield* ended(sandbox)
        assert.strictEqual(ledger["delivered"], ledger["received"])
      })))
})

describe.concurrent("an answer", () => {
  for (const [what, [answer, said]] of Object.entries(answers)) {
    it.live(`${what} is called what it is`, () =>
      Effect.gen(function*() {
        const { port } = yield* listenRaw((socket) => void socket.once("data", () => answer(socket)))
        const { exitCode, stderr, stdout } = yield* runCommand(yield* unpackedLayer, ["-h"], {
          O2_ENDPOINT: `http://127.0.0.1:${port}`,
          O2_ORGANIZATION_ID: "default",
          O2_AUTHORIZATION_HEADER: "Basic YTpi",
          O2_REQUEST_TIMEOUT_MS: "2000"
        })
        assert.strictEqual(stderr, "")
        const last = stdout.at(-1)!.replaceAll(`127.0.0.1:${port}`, "HOST")
        if (said === "well") assert.deepStrictEqual([exitCode, last.slice(0, 2)], [0, "ok"], last)
        else {
          assert.strictEqual(exitCode, 1)
          assert.match(last, said)
        }
      }))
  }
})
