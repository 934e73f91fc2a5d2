/**
 * Records per second through the whole process: posts of 1000 events in, gzip out to a receiver that only counts.
 * Floor: a raw script that reads the posts, gzips and forwards them unparsed. Prints one JSON line.
 *
 *     npm run build && node bench/throughput.ts [records] [kind of lines]
 *
 * `O2_BENCH_LAYER` names another unpacked layer than dist/layer.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import * as Zlib from "node:zlib"
import { type ControlPlane, makeControlPlane } from "./ControlPlane.ts"
import { type Kind, makePost, PER_POST, post, usage } from "./posts.ts"
import { rounded } from "./statistics.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const RECORDS = Number(process.argv[2] ?? 200_000)
const KIND = (process.argv[3] ?? "plain") as Kind
const BACKEND_LATENCY_MS = 5

const makeReceiver = async () => {
  let records = 0
  const server = Http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const sent = Buffer.concat(chunks)
      // an empty array asks whether records would be taken
      const body = request.headers["content-encoding"] === "gzip" ? Zlib.gunzipSync(sent) : sent
      let count = 0
      for (
        let at = body.indexOf("\"type\":\"function\"");
        at >= 0;
        at = body.indexOf("\"type\":\"function\"", at + 1)
      ) count++
      records += count
      setTimeout(
        () => response.end(JSON.stringify({ code: 200, status: [{ name: "s", successful: count, failed: 0 }] })),
        BACKEND_LATENCY_MS
      )
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, records: () => records, server }
}

const run = async (command: ReadonlyArray<string>) => {
  const receiver = await makeReceiver()
  const plane: ControlPlane = await makeControlPlane()
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      PATH: process.env["PATH"],
      AWS_LAMBDA_RUNTIME_API: plane.api,
      O2_ENDPOINT: receiver.url,
      O2_ORGANIZATION_ID: "default",
      O2_AUTHORIZATION_HEADER: "Basic eDp5",
      O2_MAX_BUFFER_SIZE_MB: "128"
    }
  })
  await plane.atNext(1)
  plane.answer({ eventType: "INVOKE", deadlineMs: Date.now() + 120_000, requestId: "r" })
  const agent = new Http.Agent({ keepAlive: true })
  const body = makePost(KIND)
  const before = usage(child.pid!)
  const started = performance.now()
  for (let sent = 0; sent < RECORDS; sent += PER_POST) await post(plane.destination(), body, agent)
  const done = JSON.stringify([{
    time: new Date().toISOString(),
    type: "platform.runtimeDone",
    record: { requestId: "r", status: "success" }
  }])
  await post(plane.destination(), Buffer.from(done), agent)
  while (receiver.records() < RECORDS && performance.now() - started < 60_000) {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const seconds = (performance.now() - started) / 1000
  const after = usage(child.pid!)
  child.kill("SIGKILL")
  agent.destroy()
  plane.close()
  receiver.server.close()
  receiver.server.closeAllConnections()
  return {
    delivered: receiver.records(),
    recordsPerSecond: Math.round(receiver.records() / seconds),
    cpuMicrosPerRecord: rounded((after.cpuSeconds - before.cpuSeconds) * 1e6 / RECORDS),
    peakMegabytes: Math.round(after.peakMegabytes)
  }
}

const layer = process.env["O2_BENCH_LAYER"] ?? `${root}dist/layer`
const extension = await run([`${layer}/extensions/o2-lambda-extension`])
const floor = await run(["node", `${root}bench/floor/forward.mjs`])
console.log(JSON.stringify({
  bench: "throughput",
  records: RECORDS,
  kind: KIND,
  bytesPerEvent: Math.round(makePost(KIND).length / PER_POST),
  extension,
  floor,
  cpuRatio: rounded(extension.cpuMicrosPerRecord / floor.cpuMicrosPerRecord)
}))
