/** The end of a sandbox: what can be delivered is, the books are closed once, and the process ends with 0. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { eventually, sidesOf, withSandbox } from "./sandbox.ts"
import type { Sandbox, SandboxOptions } from "./sandbox.ts"

/** The only books that were closed; they must add up. */
const onlyLedger = ({ ownLines }: Sandbox) =>
  Effect.map(ownLines, (lines) => {
    const ledgers: ReadonlyArray<Record<string, any>> = lines.filter(({ message }) => message === "ledger")
    assert.strictEqual(ledgers.length, 1)
    const { came, went } = sidesOf(ledgers[0]!)
    assert.strictEqual(came, went)
    return ledgers[0]!
  })

/** Ends the sandbox; the extension must end by itself and in good order. */
const ended = (sandbox: Sandbox, reason: "spindown" | "timeout" | "failure" = "spindown") =>
  Effect.gen(function*() {
    const { extensions } = yield* sandbox.emulator.shutdown(reason)
    assert.deepStrictEqual(extensions.map(({ exitCode, killed }) => ({ exitCode, killed })), [
      { exitCode: 0, killed: false }
    ])
    const ledger = yield* onlyLedger(sandbox)
    assert.strictEqual(ledger["reason"], reason)
    return ledger
  })

/** Completes when SHUTDOWN has been handed out. */
const announced = ({ emulator }: Sandbox, afterCalls: number) =>
  eventually(
    emulator.calls,
    (calls) => calls.filter(({ path, status }) => path.endsWith("/event/next") && status === 200).length > afterCalls
  )

const typesStored = ({ openObserve }: Sandbox) =>
  Effect.map(openObserve.records("default"), (records) => records.map(({ type }) => type))

describe("SHUTDOWN", () => {
  for (const reason of ["spindown", "timeout", "failure"] as const) {
    it.live(`delivers what is left after ${reason}`, () =>
      withSandbox({ environment: { O2_FLUSH_STRATEGY: "continuous" } }, (sandbox) =>
        Effect.gen(function*() {
          for (let call = 0; call < 2; call++) yield* sandbox.invoke({ lines: [`call ${call}`] })
          const ledger = yield* ended(sandbox, reason)
          assert.strictEqual(ledger["delivered"], ledger["received"])
          assert.deepStrictEqual(yield* sandbox.functionLines, ["call 0\n", "call 1\n"])
        })))
  }

  const reports: ReadonlyArray<readonly [string, SandboxOptions]> = [
    ["before the last report", { reportDelayAfterShutdownMs: 950 }],
    ["after the last report", {}],
    ["without a last report", { lastReport: "never" }]
  ]
  for (const [when, options] of reports) {
    it.live(`delivers what comes within a second, ${when}, to a backend of 200 ms latency`, () =>
      withSandbox(options, (sandbox) =>
        Effect.gen(function*() {
          yield* sandbox.openObserve.setLatency(200)
          yield* sandbox.invoke({ lines: ["before"] })
          const ending = yield* Effect.forkChild(ended(sandbox))
          yield* announced(sandbox, 1)
          const late = Array.from({ length: 4 }, (_, n) => `late ${n}\n`)
          for (const record of late) {
            yield* Effect.sleep(225)
            yield* sandbox.emulator.emit({ type: "function", record })
          }
          const ledger = yield* Fiber.join(ending)
          assert.strictEqual(ledger["delivered"], ledger["received"])
          assert.deepStrictEqual(yield* sandbox.functionLines, ["before\n", ...late])
          const reports = (yield* typesStored(sandbox)).filter((type) => type === "platform.report")
          assert.strictEqual(reports.length, when === "without a last report" ? 0 : 1)
        })))
  }

  it.live("makes do with 300 ms", () =>
    withSandbox(
      { shutdownBudgetMs: 300, environment: { O2_FLUSH_STRATEGY: "continuous" } },
      (sandbox) =>
        Effect.gen(function*() {
          for (let call = 0; call < 2; call++) yield* sandbox.invoke({ lines: [`call ${call}`] })
          const { extensions } = yield* sandbox.emulator.shutdown()
          assert.strictEqual(extensions[0]?.exitCode, 0)
          assert.deepStrictEqual(yield* sandbox.functionLines, ["call 0\n", "call 1\n"])
          yield* onlyLedger(sandbox)
        })
    ))

  const away: ReadonlyArray<readonly [string, Fault]> = [
    ["away", Fault.RefuseConnections()],
    ["silent", Fault.HangBeforeHeaders()]
  ]
  for (const [what, fault] of away) {
    it.live(`counts what it has to give up when OpenObserve is ${what}, and ends in time all the same`, () =>
      withSandbox({ environment: { O2_FLUSH_STRATEGY: "continuous" } }, (sandbox) =>
        Effect.gen(function*() {
          yield* sandbox.openObserve.setFault(fault)
          for (let call = 0; call < 2; call++) yield* sandbox.invoke({ lines: [`call ${call}`] })
          const ledger = yield* ended(sandbox)
          assert.isAbove(ledger["received"], 0)
          assert.deepStrictEqual(ledger["dropped"], { shutdown: ledger["received"] })
          assert.strictEqual(ledger["level"], "warn")
        })))
  }

  it.live("ends in time when the function crashes while OpenObserve is silent", () =>
    withSandbox({}, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.openObserve.setFault(Fault.HangBeforeHeaders())
        const { outcome } = yield* sandbox.invoke({ lines: ["last words"], exits: 1 })
        assert.strictEqual(outcome._tag, "Crashed")
        const [extension] = yield* sandbox.emulator.extensions
        assert.strictEqual(extension?.exitCode, 0)
        assert.strictEqual((yield* onlyLedger(sandbox))["reason"], "failure")
      })))
})

describe("a signal", () => {
  for (const signals of [["SIGTERM"], ["SIGINT"], ["SIGTERM", "SIGINT", "SIGTERM"]] as const) {
    it.live(`drains on ${signals.join(", ")}`, () =>
      withSandbox(
        { freeze: false, environment: { O2_FLUSH_STRATEGY: "continuous" } },
        (sandbox) =>
          Effect.gen(function*() {
            yield* sandbox.invoke({ lines: ["before the signal"] })
            const [{ pid } = { pid: undefined }] = yield* sandbox.emulator.extensions
            assert.isDefined(pid)
            for (const signal of signals) {
              process.kill(pid!, signal)
              yield* Effect.sleep(50)
            }
            const [extension] = yield* eventually(sandbox.emulator.extensions, ([one]) => one?.exitCode !== undefined)
            assert.strictEqual(extension?.exitCode, 0)
            assert.deepStrictEqual(yield* sandbox.functionLines, ["before the signal\n"])
            assert.strictEqual((yield* onlyLedger(sandbox))["reason"], "signal")
          })
      ))
  }
})
