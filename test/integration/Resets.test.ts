/** What ends the function's processes ends the extension's too: nothing said before is lost, the next one starts right. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { closedLedgers, ended } from "./books.ts"
import { eventually, withSandbox } from "./sandbox.ts"
import type { Sandbox } from "./sandbox.ts"

const recordsOfType = ({ openObserve }: Sandbox, type: string) =>
  Effect.map(openObserve.records("default"), (records) => records.filter((record) => record["type"] === type))

/** Ends the sandbox; nothing may have been given up by any generation. Answers with the reasons of their ends. */
const endedAll = (sandbox: Sandbox) =>
  Effect.gen(function*() {
    yield* ended(sandbox)
    const ledgers = closedLedgers(yield* sandbox.ownLines)
    for (const ledger of ledgers) assert.strictEqual(ledger["delivered"], ledger["received"])
    return ledgers.map(({ reason }) => reason)
  })

/** How often the extension has registered and subscribed, and the identifiers under which it asked for events. */
const starts = ({ emulator }: Sandbox) =>
  Effect.map(emulator.calls, (calls) => {
    const accepted = (path: string) => calls.filter((call) => call.path.endsWith(path) && call.status === 200).length
    const identifiers = calls
      .filter(({ path }) => path.endsWith("/event/next"))
      .map(({ headers }) => headers["lambda-extension-identifier"])
    return {
      registrations: accepted("/register"),
      subscriptions: accepted("/telemetry"),
      identifiers: new Set(identifiers).size
    }
  })

describe("a reset", () => {
  const resets = [
    ["a time-out", { sleepMs: 60_000 }, { _tag: "TimedOut" }],
    ["a crash", { exits: 3 }, { _tag: "Crashed", errorType: "Runtime.ExitError" }],
    ["process.exit(0)", { exits: 0 }, { _tag: "Crashed", errorType: "Runtime.ExitError" }],
    ["the end of memory", { isKilled: true }, { _tag: "Crashed", errorType: "Runtime.OutOfMemory" }]
  ] as const
  for (const [what, payload, outcome] of resets) {
    it.live(`by ${what} begins a new generation, in which everything works`, () =>
      // the next call's time is that of its init, too
      withSandbox({ timeoutMs: 4000 }, (sandbox) =>
        Effect.gen(function*() {
          yield* sandbox.invoke({ lines: ["before"] })
          const broken = yield* sandbox.invoke({ lines: ["last words"], ...payload })
          assert.deepStrictEqual(broken.outcome, outcome)
          const [first] = yield* sandbox.emulator.extensions
          assert.strictEqual(first?.exitCode, 0)
          // stored before anybody needs the sandbox again
          assert.deepStrictEqual(yield* sandbox.functionLines, ["before\n", "last words\n"])
          const again = yield* sandbox.invoke({ lines: ["again"] })
          assert.strictEqual(again.outcome._tag, "Response")
          assert.notStrictEqual((yield* sandbox.emulator.extensions)[0]?.pid, first?.pid)
          const andAgain = yield* sandbox.invoke({ lines: ["and again"] })
          const isTimeout = outcome._tag === "TimedOut"
          assert.deepStrictEqual(yield* endedAll(sandbox), [isTimeout ? "timeout" : "failure", "spindown"])
          assert.deepStrictEqual(
            (yield* sandbox.functionRecords).map((record) => [
              record["record"],
              record["requestid"],
              record["faas_coldstart"]
            ]).slice(1),
            [
              ["last words\n", broken.requestId, false],
              ["again\n", again.requestId, true],
              ["and again\n", andAgain.requestId, false]
            ]
          )
          assert.deepStrictEqual(
            (yield* recordsOfType(sandbox, "platform.initStart")).map((record) => record["record_phase"]),
            ["init", "invoke"]
          )
          for (const type of ["platform.runtimeDone", "platform.report"]) {
            const told = (yield* recordsOfType(sandbox, type)).find((record) =>
              record["record_requestid"] === broken.requestId
            )
            assert.strictEqual(told?.["record_status"], isTimeout ? "timeout" : "error", type)
            assert.strictEqual(told?.["record_errortype"], isTimeout ? undefined : outcome.errorType, type)
          }
          assert.deepStrictEqual(yield* starts(sandbox), { registrations: 2, subscriptions: 2, identifiers: 2 })
        })))
  }

  const inits = [
    ["hangs", "timeout", { initTimeoutMs: 4000 }],
    ["exits", "failure", {}]
  ] as const
  for (const [what, reason, options] of inits) {
    it.live(`by an init that ${what} repeats the init within the call, and both have their lines stored`, () =>
      withSandbox(
        { ...options, environment: { FIRST_INIT: what, INIT_LINE: "init" } },
        (sandbox) =>
          Effect.gen(function*() {
            const { outcome, requestId } = yield* sandbox.invoke({ lines: ["at last"] })
            assert.strictEqual(outcome._tag, "Response")
            assert.deepStrictEqual(yield* endedAll(sandbox), [reason, "spindown"])
            assert.deepStrictEqual(
              (yield* sandbox.functionRecords).map((record) => [record["record"], record["requestid"]]),
              [["init\n", undefined], ["init\n", undefined], ["at last\n", requestId]]
            )
            assert.deepStrictEqual(
              (yield* recordsOfType(sandbox, "platform.initReport")).map((record) => [
                record["record_phase"],
                record["record_status"]
              ]),
              [["init", reason === "timeout" ? "timeout" : "error"], ["invoke", "success"]]
            )
            assert.deepStrictEqual(yield* starts(sandbox), { registrations: 2, subscriptions: 2, identifiers: 2 })
          })
      ))
  }

  it.live("by a time-out takes nothing with it that was older than the interval", () =>
    withSandbox(
      { timeoutMs: 3000, environment: { O2_FLUSH_STRATEGY: "periodic", O2_FLUSH_INTERVAL_MS: "200" } },
      (sandbox) =>
        Effect.gen(function*() {
          const call = yield* Effect.forkChild(sandbox.invoke({ lines: ["while it ran"], sleepMs: 60_000 }))
          yield* eventually(sandbox.functionLines, (lines) => lines.length === 1)
          assert.isUndefined(call.pollUnsafe())
          assert.strictEqual((yield* Fiber.join(call)).outcome._tag, "TimedOut")
          assert.deepStrictEqual(yield* sandbox.functionLines, ["while it ran\n"])
        })
    ))
})
