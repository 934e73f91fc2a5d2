/** Just enough of Lambda's Extensions and Telemetry API to see when an extension asks for what. */
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** Times in ms since the clock was started. */
export interface Marks {
  register?: number
  subscribe?: number
  next?: number
}

/** A control plane that notes when it is asked. */
export interface ControlPlane {
  readonly api: string
  readonly marks: Marks
  /** Where telemetry is to be posted. */
  readonly destination: () => URL
  /** Resolves at the n-th `next` (from 1), which is answered by `answer`. */
  readonly atNext: (count: number) => Promise<void>
  /** When the last `next` came, by `performance.now()`. */
  readonly lastNextAt: () => number
  /** Answers the `next` that is open. */
  readonly answer: (event: object) => void
  readonly start: () => void
  readonly close: () => void
}

export const makeControlPlane = async (): Promise<ControlPlane> => {
  const marks: Marks = {}
  let started = 0
  let destination: URL | undefined
  let nexts = 0
  let lastNextAt = 0
  let open: Http.ServerResponse | undefined
  const waiting = new Map<number, () => void>()
  const server = Http.createServer((request, response) => {
    const now = performance.now()
    const at = now - started
    let body = ""
    request.on("data", (chunk: Buffer) => body += chunk.toString())
    request.on("end", () => {
      switch (request.url) {
        case "/2020-01-01/extension/register":
          marks.register ??= at
          response.setHeader("Lambda-Extension-Identifier", "3b2c0a4e-6c1f-4b7e-9a55-0d1f7e0c8a21")
          return response.end(JSON.stringify({ functionName: "f", functionVersion: "$LATEST", handler: "h" }))
        case "/2022-07-01/telemetry":
          marks.subscribe ??= at
          destination = new URL((JSON.parse(body) as { destination: { URI: string } }).destination.URI)
          destination.hostname = "127.0.0.1"
          return response.end("\"OK\"")
        case "/2020-01-01/extension/event/next":
          marks.next ??= at
          open = response
          nexts++
          lastNextAt = now
          return waiting.get(nexts)?.()
        default:
          return response.writeHead(404).end()
      }
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    api: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    marks,
    destination: () => destination!,
    atNext: (count) => nexts >= count ? Promise.resolve() : new Promise((resolve) => waiting.set(count, resolve)),
    lastNextAt: () => lastNextAt,
    answer: (event) => open?.end(JSON.stringify(event)),
    start: () => {
      started = performance.now()
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    }
  }
}
