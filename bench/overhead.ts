/**
 * What the extension adds to each call: time from the runtime's end to the extension's `next`, per flush tier and
 * latency of OpenObserve, and how much had been delivered before SHUTDOWN. Prints one JSON line.
 *
 *     npm run build && node bench/overhead.ts [calls]
 *
 * Floor: an extension that only registers and polls. Lambda itself holds telemetry back for 25 ms, which every
 * extension pays that waits for the end of a call.
 */
import * as Effect from "effect/Effect"
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { LambdaEmulator } from "../src/testing/LambdaEmulator.ts"
import { OpenObserveDouble } from "../src/testing/OpenObserveDouble.ts"
import { quantile, rounded } from "./statistics.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const CALLS = Number(process.argv[2] ?? 30)
const LATENCIES_MS = [0, 50, 200]

/** Dollars per GB-second on x86_64 in most regions (AWS Lambda's price list, 2026), for the view of who pays. */
const PRICE_PER_GB_SECOND = 0.0000166667
const MEMORY_GB = 128 / 1024

const workplace = mkdtempSync(join(tmpdir(), "overhead-"))
cpSync(join(root, "dist/layer"), join(workplace, "layer"), { recursive: true })
mkdirSync(join(workplace, "floor"))
writeFileSync(
  join(workplace, "floor/poller"),
  `#!/usr/bin/env node
const api = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension"
const http = require("node:http")
const agent = new http.Agent({ keepAlive: true })
const send = (method, path, headers, body, done) => {
  const request = http.request(api + path, { method, agent, headers }, (response) => { let text = ""; response.on("data", (chunk) => text += chunk); response.on("end", () => done(response, text)) })
  request.end(body)
}
send("POST", "/register", { "lambda-extension-name": "poller" }, JSON.stringify({ events: ["INVOKE", "SHUTDOWN"] }), (response) => {
  const headers = { "lambda-extension-identifier": response.headers["lambda-extension-identifier"] }
  const next = () => send("GET", "/event/next", headers, undefined, (_, text) => text.includes("SHUTDOWN") ? process.exit(0) : next())
  next()
})
`
)
chmodSync(join(workplace, "floor/poller"), 0o755)
writeFileSync(
  join(workplace, "handler.mjs"),
  "export const handler = async () => { console.log(\"one\"); console.log(\"two\"); await new Promise((resolve) => setTimeout(resolve, 20)) }\n"
)

const measure = (extensionsDirectory: string, strategy: string, latencyMs: number) =>
  Effect.gen(function*() {
    const openObserve = yield* OpenObserveDouble
    yield* openObserve.setLatency(latencyMs)
    const lambda = LambdaEmulator.layer({
      extensionsDirectory,
      runtime: { _tag: "Handler", file: join(workplace, "handler.mjs") },
      resolveSandboxHost: "never",
      path: `${dirname(process.execPath)}:/usr/bin:/bin`,
      environment: {
        O2_ENDPOINT: openObserve.url,
        O2_AUTHORIZATION_HEADER: openObserve.authorization,
        O2_ORGANIZATION_ID: "default",
        O2_FLUSH_STRATEGY: strategy
      }
    })
    return yield* Effect.gen(function*() {
      const emulator = yield* LambdaEmulator
      yield* emulator.start
      const added: Array<number> = []
      for (let call = 0; call < CALLS; call++) {
        const { endedAt, runtimeDoneAt } = yield* emulator.invoke({ call })
        // the first call also sets up connections
        if (call > 0) added.push(Math.max(0, endedAt - (runtimeDoneAt ?? endedAt)))
      }
      const linesOf = Effect.map(
        openObserve.records("default"),
        (records) => records.filter((record) => record["type"] === "function").length
      )
      const before = yield* linesOf
      yield* emulator.shutdown()
      const after = yield* linesOf
      const median = quantile(added, 0.5)
      return {
        medianMs: rounded(median),
        p95Ms: rounded(quantile(added, 0.95)),
        dollarsPerMillionCalls: rounded(median / 1000 * MEMORY_GB * PRICE_PER_GB_SECOND * 1e6),
        linesBeforeShutdown: before,
        linesInTheEnd: after,
        lines: CALLS * 2
      }
    }).pipe(Effect.provide(lambda))
  }).pipe(Effect.provide(OpenObserveDouble.layer()))

const program = Effect.gen(function*() {
  const figures: Record<string, unknown> = { floor: yield* measure(join(workplace, "floor"), "end", 0) }
  for (const strategy of ["end", "continuous", "periodic"]) {
    for (const latency of LATENCIES_MS) {
      figures[`${strategy} at ${latency} ms`] = yield* measure(join(workplace, "layer/extensions"), strategy, latency)
    }
  }
  return figures
})

const figures = await Effect.runPromise(program)
rmSync(workplace, { recursive: true })
console.log(JSON.stringify({ bench: "overhead", calls: CALLS, figures }))
