/**
 * OpenObserve is away for five calls: in every mode nothing is lost or doubled, the first call that notices waits within
 * its budget, and the others do not wait at all.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { assertNoSecrets, complaints, ended } from "./books.ts"
import { assertUnharmed, MAX_IN_FLIGHT } from "./faultMatrix.ts"
import { carrying, withSandbox } from "./sandbox.ts"

const MODES = ["end", "continuous", "periodic", "adaptive"] as const

const CALLS = 5

/**
 * Waiting is made so long that it would show: nobody answers within the function's time, and whoever waits for an answer or
 * a retry times the call out.
 */
const PATIENCE = {
  O2_FLUSH_BUDGET_MS: "1000",
  O2_REQUEST_TIMEOUT_MS: "900000",
  O2_MAX_RETRIES: "100",
  O2_INITIAL_RETRY_DELAY_MS: "400",
  O2_MAX_RETRY_DELAY_MS: "900000"
}

const OUTAGES: ReadonlyArray<readonly [string, Fault, { readonly most: number }]> = [
  // two or three attempts fit into the budget of a second
  ["is overloaded", Fault.memoryOverflow, { most: 3 }],
  ["refuses connections", Fault.RefuseConnections(), { most: 0 }],
  ["hangs", Fault.HangBeforeHeaders(), { most: 1 }]
]

describe.concurrent("an outage of five calls", () => {
  for (const mode of MODES) {
    for (const [what, fault, { most }] of OUTAGES) {
      it.live(`in mode ${mode}, when OpenObserve ${what}`, () =>
        withSandbox(
          { timeoutMs: 20_000, shutdownBudgetMs: 5000, environment: { ...PATIENCE, O2_FLUSH_STRATEGY: mode } },
          (sandbox) =>
            Effect.gen(function*() {
              const { functionLines, invoke, openObserve, ownLines } = sandbox
              const isSilent = fault._tag === "HangBeforeHeaders"
              const written = ["before\n"]
              assertUnharmed(yield* invoke({ lines: ["before"] }))
              yield* openObserve.setFault(fault)
              const before = carrying(yield* openObserve.requests).length
              const requests = Effect.map(openObserve.requests, (all) => carrying(all).length - before)
              let noticed = 0
              for (let call = 0; call < CALLS; call++) {
                assertUnharmed(yield* invoke({ lines: [`meanwhile ${call}`] }))
                written.push(`meanwhile ${call}\n`)
                if (call === 0) noticed = yield* requests
              }
              if (mode === "continuous") {
                // nobody waits for a delivery, so that deliveries of several calls may be at their retries
                assert.isAtMost(yield* requests, MAX_IN_FLIGHT * most)
              } else {
                assert.isAtMost(noticed, most)
                // what is not asked is not waited for; a machine that is slow enough sees the probe after a pause
                assert.isAtMost((yield* requests) - noticed, 1)
              }
              yield* openObserve.setFault(undefined)
              // a request that is younger than two seconds at the end of the sandbox is still trusted to be answered
              assertUnharmed(yield* invoke({ lines: ["after"], sleepMs: isSilent ? 2000 : 0 }))
              written.push("after\n")
              const ledger = yield* ended(sandbox)

              assert.deepStrictEqual((yield* functionLines).toSorted(), written.toSorted())
              assert.deepInclude(ledger, {
                rejected: {},
                dropped: {},
                spilled: 0,
                delivered: ledger["received"],
                level: "info"
              })
              // in mode continuous, a request can be under way when the sandbox freezes
              if (!isSilent && mode !== "continuous") assert.strictEqual(ledger["possiblyDuplicated"], 0)
              assert.isAtMost(complaints(yield* ownLines).length, 1)
              yield* assertNoSecrets(sandbox)
            })
        ))
    }
  }
})
