/** A process without file descriptors: it waits, says so, and goes on when there are some again. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import * as Net from "node:net"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { ended } from "./books.ts"
import { eventually, type Sandbox, telemetryAddress, withSandbox } from "./sandbox.ts"

const processId = ({ emulator }: Sandbox) => Effect.map(emulator.extensions, ([extension]) => Number(extension?.pid))

/** Leaves the process so many descriptors beside those that it has; they are given out from the lowest number on. */
const leave = (pid: number, count: number) =>
  Effect.sync(() => {
    const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
    let limit = 0
    for (let free = 0; free < count || used.has(limit); limit++) if (!used.has(limit)) free++
    // the hard limit stays, or it could not be lifted again
    execFileSync("prlimit", [`--nofile=${limit}:`, `--pid=${pid}`])
  })

const MANY = 1000

/** Time on a processor so far, in ms; the system counts in hundredths of a second. */
const cpuMillis = (pid: number): number => {
  const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")
  const [user, system] = fields.split(" ").slice(11, 13).map(Number)
  return (user! + system!) * 10
}

describe("without file descriptors", () => {
  it.live("connections are not accepted, which takes no processor, and later ones are", () =>
    withSandbox({ freeze: false }, (sandbox) =>
      Effect.gen(function*() {
        const { emulator, functionLines, invoke } = sandbox
        yield* invoke({ lines: ["before"] })
        const { port } = yield* telemetryAddress(sandbox)
        const pid = yield* processId(sandbox)
        yield* leave(pid, 5)
        const sockets = Array.from({ length: 60 }, () => Net.connect(port, "127.0.0.1").on("error", () => {}))
        yield* Effect.sleep(500)
        const before = cpuMillis(pid)
        yield* Effect.sleep(1500)
        assert.isAtMost(cpuMillis(pid) - before, 300)
        for (const socket of sockets) socket.destroy()
        yield* eventually(emulator.postTelemetry("[]"), (status) => status === 200)
        yield* invoke({ lines: ["after"] })
        const ledger = yield* ended(sandbox)
        assert.deepStrictEqual(yield* functionLines, ["before\n", "after\n"])
        assert.strictEqual(ledger["delivered"], ledger["received"])
      })))

  it.live("nothing is sent, the log says why, and nothing is lost or taken for sent", () =>
    withSandbox({ freeze: false, environment: { O2_MAX_RETRIES: "1" } }, (sandbox) =>
      Effect.gen(function*() {
        const { functionLines, invoke, openObserve, ownLines } = sandbox
        yield* invoke({ lines: ["before"] })
        // its connections are closed, and there are descriptors for none
        yield* openObserve.setFault(Fault.RefuseConnections())
        const pid = yield* processId(sandbox)
        yield* Effect.sleep(300)
        yield* leave(pid, 0)
        yield* openObserve.setFault(undefined)
        yield* invoke({ lines: ["meanwhile"] })
        const isOutage = ({ message }: { readonly message: string }) => message.includes("takes no records")
        const outage = (yield* eventually(ownLines, (lines) => lines.some(isOutage))).find(isOutage)
        assert.match(String(outage?.["cause"]), /^no file descriptor is left for a connection to .*\(EMFILE\)$/)
        assert.match(String(outage?.["remedy"]), /close what it has opened/)
        yield* leave(pid, MANY)
        yield* invoke({ lines: ["after"] })
        const ledger = yield* ended(sandbox)
        assert.deepStrictEqual(yield* functionLines, ["before\n", "meanwhile\n", "after\n"])
        assert.deepInclude(ledger, { delivered: ledger["received"], possiblyDuplicated: 0 })
      })))
})
