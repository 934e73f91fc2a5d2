/** Posts for the benchmarks, of a thousand ordinary lines each, and what a process has used so far. */
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import * as Http from "node:http"

/** Clock ticks per second in /proc/PID/stat, on every Linux that Lambda runs on. */
const TICKS_PER_SECOND = 100

export const PER_POST = 1000

/** What lines say after their beginning: the same words, hardly compressible ones, those of a real log; or objects. */
export type Kind = "plain" | "noise" | "text" | "json"

const WORDS =
  "order payment customer stored failed retry cache lookup region queue worker started finished timeout token session user invoice shipment stock reserved released event received published handler database query rows connection opened closed"
    .split(" ")

const words = (bytes: number): string => {
  let text = ""
  while (text.length < bytes) {
    // a log repeats its words, and has numbers and ids that it does not repeat
    text += Math.random() < 0.25
      ? `id=${randomBytes(4).toString("hex")} `
      : `${WORDS[Math.floor(Math.random() * WORDS.length)]!} `
  }
  return text.slice(0, bytes)
}

const says: Readonly<Record<Exclude<Kind, "json">, () => string>> = {
  plain: () => "items ".repeat(16),
  noise: () => randomBytes(72).toString("base64"),
  text: () => words(207)
}

const REQUEST_ID = "6f0d7a9e-52a5-4f1b-8f0a-0d5f4f6a1c11"

/** A structured logger's line, of 14 to 18 members with those inside; every fifth has a member of its own. */
const logged = (time: string, index: number): object => ({
  level: index % 9 === 0 ? "WARN" : "INFO",
  location: "handler:42",
  message: `order ${index} stored for customer ${(index * 7919) % 100_000}`,
  timestamp: time,
  service: "orders-api",
  cold_start: false,
  function_name: "orders-api",
  function_memory_size: 512,
  function_request_id: REQUEST_ID,
  xray_trace_id: "1-6569c12f-0d5f4f6a1c116f0d7a9e52a5",
  order: { id: index, total: 17.25, items: [1, 2, 3], customer: { id: (index * 7919) % 100_000, tier: "gold" } },
  ...(index % 5 === 0 ? { [["attempt", "region"][index / 5 % 2]!]: index } : {}),
  ...(index % 9 === 0 ? { error: { name: "TimeoutError", message: "took too long", stack: "at a\n at b\n" } } : {})
})

/**
 * A post of `PER_POST` lines of about 270 bytes each, with `text` of 310 and a few times smaller when compressed; with
 * `json` of about 480.
 */
export const makePost = (kind: Kind = "plain"): Buffer => {
  const time = new Date().toISOString()
  const events = Array.from({ length: PER_POST }, (_, index) => ({
    time,
    type: "function",
    record: kind === "json"
      ? logged(time, index)
      : `${time}\t${REQUEST_ID}\tINFO\torder ${index} stored for customer ${(index * 7919) % 100_000} with ${
        says[kind]()
      }\n`
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
    // of its own, without what it shares with other processes of the same program
    anonymousMegabytes: megabytes("RssAnon"),
    peakMegabytes: megabytes("VmHWM")
  }
}
