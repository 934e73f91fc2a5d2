/** A Runtime API that answers byte by byte as a test wants it, since what matters here is the wire. */
import { createServer } from "node:net"
import type { Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

/** What an answer consists of, in order: bytes, a pause in ms, or how the connection ends. */
export type Step = string | Uint8Array | number | "end" | "reset"

/** One request as it came. */
export interface RawRequest {
  readonly head: string
  readonly body: string
}

/** A listening API. */
export interface RawApi {
  /** The value of `AWS_LAMBDA_RUNTIME_API`. */
  readonly address: string
  readonly requests: ReadonlyArray<RawRequest>
  readonly close: () => Promise<void>
}

/** Listens on a port of its own, or on the one given; each request gets the next answer, the last one repeats. */
export const listen = async (answers: ReadonlyArray<ReadonlyArray<Step>>, port = 0): Promise<RawApi> => {
  const requests: Array<RawRequest> = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    let text = ""
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1")
      const end = text.indexOf("\r\n\r\n")
      const length = Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0)
      if (end < 0 || text.length < end + 4 + length) return
      const answer = answers[Math.min(requests.length, answers.length - 1)] ?? []
      requests.push({ head: text.slice(0, end), body: text.slice(end + 4, end + 4 + length) })
      text = text.slice(end + 4 + length)
      void play(socket, answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  const address = server.address()
  return {
    address: `127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      })
  }
}

const play = async (socket: Socket, answer: ReadonlyArray<Step>): Promise<void> => {
  for (const step of answer) {
    if (typeof step === "number") await sleep(step)
    else if (step === "end") socket.end()
    else if (step === "reset") socket.resetAndDestroy()
    else socket.write(step)
  }
}

/** A port on which nothing listens. */
export const closedPort = async (): Promise<number> => {
  const api = await listen([])
  await api.close()
  return Number(api.address.split(":")[1])
}
