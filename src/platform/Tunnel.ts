/**
 * A connection through a proxy to something behind it (RFC 9110, 9.3.6). The standalone flavour has its own, native.
 */
import * as Net from "node:net"
import type { Call } from "./Dialler.ts"

/** Bytes of the answer to CONNECT, as Node.js bounds the headers of every answer. */
const MAX_HEAD_BYTES = 16 * 1024

const HEAD_END = "\r\n\r\n"

/** Begins to connect to an address of the proxy; emits `connect`, then `tunnel` when it has passed us on, or `error`. */
export const open = (_: Call, host: string, port: number, request: string): Net.Socket => {
  const socket = Net.connect({ host, port, noDelay: true })
  let head = Buffer.alloc(0)
  const fail = (code: string) => void socket.destroy(Object.assign(new Error(code), { code }))
  const ended = () => fail("ECONNRESET")
  const read = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    const code = refusalIn(head)
    if (code !== undefined) return fail(code)
    const end = head.indexOf(HEAD_END)
    if (end === -1) return head.length > MAX_HEAD_BYTES ? fail("HPE_HEADER_OVERFLOW") : undefined
    socket.pause()
    socket.removeListener("data", read)
    socket.removeListener("end", ended)
    const rest = head.subarray(end + HEAD_END.length)
    if (rest.length > 0) socket.unshift(rest)
    socket.emit("tunnel")
  }
  socket.on("data", read)
  socket.once("end", ended)
  socket.once("connect", () => socket.write(request))
  return socket
}

/** Why an answer is none that lets us pass, as soon as that is known. */
const refusalIn = (head: Buffer): string | undefined => {
  const line = head.toString("latin1", 0, STATUS_LINE.length)
  const start = STATUS_LINE.slice(0, line.length)
  // figures may be any, the rest is fixed
  if (line.replaceAll(/\d/g, "1") !== start) return "HPE_INVALID_CONSTANT"
  return line.length === STATUS_LINE.length && line.at(-3) !== "2" ? `PROXY_${line.slice(-3)}` : undefined
}

const STATUS_LINE = "HTTP/1.1 111"

/** TLS with the server behind the proxy. */
export const secure = (call: Call, socket: Net.Socket): Net.Socket => call.connect("", { socket })
