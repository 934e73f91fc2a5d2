/** Functions that fail and backends that are away: the function is not harmed and nothing is lost in silence. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { carrying, eventually, ledgerOf, sidesOf, withSandbox } from "./sandbox.ts"
import type { OwnLine } from "./sandbox.ts"

const assertBalanced = (lines: ReadonlyArray<OwnLine>) => {
  const ledger = ledgerOf(lines)
  const { came, went } = sidesOf(ledger)
  assert.strictEqual(came, went)
  return ledger
}

describe("a function that fails", () => {
  it.live("has the lines of a call stored whose handler throws", () =>
    withSandbox({}, ({ functionLines, invoke }) =>
      Effect.gen(function*() {
        const { outcome } = yield* invoke({ lines: ["before"], throws: "out of range" })
        assert.strictEqual(outcome._tag, "HandlerError")
        const lines = yield* functionLines
        assert.include(lines, "before\n")
        assert.isTrue(lines.some((line) => line.includes("out of range")))
        yield* invoke({ lines: ["after"] })
        assert.include(yield* functionLines, "after\n")
      })))

  it.live("has everything stored after a time-out, and works again in the next generation", () =>
    withSandbox(
      { timeoutMs: 1500 },
      ({ emulator, functionRecords, invoke, openObserve, ownLines }) =>
        Effect.gen(function*() {
          const { outcome, requestId } = yield* invoke({ lines: ["too slow"], sleepMs: 60_000 })
          assert.strictEqual(outcome._tag, "TimedOut")
          const next = yield* invoke({ lines: ["again"] })
          assert.strictEqual(next.outcome._tag, "Response")
          yield* emulator.shutdown()
          const records = yield* functionRecords
          assert.deepStrictEqual(records.map((record) => [record["record"], record["requestid"]]), [
            ["too slow\n", requestId],
            ["again\n", next.requestId]
          ])
          const stored = yield* openObserve.records("default")
          const done = stored.find((record) => record["record_status"] === "timeout")
          assert.strictEqual(done?.["record_requestid"], requestId)
          assert.deepStrictEqual(
            (yield* ownLines).filter(({ message }) => message === "ledger").map(({ reason }) => reason),
            ["timeout", "spindown"]
          )
          assertBalanced(yield* ownLines)
        })
    ))

  it.live("has everything stored after a crash, and works again in the next generation", () =>
    withSandbox({}, ({ emulator, functionLines, invoke, ownLines }) =>
      Effect.gen(function*() {
        const { outcome } = yield* invoke({ lines: ["last words"], exits: 3 })
        assert.strictEqual(outcome._tag, "Crashed")
        yield* invoke({ lines: ["again"] })
        const { extensions } = yield* emulator.shutdown()
        assert.strictEqual(extensions[0]?.exitCode, 0)
        assert.deepStrictEqual(yield* functionLines, ["last words\n", "again\n"])
        assertBalanced(yield* ownLines)
      })))
})

describe("an OpenObserve in trouble", () => {
  it.live("loses nothing while it is away, and does not make calls fail", () =>
    withSandbox({}, ({ emulator, functionLines, invoke, openObserve, ownLines }) =>
      Effect.gen(function*() {
        yield* invoke({ lines: ["before"] })
        yield* openObserve.setFault(Fault.RefuseConnections())
        for (let call = 0; call < 3; call++) {
          const { status } = yield* invoke({ lines: [`meanwhile ${call}`] })
          assert.strictEqual(status, "success")
        }
        assert.strictEqual((yield* functionLines).length, 1)
        yield* openObserve.setFault(undefined)
        // the last attempt is made whatever was noticed before
        yield* emulator.shutdown()
        assert.deepStrictEqual(yield* functionLines, ["before\n", ...[0, 1, 2].map((call) => `meanwhile ${call}\n`)])
        const lines = yield* ownLines
        assert.strictEqual(lines.filter(({ level }) => level === "warn").length, 1)
        assertBalanced(lines)
      })))

  it.live("says what to do about wrong credentials, and counts what it could not deliver", () =>
    withSandbox({
      environment: { O2_AUTHORIZATION_HEADER: "Basic d3Jvbmc6d3Jvbmc=" }
    }, ({ allOutput, emulator, invoke, openObserve, ownLines }) =>
      Effect.gen(function*() {
        for (let call = 0; call < 2; call++) {
          const { status } = yield* invoke({ lines: ["unheard"] })
          assert.strictEqual(status, "success")
        }
        const { extensions } = yield* emulator.shutdown()
        assert.strictEqual(extensions[0]?.exitCode, 0)
        assert.strictEqual((yield* openObserve.records("default")).length, 0)
        const warnings = (yield* ownLines).filter((line) => line["remedy"] !== undefined)
        assert.strictEqual(warnings.length, 1)
        assert.include(String(warnings[0]?.["remedy"]), "O2_AUTHORIZATION_HEADER")
        const ledger = assertBalanced(yield* ownLines)
        // for the next generation, which may have other credentials
        assert.strictEqual(ledger["spilled"], ledger["received"])
        assert.strictEqual(ledger.level, "warn")
        assert.notInclude(yield* allOutput, "d3Jvbmc6d3Jvbmc=")
      })))

  it.live("repeats what an overloaded server has refused, and stores it once", () =>
    withSandbox({
      environment: { O2_INITIAL_RETRY_DELAY_MS: "10", O2_FLUSH_BUDGET_MS: "15000" }
    }, ({ emulator, functionLines, invoke, openObserve, ownLines }) =>
      Effect.gen(function*() {
        yield* openObserve.nextFaults([Fault.memoryOverflow, Fault.noIngester])
        yield* invoke({ lines: ["patience"] })
        assert.deepStrictEqual(yield* functionLines, ["patience\n"])
        const statuses = carrying(yield* openObserve.requests).map(({ status }) => status)
        assert.deepStrictEqual(statuses.slice(0, 3), [503, 503, 200])
        yield* emulator.shutdown()
        assert.strictEqual(assertBalanced(yield* ownLines)["possiblyDuplicated"], 0)
      })))

  it.live("counts what may have been stored twice after a reset", () =>
    withSandbox({
      environment: { O2_INITIAL_RETRY_DELAY_MS: "10", O2_FLUSH_BUDGET_MS: "15000" }
    }, ({ emulator, functionLines, invoke, openObserve, ownLines }) =>
      Effect.gen(function*() {
        yield* openObserve.nextFaults([Fault.ResetAfterStoring()])
        yield* invoke({ lines: ["twice"] })
        assert.deepStrictEqual(yield* functionLines, ["twice\n", "twice\n"])
        yield* emulator.shutdown()
        assert.isAbove(assertBalanced(yield* ownLines)["possiblyDuplicated"], 0)
      })))

  it.live("does not let a server that hangs time the function out", () =>
    withSandbox(
      { timeoutMs: 3000 },
      ({ emulator, functionLines, invoke, openObserve, ownLines }) =>
        Effect.gen(function*() {
          yield* openObserve.setFault(Fault.HangBeforeHeaders())
          const { outcome, status } = yield* invoke({ lines: ["heard late"] })
          assert.strictEqual(`${outcome._tag} ${status}`, "Response success")
          yield* openObserve.setFault(undefined)
          yield* invoke({ lines: ["heard"] })
          yield* emulator.shutdown()
          assert.include(yield* functionLines, "heard\n")
          assertBalanced(yield* ownLines)
        })
    ))
})

// --- Signals and engines -------------------------------------------------------

const systemNode = "/usr/bin/node"

const systemNodeVersion = existsSync(systemNode)
  ? execFileSync(systemNode, ["--version"], { encoding: "utf8" }).trim()
  : "absent"

const isNode20 = systemNodeVersion.startsWith("v20.")

describe("the process", () => {
  it.live("drains and exits with 0 on SIGTERM", () =>
    withSandbox({ freeze: false }, ({ emulator, functionLines, invoke, ownLines }) =>
      Effect.gen(function*() {
        yield* invoke({ lines: ["before the signal"] })
        const [{ pid } = { pid: undefined }] = yield* emulator.extensions
        assert.isDefined(pid)
        process.kill(pid!, "SIGTERM")
        const [extension] = yield* eventually(emulator.extensions, ([one]) => one?.exitCode !== undefined)
        assert.strictEqual(extension?.exitCode, 0)
        assert.deepStrictEqual(yield* functionLines, ["before the signal\n"])
        assert.strictEqual(assertBalanced(yield* ownLines)["reason"], "signal")
      })))

  const title = `runs on Node.js 20${isNode20 ? "" : ` (not tried: ${systemNode} is ${systemNodeVersion})`}`
  it.live.skipIf(!isNode20)(
    title,
    () =>
      withSandbox({ path: "/usr/bin:/bin" }, ({ emulator, functionLines, invoke, ownLines }) =>
        Effect.gen(function*() {
          for (let call = 0; call < 2; call++) yield* invoke({ lines: [`call ${call}`] })
          const { extensions } = yield* emulator.shutdown()
          assert.strictEqual(extensions[0]?.exitCode, 0)
          assert.deepStrictEqual(yield* functionLines, ["call 0\n", "call 1\n"])
          assertBalanced(yield* ownLines)
        }))
  )
})
