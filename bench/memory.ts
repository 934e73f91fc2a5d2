/**
 * Memory under flood: 300 000 lines of 310 bytes while OpenObserve hangs, with a buffer of 10 MB. Prints one JSON line:
 * resident memory of the idle process after its first `next`, at its peak and in the end. Floor: the buffer's own size.
 *
 *     npm run build && node bench/memory.ts [lines] [text|noise]
 *
 * What grows is not only the buffer: the engine compiles what it runs for the first time, and everybody's first flood is one.
 *
 * `O2_BENCH_LAYER` names another unpacked layer than dist/layer.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { makeControlPlane } from "./ControlPlane.ts"
import { makePost, PER_POST, post, usage } from "./posts.ts"
import { rounded } from "./statistics.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const layer = process.env["O2_BENCH_LAYER"] ?? `${root}dist/layer`
const LINES = Number(process.argv[2] ?? 300_000)
const KIND = process.argv[3] === "noise" ? "noise" : "text"
const LIMIT_MB = 10

/** Long enough for what is loaded after `next` to have been loaded. */
const IDLE_MS = 400

const hanging = Http.createServer((request) => request.resume())
hanging.listen(0, "127.0.0.1")
await once(hanging, "listening")

const plane = await makeControlPlane()
const child = spawn(`${layer}/extensions/o2-lambda-extension`, [], {
  stdio: ["ignore", "ignore", "inherit"],
  env: {
    PATH: process.env["PATH"],
    AWS_LAMBDA_RUNTIME_API: plane.api,
    O2_ENDPOINT: `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`,
    O2_ORGANIZATION_ID: "default",
    O2_AUTHORIZATION_HEADER: "Basic eDp5",
    O2_MAX_BUFFER_SIZE_MB: String(LIMIT_MB),
    O2_REQUEST_TIMEOUT_MS: "1000",
    O2_MAX_RETRIES: "1"
  }
})
await plane.atNext(1)
await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
const idle = usage(child.pid!)
plane.answer({ eventType: "INVOKE", deadlineMs: Date.now() + 120_000, requestId: "r" })
const agent = new Http.Agent({ keepAlive: true })
for (let sent = 0; sent < LINES; sent += PER_POST) await post(plane.destination(), makePost(KIND), agent)
// what is queued is worked off when the CPU time stands still
for (let spent = -1, now = usage(child.pid!).cpuSeconds; now > spent; now = usage(child.pid!).cpuSeconds) {
  spent = now
  await new Promise((resolve) => setTimeout(resolve, 200))
}
const after = usage(child.pid!)
child.kill("SIGKILL")
agent.destroy()
plane.close()
hanging.close()
hanging.closeAllConnections()
console.log(JSON.stringify({
  bench: "memory",
  lines: LINES,
  kind: KIND,
  limitMegabytes: LIMIT_MB,
  idleMegabytes: rounded(idle.residentMegabytes),
  peakMegabytes: rounded(after.peakMegabytes),
  afterMegabytes: rounded(after.residentMegabytes),
  growthMegabytes: rounded(after.peakMegabytes - idle.residentMegabytes),
  cpuMicrosPerRecord: rounded((after.cpuSeconds - idle.cpuSeconds) * 1e6 / LINES)
}))
