/** The end of a sandbox: what can be delivered is, the books are closed once, and the process ends with 0. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
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

const REASONS = ["spindown", "timeout", "failure"] as const

/** What several calls leave behind that nobody has flushed. */
const continuous = { environment: { O2_FLUSH_STRATEGY: "continuous" } }

describe("SHUTDOWN", () => {
  for (const reason of REASONS) {
    for (const latency of [0, 300]) {
      it.live(`delivers what is left after ${reason} to a backend of ${latency} ms latency`, () =>
        withSandbox(continuous, (sandbox) =>
          Effect.gen(function*() {
            yield* sandbox.openObserve.setLatency(latency)
            for (let call = 0; call < 2; call++) yield* sandbox.invoke({ lines: [`call ${call}`] })
            const ledger = yield* ended(sandbox, reason)
            assert.strictEqual(ledger["delivered"], ledger["received"])
            assert.deepStrictEqual(yield* sandbox.functionLines, ["call 0\n", "call 1\n"])
            const reports = (yield* typesStored(sandbox)).filter((type) => type === "platform.report")
            assert.strictEqual(reports.length, 2)
          })))
    }
  }

  /** After a crash or time-out the next start waits for this process, so the stream must keep moving. */
  const arrivals: ReadonlyArray<
    readonly [string, SandboxOptions, { readonly reason: (typeof REASONS)[number]; readonly every: number }]
  > = [
    ["before the last report", { reportDelayAfterShutdownMs: 950 }, { reason: "spindown", every: 225 }],
    ["after the last report", {}, { reason: "spindown", every: 225 }],
    ["without a last report", { lastReport: "never" }, { reason: "spindown", every: 225 }],
    ["in a row after a time-out", { reportDelayAfterShutdownMs: 850 }, { reason: "timeout", every: 90 }],
    ["in a row after a crash", { lastReport: "never" }, { reason: "failure", every: 90 }]
  ]
  for (const [when, options, { every, reason }] of arrivals) {
    it.live(`delivers what comes within a second, ${when}, to a backend of 200 ms latency`, () =>
      withSandbox(options, (sandbox) =>
        Effect.gen(function*() {
          yield* sandbox.openObserve.setLatency(200)
          yield* sandbox.invoke({ lines: ["before"] })
          const ending = yield* Effect.forkChild(ended(sandbox, reason))
          yield* announced(sandbox, 1)
          const late = Array.from({ length: Math.floor(900 / every) }, (_, n) => `late ${n}\n`)
          for (const record of late) {
            yield* Effect.sleep(every)
            yield* sandbox.emulator.emit({ type: "function", record })
          }
          const ledger = yield* Fiber.join(ending)
          assert.strictEqual(ledger["delivered"], ledger["received"])
          assert.deepStrictEqual(yield* sandbox.functionLines, ["before\n", ...late])
          const reports = (yield* typesStored(sandbox)).filter((type) => type === "platform.report")
          assert.strictEqual(reports.length, options.lastReport === "never" ? 0 : 1)
        })))
  }

  it.live("comes before any call: what the start said is delivered", () =>
    withSandbox({ environment: { INIT_LINE: "init" } }, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.emulator.start
        const ledger = yield* ended(sandbox)
        assert.strictEqual(ledger["delivered"], ledger["received"])
        assert.deepStrictEqual(yield* sandbox.functionLines, ["init\n"])
      })))

  it.live("is the immediate answer to an extension that comes back late, and half of its time has passed", () =>
    withSandbox({ environment: { O2_FLUSH_STRATEGY: "end" } }, (sandbox) =>
      Effect.gen(function*() {
        const crash = yield* Effect.forkChild(sandbox.invoke({ lines: ["last words"], sleepMs: 500, exits: 1 }))
        yield* eventually(sandbox.emulator.events, (events) => events.some(({ record }) => record === "last words\n"))
        const [{ pid } = { pid: undefined }] = yield* sandbox.emulator.extensions
        assert.isDefined(pid)
        process.kill(pid!, "SIGSTOP")
        yield* eventually(sandbox.emulator.events, (events) => events.some(({ type }) => type === "platform.report"))
        // the platform waits a second for telemetry to be taken before it hands SHUTDOWN out
        yield* Effect.sleep(1100)
        const resumedAt = yield* Clock.currentTimeMillis
        process.kill(pid!, "SIGCONT")
        assert.strictEqual((yield* Fiber.join(crash)).outcome._tag, "Crashed")
        const asked = (yield* sandbox.emulator.calls).filter(({ path }) => path.endsWith("/event/next"))
        assert.isAtLeast(asked.at(-1)!.at, resumedAt)
        const [extension] = yield* sandbox.emulator.extensions
        assert.strictEqual(extension?.exitCode, 0)
        assert.strictEqual((yield* onlyLedger(sandbox))["reason"], "failure")
        assert.deepStrictEqual(yield* sandbox.functionLines, ["last words\n"])
      })))

  it.live("makes do with 300 ms", () =>
    withSandbox(
      { shutdownBudgetMs: 300, ...continuous },
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
    for (const reason of REASONS) {
      it.live(`leaves what it cannot deliver on the disk when OpenObserve is ${what}, and ends in time after ${reason}`, () =>
        withSandbox(continuous, (sandbox) =>
          Effect.gen(function*() {
            yield* sandbox.openObserve.setFault(fault)
            for (let call = 0; call < 2; call++) yield* sandbox.invoke({ lines: [`call ${call}`] })
            const ledger = yield* ended(sandbox, reason)
            assert.isAbove(ledger["received"], 0)
            // for the next generation, which a spindown does not have
            assert.strictEqual(ledger["spilled"], ledger["received"])
            assert.strictEqual(ledger["level"], "warn")
          })))
    }
  }

  const crashes: ReadonlyArray<readonly [string, Record<string, string>]> = [
    ["is about to be flushed", {}],
    // the flush that the crash interrupts would last longer than the process may live
    ["is being flushed", { O2_FLUSH_STRATEGY: "periodic", O2_FLUSH_INTERVAL_MS: "100", O2_FLUSH_BUDGET_MS: "60000" }]
  ]
  for (const [when, environment] of crashes) {
    it.live(`ends in time when the function crashes while it ${when} and OpenObserve is silent`, () =>
      withSandbox({ environment }, (sandbox) =>
        Effect.gen(function*() {
          yield* sandbox.openObserve.setFault(Fault.HangBeforeHeaders())
          const { outcome } = yield* sandbox.invoke({ lines: ["last words"], sleepMs: 500, exits: 1 })
          assert.strictEqual(outcome._tag, "Crashed")
          const [extension] = yield* sandbox.emulator.extensions
          assert.strictEqual(extension?.exitCode, 0)
          assert.strictEqual((yield* onlyLedger(sandbox))["reason"], "failure")
        })))
  }
})

describe("a signal", () => {
  for (const signals of [["SIGTERM"], ["SIGINT"], ["SIGTERM", "SIGINT", "SIGTERM"]] as const) {
    it.live(`drains on ${signals.join(", ")}`, () =>
      withSandbox(
        { freeze: false, ...continuous },
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
