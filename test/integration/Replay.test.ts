/**
 * A time-out or a crash of the function ends our process as well. What it could not deliver is delivered by the next one:
 * nothing is lost and nothing is doubled, and both books say so.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { assertNoSecrets, closedLedgers, complaints, ended, total } from "./books.ts"
import type { Payload } from "./functions.ts"
import { eventually, withSandbox } from "./sandbox.ts"
import type { Sandbox } from "./sandbox.ts"

const RESETS: ReadonlyArray<readonly [string, Payload, string]> = [
  ["timeout", { sleepMs: 60_000 }, "TimedOut"],
  ["failure", { exits: 1 }, "Crashed"]
]

const AWAY: ReadonlyArray<readonly [string, Fault]> = [
  ["away", Fault.RefuseConnections()],
  ["overloaded", Fault.memoryOverflow]
]

const reset = Effect.fnUntraced(function*({ invoke }: Sandbox, payload: Payload, expected: string) {
  const { outcome } = yield* invoke(payload)
  assert.strictEqual(outcome._tag, expected)
})

/** Everything the functions wrote is stored once, and what one generation left the next has delivered. */
const assertNothingLost = Effect.fnUntraced(function*(sandbox: Sandbox, written: ReadonlyArray<string>) {
  const ledgers = closedLedgers(yield* sandbox.ownLines)
  assert.deepStrictEqual((yield* sandbox.functionLines).toSorted(), written.toSorted())
  assert.isAbove(total(ledgers, "spilled"), 0)
  assert.strictEqual(total(ledgers, "replayed"), total(ledgers, "spilled"))
  assert.strictEqual(total(ledgers, "delivered"), total(ledgers, "received"))
  for (const account of ["dropped", "rejected", "possiblyDuplicated"]) assert.strictEqual(total(ledgers, account), 0)
  assert.strictEqual((yield* sandbox.openObserve.records("default")).length, total(ledgers, "delivered"))
  yield* assertNoSecrets(sandbox)
  return ledgers
})

describe.concurrent("what a reset interrupts", () => {
  for (const [reason, payload, outcome] of RESETS) {
    for (const [what, fault] of AWAY) {
      it.live(`is delivered by the next generation, after ${reason} with OpenObserve ${what}`, () =>
        withSandbox({ timeoutMs: 3000 }, (sandbox) =>
          Effect.gen(function*() {
            const { invoke, openObserve, ownLines } = sandbox
            yield* invoke({ lines: ["before"] })
            yield* openObserve.setFault(fault)
            yield* reset(sandbox, { lines: ["last words"], flood: { text: "flood", count: 500 }, ...payload }, outcome)
            yield* openObserve.setFault(undefined)
            // nobody waits for what the last generation left: it is sent when there is time
            yield* invoke({ lines: ["again"] })
            yield* ended(sandbox)
            const flood = Array.from({ length: 500 }, (_, n) => `flood ${n}\n`)
            const ledgers = yield* assertNothingLost(sandbox, ["before\n", "last words\n", ...flood, "again\n"])
            assert.deepStrictEqual(ledgers.map((ledger) => ledger["reason"]), [reason, "spindown"])
            assert.strictEqual(complaints(yield* ownLines).length, 1)
          })))
    }

    it.live(`is delivered by the fourth generation, after ${reason} three times with OpenObserve away all the while`, () =>
      withSandbox({ timeoutMs: 3000 }, (sandbox) =>
        Effect.gen(function*() {
          const { invoke, openObserve } = sandbox
          yield* openObserve.setFault(Fault.RefuseConnections())
          const written: Array<string> = []
          for (let generation = 0; generation < 3; generation++) {
            yield* reset(sandbox, { lines: [`generation ${generation}`], ...payload }, outcome)
            written.push(`generation ${generation}\n`)
          }
          yield* openObserve.setFault(undefined)
          yield* invoke({ lines: ["again"] })
          yield* ended(sandbox)
          yield* assertNothingLost(sandbox, [...written, "again\n"])
        })))
  }

  it.live("is delivered when OpenObserve hung until the function's time was over", () =>
    withSandbox({ timeoutMs: 3000 }, (sandbox) =>
      Effect.gen(function*() {
        const { functionLines, openObserve, ownLines } = sandbox
        yield* openObserve.setFault(Fault.HangBeforeHeaders())
        yield* reset(sandbox, { lines: ["last words"], sleepMs: 60_000 }, "TimedOut")
        yield* openObserve.setFault(undefined)
        yield* sandbox.invoke({ lines: ["again"] })
        yield* ended(sandbox)
        assert.deepStrictEqual((yield* functionLines).toSorted(), ["again\n", "last words\n"])
        const ledgers = closedLedgers(yield* ownLines)
        assert.strictEqual(total(ledgers, "dropped"), 0)
        assert.strictEqual(total(ledgers, "replayed"), total(ledgers, "spilled"))
      })))

  it.live("is delivered when the kill comes without notice: in an outage a call that nears its deadline is written down", () =>
    // no time at all between the deadline and the kill
    withSandbox({ timeoutMs: 3000, shutdownBudgetMs: 1 }, (sandbox) =>
      Effect.gen(function*() {
        const { functionLines, invoke, openObserve, ownLines } = sandbox
        yield* openObserve.setFault(Fault.RefuseConnections())
        yield* invoke({ lines: ["noticed the outage"] })
        yield* reset(sandbox, { lines: ["last words"], sleepMs: 60_000 }, "TimedOut")
        assert.deepStrictEqual(closedLedgers(yield* ownLines), [])
        yield* openObserve.setFault(undefined)
        yield* invoke({ lines: ["again"] })
        const expected = ["again\n", "last words\n", "noticed the outage\n"]
        const lines = yield* eventually(functionLines, (lines) => lines.length === expected.length)
        assert.deepStrictEqual([...lines].toSorted(), expected)
      })))
})
