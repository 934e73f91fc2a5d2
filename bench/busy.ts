/**
 * Memory of a sandbox at work: calls one after the other, so many a second with so many lines each, before an OpenObserve that
 * stores everything. Prints one JSON line: anonymous and resident memory after the first `next` and at the end.
 *
 *     npm run build && node bench/busy.ts [calls/s] [lines] [seconds]
 *
 * `O2_BENCH_LAYER` names another unpacked layer than dist/layer.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { makeControlPlane } from "./ControlPlane.ts"
import { post, usage } from "./posts.ts"
import { rounded } from "./statistics.ts"

const layer = process.env["O2_BENCH_LAYER"] ?? fileURLToPath(new URL("../dist/layer", import.meta.url))
const CALLS_PER_SECOND = Number(process.argv[2] ?? 2)
const LINES = Number(process.argv[3] ?? 5)
const SECONDS = Number(process.argv[4] ?? 60)

/** Long enough for what is loaded after `next` to have been loaded, in ms. */
const IDLE_MS = 400

const STORED = "{\"code\":200,\"status\":[{\"name\":\"default\",\"successful\":1000,\"failed\":0}]}"

const storing = Http.createServer((request, response) => {
  request.resume()
  request.once("end", () => response.end(STORED))
})
storing.listen(0, "127.0.0.1")
await once(storing, "listening")

const plane = await makeControlPlane()
const child = spawn(`${layer}/extensions/o2-lambda-extension`, [], {
  stdio: ["ignore", "ignore", "inherit"],
  env: {
    PATH: process.env["PATH"],
    AWS_LAMBDA_RUNTIME_API: plane.api,
    O2_ENDPOINT: `http://127.0.0.1:${(storing.address() as AddressInfo).port}`,
    O2_ORGANIZATION_ID: "default",
    O2_AUTHORIZATION_HEADER: "Basic eDp5"
  }
})
await plane.atNext(1)
await sleep(IDLE_MS)
const idle = usage(child.pid!)
const agent = new Http.Agent({ keepAlive: true, maxSockets: 1 })

const events = (call: number) => {
  const time = new Date().toISOString()
  const requestId = `6f0d7a9e-52a5-4f1b-8f0a-${String(call).padStart(12, "0")}`
  const event = (type: string, record: unknown) => ({ time, type, record })
  const metrics = { durationMs: 20.5, billedDurationMs: 21, memorySizeMB: 512, maxMemoryUsedMB: 90 }
  return {
    requestId,
    during: [
      event("platform.start", { requestId, version: "$LATEST" }),
      ...Array.from(
        { length: LINES },
        (_, line) =>
          event("function", `${time}\t${requestId}\tINFO\torder ${call}-${line} stored for customer ${call * 7919}\n`)
      ),
      event("platform.runtimeDone", { requestId, status: "success", metrics: { durationMs: 20.5 } })
    ],
    after: [event("platform.report", { requestId, status: "success", metrics })]
  }
}

const started = performance.now()
for (let call = 0; call < CALLS_PER_SECOND * SECONDS; call++) {
  const { after, during, requestId } = events(call)
  plane.answer({ eventType: "INVOKE", deadlineMs: Date.now() + 30_000, requestId })
  await post(plane.destination(), Buffer.from(JSON.stringify(during)), agent)
  await plane.atNext(call + 2)
  await post(plane.destination(), Buffer.from(JSON.stringify(after)), agent)
  await sleep(Math.max(0, started + (call + 1) * 1000 / CALLS_PER_SECOND - performance.now()))
}
const busy = usage(child.pid!)
child.kill("SIGKILL")
agent.destroy()
plane.close()
storing.close()
storing.closeAllConnections()
console.log(JSON.stringify({
  bench: "busy",
  callsPerSecond: CALLS_PER_SECOND,
  lines: LINES,
  seconds: SECONDS,
  idleAnonymousMegabytes: rounded(idle.anonymousMegabytes),
  busyAnonymousMegabytes: rounded(busy.anonymousMegabytes),
  idleMegabytes: rounded(idle.residentMegabytes),
  busyMegabytes: rounded(busy.residentMegabytes)
}))
