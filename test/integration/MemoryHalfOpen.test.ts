/** Posts that something in the sandbox begins and never ends: they take little memory, and none that records need. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import * as Net from "node:net"
import { ended } from "./books.ts"
import { type Address, type Sandbox, telemetryAddress, withSandbox } from "./sandbox.ts"

const MEGABYTE = 1e6

/**
 * What a thousand connections may add to the process, in MiB: 8 for what is unfinished, the rest for the connections and for
 * what the allocator keeps of those that are closed. On an idle machine it was 27; without a bound 91.
 */
const MAX_GROWTH_MB = 55

/** Opens a connection and writes to it; done when the system has taken that, or the other end has closed. */
const begun = (port: number, bytes: string) =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket>((resume) => {
      const socket = Net.connect(port, "127.0.0.1")
      socket.on("error", () => {})
      socket.once("close", () => resume(Effect.succeed(socket)))
      socket.write(bytes, () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** Begins a post of so many bytes with so many of them. */
const half = ({ path, port }: Address, bytes: number, sent: number) =>
  begun(port, `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n${"x".repeat(sent)}`)

const answerOf = (socket: Net.Socket) =>
  Effect.callback<string>((resume) => {
    socket.once("data", (data) => resume(Effect.succeed(data.toString())))
  })

const residentMegabytes = ({ emulator }: Sandbox) =>
  Effect.map(emulator.extensions, ([extension]) => {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${extension?.pid}/status`, "utf8"))
    return Number(found?.[1]) / 1024
  })

const lines = (count: number) => Array.from({ length: count }, (_, n) => `line ${n} ${"-".repeat(500)}`)

/** Ends the sandbox, in which every line was stored. */
const assertAllStored = Effect.fnUntraced(function*(sandbox: Sandbox, count: number) {
  const ledger = yield* ended(sandbox)
  assert.deepInclude(ledger, { dropped: {}, rejected: {}, delivered: ledger["received"] })
  assert.strictEqual((yield* sandbox.functionLines).length, count)
  return ledger
})

describe("posts that do not end", () => {
  it.live("take no room from what the function writes", () =>
    withSandbox({ freeze: false, environment: { O2_MAX_BUFFER_SIZE_MB: "10" } }, (sandbox) =>
      Effect.gen(function*() {
        const { emulator, invoke } = sandbox
        yield* emulator.start
        const address = yield* telemetryAddress(sandbox)
        const first = yield* half(address, 6 * MEGABYTE + 3, 6 * MEGABYTE)
        yield* half(address, 8 * MEGABYTE, 6 * MEGABYTE)
        for (let call = 0; call < 5; call++) yield* invoke({ lines: lines(200) })
        // given up, and yet it gets its answer: Lambda would send it again for ever
        first.write("end")
        assert.match(yield* answerOf(first), /^HTTP\/1\.1 200 /)
        const ledger = yield* assertAllStored(sandbox, 1000)
        // the one may have had its end before the other took its room
        assert.include([1, 2], ledger["postsDropped"])
      })))

  it.live("give way to records where memory is small", () =>
    withSandbox({ freeze: false, environment: { O2_MAX_BUFFER_SIZE_MB: "1" } }, (sandbox) =>
      Effect.gen(function*() {
        const { emulator, invoke } = sandbox
        yield* emulator.start
        const address = yield* telemetryAddress(sandbox)
        for (let count = 0; count < 3; count++) yield* half(address, MEGABYTE, MEGABYTE - 1)
        for (let call = 0; call < 5; call++) yield* invoke({ lines: lines(200) })
        const ledger = yield* assertAllStored(sandbox, 1000)
        assert.strictEqual(ledger["postsDropped"], 3)
      })))

  it.live("and connections without any, a thousand of each, change little", () =>
    withSandbox({ freeze: false }, (sandbox) =>
      Effect.gen(function*() {
        const { emulator, invoke } = sandbox
        yield* invoke({ lines: ["before"] })
        const address = yield* telemetryAddress(sandbox)
        const before = yield* residentMegabytes(sandbox)
        for (let count = 0; count < 1000; count++) yield* half(address, MEGABYTE, 65_536)
        for (let count = 0; count < 1000; count++) yield* begun(address.port, "POST / HTTP/1.1\r\nX-Long: ")
        yield* invoke({ lines: lines(200) })
        assert.strictEqual(yield* emulator.postTelemetry("[]"), 200)
        const growth = (yield* residentMegabytes(sandbox)) - before
        yield* assertAllStored(sandbox, 201)
        assert.isAtMost(growth, MAX_GROWTH_MB, `MiB, from ${before.toFixed(0)}`)
      })))
})
