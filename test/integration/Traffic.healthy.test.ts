/** Busy functions and a server that is well, however far away: everything arrives once, and nothing piles up. */
import { assert, describe, it } from "@effect/vitest"
import { runTraffic, TIMEOUT_MS } from "./traffic.ts"
import { assertUntroubled, carrying, figuresOf, well } from "./trafficBooks.ts"

/** The rate at which a round trip's arrivals are counted is never met exactly on cores that are shared. In ms. */
const SLACK_MS = 500

/** Round trips whose arrivals may wait: one under way, one that grows meanwhile, and a half-empty one of chance. */
const MAX_ROUND_TRIPS = 3

/** Requests beside those that follow each other: at the start, when somebody waits, and at the end. */
const MORE_REQUESTS = 15

interface Row {
  readonly strategy: "continuous" | "adaptive" | "end"
  readonly latencyMs: number
  readonly callsPerSecond: number
  readonly linesPerCall: number
  readonly seconds: number
}

const ROWS: ReadonlyArray<Row> = [
  { strategy: "continuous", latencyMs: 100, callsPerSecond: 80, linesPerCall: 20, seconds: 15 },
  { strategy: "continuous", latencyMs: 500, callsPerSecond: 10, linesPerCall: 20, seconds: 15 },
  { strategy: "continuous", latencyMs: 1000, callsPerSecond: 10, linesPerCall: 20, seconds: 15 },
  // longer than any answer that makes a request suspect while nothing is known of the server
  { strategy: "end", latencyMs: 1500, callsPerSecond: 10, linesPerCall: 20, seconds: 10 },
  // becomes continuous after 30 s
  { strategy: "adaptive", latencyMs: 1000, callsPerSecond: 10, linesPerCall: 20, seconds: 40 }
]

describe.concurrent("traffic to a healthy server", { timeout: TIMEOUT_MS }, () => {
  for (const { callsPerSecond, latencyMs, linesPerCall, seconds, strategy } of ROWS) {
    it(`${strategy}, ${callsPerSecond} calls/s of ${linesPerCall} lines, answers after ${latencyMs} ms`, async () => {
      const traffic = await runTraffic({
        environment: { O2_FLUSH_STRATEGY: strategy },
        behave: well(latencyMs),
        seconds,
        callsPerSecond,
        linesPerCall
      })
      const figures = figuresOf(traffic)
      assertUntroubled(traffic)
      const perRoundTrip = callsPerSecond * linesPerCall * (latencyMs + SLACK_MS) / 1000
      assert.isAtMost(traffic.maxBacklog, MAX_ROUND_TRIPS * perRoundTrip, figures)
      // by time and latency, not by calls
      const roundTrips = (traffic.shutdownMs + traffic.exitMs) / latencyMs
      assert.isAtMost(carrying(traffic).length, roundTrips + MORE_REQUESTS, figures)
    })
  }

  it("keeps pace with calls between which the sandbox is frozen", async () => {
    const traffic = await runTraffic({
      environment: { O2_FLUSH_STRATEGY: "continuous" },
      behave: well(100),
      seconds: 15,
      callsPerSecond: 0.8,
      linesPerCall: 20,
      workMs: 200,
      freezes: true
    })
    const figures = figuresOf(traffic)
    assertUntroubled(traffic)
    // what one call wrote leaves with the next
    assert.isAtMost(traffic.maxBacklog, 3 * 20, figures)
  })
})
