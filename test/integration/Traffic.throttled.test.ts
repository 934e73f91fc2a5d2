/** The end of a small function: Lambda gives it a share of a CPU, and 2 s. */
import { assert, describe, it } from "@effect/vitest"
import { runTraffic, TIMEOUT_MS } from "./traffic.ts"
import { during, figuresOf, outageWarnings, well } from "./trafficBooks.ts"

/** Of a function with 128 MB: 1 769 MB have a whole CPU. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const CPU_SHARE = 0.07

describe("the end of a throttled sandbox", { timeout: TIMEOUT_MS }, () => {
  it("has written all of 12 MB that a silent server has not taken, and its ledger, before it is killed", async () => {
    const traffic = await runTraffic({
      environment: { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "128", O2_FLUSH_STRATEGY: "continuous" },
      behave: during(3_000, 60_000, () => ({ _tag: "Hangs" }), well(30)),
      seconds: 16,
      callsPerSecond: 20,
      linesPerCall: 120,
      cpuShare: CPU_SHARE
    })
    const figures = figuresOf(traffic)
    const { ledger } = traffic
    assert.isDefined(ledger, figures)
    assert.strictEqual(outageWarnings(traffic).length, 1, figures)
    assert.deepInclude(ledger, { dropped: {}, rejected: {}, buffered: 0, inFlight: 0 }, figures)
    assert.isAbove(ledger["spilled"], 25_000, figures)
    assert.strictEqual(ledger["received"], ledger["delivered"] + ledger["spilled"], figures)
    assert.strictEqual(traffic.exit.code, 0, figures)
  })
})
