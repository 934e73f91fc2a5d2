/** The connection from the platform to one subscriber: HTTP posts or a TCP stream. */
import * as Http from "node:http"
import * as Net from "node:net"
import type { Subscription } from "./Subscription.ts"

/** Where batches go; `sandbox.localdomain` is this machine's loopback. */
export interface Destination {
  /** Sends one body; answers the HTTP status (200 for a TCP stream that took it) or "failed". */
  readonly post: (body: string | Uint8Array) => Promise<number | "failed">
  readonly close: () => void
}

const loopback = "127.0.0.1"

const http = (to: Extract<Subscription["destination"], { protocol: "HTTP" }>): Destination => {
  const agent = new Http.Agent({ keepAlive: true, maxSockets: 1 })
  const post: Destination["post"] = (body) =>
    new Promise((resolve) => {
      const request = Http.request({
        agent,
        host: loopback,
        port: to.port,
        path: to.path,
        method: to.method,
        headers: { Host: to.host, "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }
      }, (response) => {
        response.resume()
        response.once("close", () => resolve(response.statusCode ?? "failed"))
      })
      request.once("error", () => resolve("failed"))
      request.end(body)
    })
  return { post, close: () => agent.destroy() }
}

const tcp = (port: number): Destination => {
  let socket: Net.Socket | undefined
  const open = (): Net.Socket => {
    const fresh = Net.connect(port, loopback)
    const forget = () => {
      if (socket === fresh) socket = undefined
    }
    fresh.on("error", forget).on("close", forget).resume()
    return fresh
  }
  const post: Destination["post"] = (body) =>
    new Promise((resolve) => {
      socket ??= open()
      const current = socket
      const failed = () => resolve("failed")
      current.once("close", failed)
      current.write(body, (error) => {
        current.off("close", failed)
        resolve(error === undefined || error === null ? 200 : "failed")
      })
    })
  return { post, close: () => socket?.destroy() }
}

/** Opens the destination of a subscription; nothing is sent until the first post. */
export const connect = (to: Subscription["destination"]): Destination =>
  to.protocol === "HTTP" ? http(to) : tcp(to.port)
