/** A server that fails now and then is no outage: the rest goes round what hangs, and nothing is lost or said. */
import { assert, describe, it } from "@effect/vitest"
import { Chance } from "./chaos.ts"
import { runTraffic, TIMEOUT_MS } from "./traffic.ts"
import { assertAllDelivered, type Behave, during, figuresOf, outageWarnings, sampleAt, well } from "./trafficBooks.ts"
import type { Behaviour } from "./trafficServer.ts"

const LATENCY_MS = 100

/** How long the trouble lasts, and how long it takes until SHUTDOWN afterwards. */
const TROUBLE_MS = 15_000
const AFTERWARDS_MS = 5_000

/** So that a red run can be repeated, as far as requests come in the same order. */
const SEED = 7

/** Answers some requests in a way of their own. */
const some = (share: number, trouble: Behaviour): Behave => {
  const chance = new Chance(SEED)
  return (asked) => chance.next() < share ? trouble : well(LATENCY_MS)(asked)
}

interface Row {
  readonly name: string
  readonly share: number
  readonly trouble: Behaviour
  /** Share of the lines that is to be stored while the trouble lasts. */
  readonly goodput: number
  /** Outages that chance may make: nothing stored for as long as a flush waits is one. */
  readonly maxOutages?: number
}

const ROWS: ReadonlyArray<Row> = [
  { name: "one request in ten hangs", share: 0.1, trouble: { _tag: "Hangs" }, goodput: 0.85 },
  { name: "one request in fifty hangs", share: 0.02, trouble: { _tag: "Hangs" }, goodput: 0.85 },
  { name: "one answer in ten is lost", share: 0.1, trouble: { _tag: "Swallows" }, goodput: 0.85 },
  {
    name: "half of the requests meet a 503",
    share: 0.5,
    trouble: { _tag: "Overloaded", latencyMs: LATENCY_MS },
    goodput: 0.5,
    maxOutages: 1
  }
]

describe.concurrent("traffic to a server that fails now and then", { timeout: TIMEOUT_MS }, () => {
  for (const { goodput, maxOutages = 0, name, share, trouble } of ROWS) {
    it(name, async () => {
      const traffic = await runTraffic({
        environment: { O2_FLUSH_STRATEGY: "continuous" },
        behave: during(0, TROUBLE_MS, some(share, trouble), well(LATENCY_MS)),
        seconds: (TROUBLE_MS + AFTERWARDS_MS) / 1000,
        callsPerSecond: 20,
        linesPerCall: 20
      })
      const figures = figuresOf(traffic)
      assertAllDelivered(traffic)
      assert.isAtMost(outageWarnings(traffic).length, maxOutages, figures)
      const { stored, taken } = sampleAt(traffic, TROUBLE_MS)
      assert.isAtLeast(stored / taken, goodput, figures)
      // each answer that was lost is worth one more copy of its batch
      const lost = traffic.requests.filter(({ behaviour }) => behaviour === "Swallows")
      assert.isAtMost(traffic.copies, lost.reduce((sum, { records }) => sum + records, 0), figures)
    })
  }
})
