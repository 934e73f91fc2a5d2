/** Posts for the benchmarks, of a thousand ordinary lines each, and what a process has used so far. */
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import * as Http from "node:http"

/** Clock ticks per second in /proc/PID/stat, on every Linux that Lambda runs on. */
const TICKS_PER_SECOND = 100

export const PER_POST = 1000

/** A post of `PER_POST` lines of about 270 bytes each; `isNoise` for such as do not compress. */
export const makePost = ({ isNoise = false } = {}): Buffer => {
  const time = new Date().toISOString()
  const events = Array.from({ length: PER_POST }, (_, index) => ({
    time,
    type: "function",
    record: `${time}\t6f0d7a9e-52a5-4f1b-8f0a-0d5f4f6a1c11\tINFO\torder ${index} stored for customer ${
      (index * 7919) % 100_000
    } with ${isNoise ? randomBytes(72).toString("base64") : "items ".repeat(16)}\n`
  }))
  return Buffer.from(JSON.stringify(events))
}

/** Posts as the platform does: done when the answer has come. */
export const post = (url: URL, body: Buffer, agent: Http.Agent) =>
  new Promise<void>((resolve, reject) => {
    const request = Http.request(
      url,
      { method: "POST", agent, headers: { "content-length": body.length } },
      (response) => {
        response.resume()
        response.once("end", resolve)
      }
    )
    request.once("error", reject)
    request.end(body)
  })

/** CPU seconds and memory of a process so far. */
export const usage = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  const megabytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    residentMegabytes: megabytes("VmRSS"),
    peakMegabytes: megabytes("VmHWM")
  }
}
