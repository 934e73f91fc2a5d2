/** Ends: of calls that wait for an answer which was lost, and of sandboxes with much still to deliver. */
import { assert, describe, it } from "@effect/vitest"
import { isStandalone, runTraffic, TIMEOUT_MS } from "./traffic.ts"
import {
  assertAllDelivered,
  assertUntroubled,
  type Behave,
  carrying,
  during,
  figuresOf,
  hangs,
  outageWarnings,
  well
} from "./trafficBooks.ts"

/** The setting's default, in ms. */
const FLUSH_BUDGET_MS = 2_000

const LOST_FROM_MS = 4_000

/** One request that carries records is stored, and its answer lost. */
const losesOneAnswer = (): Behave => {
  let hasLost = false
  return (asked) => {
    if (hasLost || asked.records === 0 || asked.atMs < LOST_FROM_MS) return well(100)(asked)
    hasLost = true
    return { _tag: "Swallows" }
  }
}

describe.concurrent("ends under traffic", { timeout: TIMEOUT_MS }, () => {
  it("end: one lost answer costs one call one budget at most, and is no outage", async () => {
    const traffic = await runTraffic({
      environment: { O2_FLUSH_STRATEGY: "end" },
      behave: losesOneAnswer(),
      seconds: 12,
      callsPerSecond: 5,
      linesPerCall: 20
    })
    const figures = figuresOf(traffic)
    assertAllDelivered(traffic)
    assert.deepStrictEqual(outageWarnings(traffic), [], figures)
    assert.strictEqual(traffic.requests.filter(({ behaviour }) => behaviour === "Swallows").length, 1, figures)
    const held = traffic.addedMs.filter((millis) => millis > FLUSH_BUDGET_MS / 2)
    assert.isAtMost(held.length, 1, `${held} ${figures}`)
    assert.isBelow(Math.max(...traffic.addedMs), 2 * FLUSH_BUDGET_MS, figures)
    // that batch, once
    assert.isAtMost(traffic.copies, 20, figures)
  })

  for (const strategy of ["continuous", "end"] as const) {
    it(`${strategy}: SHUTDOWN finds 20 000 lines, and all are delivered`, async () => {
      const traffic = await runTraffic({
        environment: { O2_FLUSH_STRATEGY: strategy },
        behave: well(100),
        seconds: 4,
        callsPerSecond: 5,
        linesPerCall: 20,
        lastLines: 20_000
      })
      const figures = figuresOf(traffic)
      assertUntroubled(traffic)
      assert.isAtLeast(traffic.lines, 20_000, figures)
      assert.isAtMost(carrying(traffic).length, 60, figures)
    })
  }

  // a static executable has no clock but the machine's
  it.skipIf(isStandalone())(
    "a wall clock that is set back after SHUTDOWN delays nothing: all is written, and the ledger",
    async () => {
      const traffic = await runTraffic({
        environment: { O2_FLUSH_STRATEGY: "continuous" },
        behave: during(1_000, 60_000, hangs, well(30)),
        seconds: 4,
        callsPerSecond: 20,
        linesPerCall: 20,
        setsClockBack: true
      })
      const figures = figuresOf(traffic)
      assert.deepInclude(traffic.ledger, { dropped: {}, rejected: {}, buffered: 0, inFlight: 0 }, figures)
      assert.isAbove(traffic.ledger["spilled"], 0, figures)
      assert.strictEqual(traffic.exit.code, 0, figures)
    }
  )
})
