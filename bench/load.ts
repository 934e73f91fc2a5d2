/**
 * What busy functions get from a healthy OpenObserve: per latency, rate and tier the most lines that waited, requests,
 * time added to each call (from the runtime's end to the extension's `next`), and lines that had not arrived when the
 * sandbox had ended. Prints a table, and one JSON line.
 *
 *     npm run build && node bench/load.ts [latency=10,100,500,1000] [rate=1,10,80] [tier=end,continuous,adaptive]
 *                                         [seconds=10] [lines=20] [side=1]
 *
 * `adaptive` runs for `ADAPTED_S` longer, since it is `end` for a sandbox's first 30 s. `side` is how many cells run at
 * once: more than one blurs the added times. A sandbox has one call at a time, so that a tier which waits has fewer calls.
 * `O2_BENCH_LAYER` names another unpacked layer than dist/layer.
 *
 * Floor: Lambda holds telemetry back for 25 ms, which `end` waits for.
 */
import { fileURLToPath } from "node:url"
import { runTraffic } from "../test/integration/traffic.ts"
import { carrying, outageWarnings, well } from "../test/integration/trafficBooks.ts"
import { quantile, rounded } from "./statistics.ts"

/** How much longer `adaptive` runs, in s: until it is no longer what it is at first. */
const ADAPTED_S = 30

const LAYER = process.env["O2_BENCH_LAYER"] ?? fileURLToPath(new URL("../dist/layer", import.meta.url))

const given = new Map(
  process.argv.slice(2).map((argument) => {
    const [name = "", value = ""] = argument.split("=")
    return [name, value.split(",")]
  })
)
const numbers = (name: string, ...fallback: ReadonlyArray<number>) => given.get(name)?.map(Number) ?? fallback
const [seconds = 0] = numbers("seconds", 10)
const [linesPerCall = 0] = numbers("lines", 20)
const [side = 1] = numbers("side", 1)

interface Cell {
  readonly tier: string
  readonly latencyMs: number
  readonly callsPerSecond: number
}

const cells: ReadonlyArray<Cell> = (given.get("tier") ?? ["end", "continuous", "adaptive"]).flatMap((tier) =>
  numbers("latency", 10, 100, 500, 1000).flatMap((latencyMs) =>
    numbers("rate", 1, 10, 80).map((callsPerSecond) => ({ tier, latencyMs, callsPerSecond }))
  )
)

const measure = async ({ callsPerSecond, latencyMs, tier }: Cell) => {
  const traffic = await runTraffic({
    layer: LAYER,
    environment: { O2_FLUSH_STRATEGY: tier },
    behave: well(latencyMs),
    seconds: seconds + (tier === "adaptive" ? ADAPTED_S : 0),
    callsPerSecond,
    linesPerCall
  })
  return {
    tier,
    latencyMs,
    callsPerSecond,
    calls: traffic.calls,
    lines: traffic.lines,
    maxBacklog: traffic.maxBacklog,
    requests: carrying(traffic).length,
    addedMedianMs: rounded(quantile(traffic.addedMs, 0.5)),
    addedP95Ms: rounded(quantile(traffic.addedMs, 0.95)),
    undelivered: traffic.missing,
    duplicates: traffic.copies,
    warnings: outageWarnings(traffic).length
  }
}

type Figures = Awaited<ReturnType<typeof measure>>

const COLUMNS: ReadonlyArray<readonly [title: string, key: keyof Figures]> = [
  ["      tier", "tier"],
  ["latency ms", "latencyMs"],
  ["calls/s", "callsPerSecond"],
  ["calls", "calls"],
  ["lines", "lines"],
  ["max backlog", "maxBacklog"],
  ["requests", "requests"],
  ["added median", "addedMedianMs"],
  ["added p95", "addedP95Ms"],
  ["undelivered", "undelivered"],
  ["duplicates", "duplicates"],
  ["warnings", "warnings"]
]

const row = (cells: ReadonlyArray<string>) =>
  `| ${cells.map((cell, index) => cell.padStart(COLUMNS[index]![0].length)).join(" | ")} |`

console.log(row(COLUMNS.map(([title]) => title)))
console.log(row(COLUMNS.map(([title]) => "".padEnd(title.length, "-"))))
const figures: Array<Figures> = []
for (let first = 0; first < cells.length; first += side) {
  for (const measured of await Promise.all(cells.slice(first, first + side).map(measure))) {
    figures.push(measured)
    console.log(row(COLUMNS.map(([, key]) => String(measured[key]))))
  }
}
console.log(JSON.stringify({ bench: "load", seconds, linesPerCall, figures }))
