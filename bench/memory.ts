/**
 * Memory under flood: 90 MB of lines that hardly compress while OpenObserve hangs, with a buffer of 10 MB. Prints one JSON
 * line: resident memory after a first post, at its peak and in the end. Floor: the buffer's own size.
 *
 *     npm run build && node bench/memory.ts [megabytes]
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
const MEGABYTES = Number(process.argv[2] ?? 90)
const LIMIT_MB = 10

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
    O2_MAX_BUFFER_SIZE_MB: String(LIMIT_MB)
  }
})
await plane.atNext(1)
plane.answer({ eventType: "INVOKE", deadlineMs: Date.now() + 120_000, requestId: "r" })
const agent = new Http.Agent({ keepAlive: true })
// what compression makes small enough would fit into the buffer
const body = makePost({ isNoise: true })
const posts = Math.ceil(MEGABYTES * 1e6 / body.length)

const flood = async (count: number) => {
  for (let sent = 0; sent < count; sent++) await post(plane.destination(), body, agent)
  // what is queued is worked off when the CPU time stands still
  for (let spent = -1, now = usage(child.pid!).cpuSeconds; now > spent; now = usage(child.pid!).cpuSeconds) {
    spent = now
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

// once through everything: code that runs for the first time takes memory, too
await flood(1)
const before = usage(child.pid!)
await flood(posts)
const after = usage(child.pid!)
child.kill("SIGKILL")
agent.destroy()
plane.close()
hanging.close()
hanging.closeAllConnections()
console.log(JSON.stringify({
  bench: "memory",
  megabytes: MEGABYTES,
  limitMegabytes: LIMIT_MB,
  beforeMegabytes: rounded(before.residentMegabytes),
  peakMegabytes: rounded(after.peakMegabytes),
  afterMegabytes: rounded(after.residentMegabytes),
  growthMegabytes: rounded(after.peakMegabytes - before.residentMegabytes),
  cpuMicrosPerRecord: rounded((after.cpuSeconds - before.cpuSeconds) * 1e6 / (posts * PER_POST))
}))
