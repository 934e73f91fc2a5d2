/** A busy function while nothing is answered: it is noticed once, costs few requests, and ends with its end. */
import { assert, describe, it } from "@effect/vitest"
import { runTraffic, TIMEOUT_MS } from "./traffic.ts"
import type { Traffic } from "./traffic.ts"
import {
  assertAllDelivered,
  assertClosed,
  carrying,
  caughtUp,
  during,
  figuresOf,
  hangs,
  outageWarnings,
  swallows,
  well
} from "./trafficBooks.ts"

const LATENCY_MS = 100

/** When it begins: some answers have shown how fast the server is. */
const FROM_MS = 3_000

/** What is aimed at is 3 s until it is noticed and 15 s until all is delivered; cores that are shared may take thrice that. */
const NOTICED_WITHIN_MS = 9_000
const DELIVERED_WITHIN_MS = 45_000

/** Requests from the return until what was missed has been stored. */
const MAX_REQUESTS_AFTER = 20

const assertNoticed = (traffic: Traffic, fromMs: number, toMs: number): void => {
  const figures = figuresOf(traffic)
  const warnings = outageWarnings(traffic)
  assert.strictEqual(warnings.length, 1, figures)
  assert.isAtLeast(warnings[0]!.atMs, fromMs, figures)
  assert.isAtMost(warnings[0]!.atMs, Math.min(toMs, fromMs + NOTICED_WITHIN_MS), figures)
}

const assertRecovered = (traffic: Traffic, backMs: number): void => {
  const figures = figuresOf(traffic)
  const done = caughtUp(traffic, backMs)
  assert.isDefined(done, figures)
  assert.isAtMost(done.atMs - backMs, DELIVERED_WITHIN_MS, figures)
  const requests = carrying(traffic).filter(({ atMs }) => atMs >= backMs && atMs < done.atMs)
  assert.isAtMost(requests.length, MAX_REQUESTS_AFTER, figures)
}

describe.concurrent("traffic to a server that answers nothing", { timeout: TIMEOUT_MS }, () => {
  for (const [seconds, strategy] of [[5, "continuous"], [15, "continuous"], [15, "end"]] as const) {
    it(`for ${seconds} s, ${strategy}: one warning, and all arrives in few requests after the return`, async () => {
      const backMs = FROM_MS + seconds * 1000
      const traffic = await runTraffic({
        environment: { O2_FLUSH_STRATEGY: strategy },
        behave: during(FROM_MS, backMs, hangs, well(LATENCY_MS)),
        seconds: backMs / 1000 + 10,
        callsPerSecond: 40,
        linesPerCall: 10
      })
      assertAllDelivered(traffic)
      assertNoticed(traffic, FROM_MS, backMs)
      assertRecovered(traffic, backMs)
      assert.strictEqual(traffic.copies, 0, figuresOf(traffic))
    })
  }

  it("at 100 calls/s of one line, until the end: few requests, few files, nothing dropped", async () => {
    const traffic = await runTraffic({
      environment: { O2_FLUSH_STRATEGY: "continuous" },
      behave: during(FROM_MS, Infinity, hangs, well(LATENCY_MS)),
      seconds: FROM_MS / 1000 + 20,
      callsPerSecond: 100,
      linesPerCall: 1
    })
    const figures = figuresOf(traffic)
    assertClosed(traffic)
    assertNoticed(traffic, FROM_MS, Infinity)
    assert.deepStrictEqual(traffic.ledger["dropped"], {}, figures)
    // every line is stored or on the disk
    assert.isAtMost(traffic.missing, traffic.ledger["spilled"], figures)
    // some that notice it, a probe after each pause, and those of the end
    assert.isAtMost(traffic.requests.filter(({ behaviour }) => behaviour === "Hangs").length, 20, figures)
    assert.isAtMost(traffic.maxSpillFiles, 20, figures)
  })

  it("stored, and every answer lost, in a sandbox that is frozen between calls: copies do not grow with the calls", async () => {
    const traffic = await runTraffic({
      environment: { O2_FLUSH_STRATEGY: "continuous" },
      behave: during(FROM_MS, Infinity, swallows, well(LATENCY_MS)),
      seconds: 33,
      callsPerSecond: 0.4,
      workMs: 200,
      linesPerCall: 20,
      freezes: true
    })
    const figures = figuresOf(traffic)
    assertClosed(traffic)
    assert.strictEqual(outageWarnings(traffic).length, 1, figures)
    assert.deepStrictEqual(traffic.ledger["dropped"], {}, figures)
    // of the twelve calls after it has begun, three are let go before it is known
    assert.isAtMost(traffic.copies, 6 * 20, figures)
  })

  it("on Managed Instances, for 20 s: noticed without any call's help, and all arrives", async () => {
    const backMs = FROM_MS + 20_000
    const traffic = await runTraffic({
      isManagedInstance: true,
      behave: during(FROM_MS, backMs, hangs, well(LATENCY_MS)),
      seconds: backMs / 1000 + 12,
      callsPerSecond: 10,
      linesPerCall: 10
    })
    assertAllDelivered(traffic)
    assertNoticed(traffic, FROM_MS, backMs)
    assertRecovered(traffic, backMs)
  })
})
