/** What fuzz tests of HTTP send: bytes made worse by chance, in pieces, on connections that end in every way. */
import * as Net from "node:net"
import { gzipSync } from "node:zlib"
import { post, requests, towards } from "../support/nastyHttp.ts"
import type { Chance } from "./chaos.ts"
import type { Address } from "./sandbox.ts"

type Some<A> = readonly [A, ...ReadonlyArray<A>]

const bytes = (text: string): Buffer => Buffer.from(text, "latin1")

const answer = (content: string | Buffer, headers = "", status = "200 OK"): Buffer => {
  const body = typeof content === "string" ? bytes(content) : content
  return Buffer.concat([bytes(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n${headers}\r\n`), body])
}

const chunkedAnswer = (body: string): Buffer =>
  bytes(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)

const ACCEPTED = `{"code":200,"status":[{"name":"default","successful":1,"failed":0}]}`

/** What OpenObserve, or what is before it, may answer. */
export const openObserveAnswers: Some<Buffer> = [
  answer(ACCEPTED),
  chunkedAnswer(ACCEPTED),
  answer(gzipSync(ACCEPTED), "Content-Encoding: gzip\r\n"),
  answer(ACCEPTED, "Content-Encoding: deflate, br\r\n"),
  answer(`{"code":200,"status":[{"name":"default","successful":0,"failed":3,"error":"Too old data"}]}`),
  answer("Unauthorized Access", "", "401 Unauthorized"),
  answer("", "Retry-After: 1\r\n", "503 Service Unavailable"),
  answer("", "Location: http://127.0.0.1:9/\r\n", "307 Temporary Redirect"),
  bytes("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"),
  bytes("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
  answer("[".repeat(100_000))
]

const FUNCTION = `{"functionName":"f","functionVersion":"$LATEST","handler":"h"}`
const IDENTIFIER = "Lambda-Extension-Identifier: id-1\r\n"

/** What Lambda answers, by the end of the path: to a registration, a subscription and the question for the next event. */
export const lambdaAnswers = {
  _json: openObserveAnswers,
  register: [answer(FUNCTION, IDENTIFIER), answer(FUNCTION), answer("{}", IDENTIFIER, "403 Forbidden")],
  telemetry: [answer("OK"), answer("", "", "202 Accepted"), answer(`{"errorType":"x"}`, "", "400 Bad Request")],
  next: [
    // too late for whatever would be waited for: the next question comes at once
    answer(`{"eventType":"INVOKE","deadlineMs":1,"requestId":"r","tracing":{}}`),
    answer(`{"eventType":"INVOKE","deadlineMs":99999999999999,"requestId":"r","tracing":{}}`),
    answer(`{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1}`),
    answer("", "", "500 Oops"),
    chunkedAnswer(`{"eventType":"INVOKE","deadlineMs":"1e999","requestId":[]}`)
  ]
} satisfies Readonly<Record<string, Some<Buffer>>>

const good = () => bytes(post("fuzz") + post("more"))

/** A request to the listener, as it should be or not. */
const request = (chance: Chance): Buffer => {
  const all = Object.values(requests)
  return chance.next() < 0.4 ? good() : bytes(all[chance.below(all.length)]!.text)
}

/** What numbers and words are replaced by, and what is put between. */
const PIECES: Some<string> = [
  "0",
  "-1",
  "4294967296",
  "9223372036854775808",
  "18446744073709551616",
  "ffffffffffffffff",
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\0",
  "\xff",
  ":",
  "chunked",
  "Transfer-Encoding: chunked\r\n",
  "Content-Length: 5\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "HTTP/1.1 200 OK\r\n\r\n",
  `X: ${"y".repeat(5000)}\r\n`,
  "[{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"function\",\"record\":"
]

/** Made worse up to five times. */
export const mutated = (chance: Chance, source: Buffer, others: () => Buffer): Buffer => {
  let result = source
  for (let times = chance.below(6); times > 0; times--) {
    const at = chance.below(result.length + 1)
    const to = Math.min(result.length, at + chance.pick([1, 2, 10, 100, 1000]))
    const [head, part, tail] = [result.subarray(0, at), result.subarray(at, to), result.subarray(to)]
    switch (chance.below(7)) {
      case 0: {
        result = Buffer.concat([head, part, tail])
        if (at < result.length) result[at] = chance.below(256)
        break
      }
      case 1:
        result = Buffer.concat([head, tail])
        break
      case 2:
        result = Buffer.concat([head, part, part, tail])
        break
      case 3:
        result = head
        break
      case 4:
        result = Buffer.concat([head, bytes(chance.pick(PIECES)), part, tail])
        break
      case 5:
        result = bytes(result.toString("latin1").replace(/\d+/, () => chance.pick(PIECES)))
        break
      default:
        result = Buffer.concat([head, others().subarray(chance.below(50))])
    }
  }
  return result
}

/** Writes bytes in pieces, then ends, cuts or keeps the connection; for a moment at most. */
export const write = (socket: Net.Socket, content: Buffer, chance: Chance): void => {
  const end = chance.pick(["end", "reset", "destroy", "keep", "keep", "keep"])
  const pieces: Array<Buffer> = []
  const size = chance.pick([content.length, content.length, 1 + Math.floor(content.length / 3), 17])
  for (let at = 0; at < content.length && pieces.length < 200; at += Math.max(1, size)) {
    pieces.push(content.subarray(at, at + Math.max(1, size)))
  }
  const next = () => {
    if (socket.destroyed) return
    const piece = pieces.shift()
    if (piece !== undefined) socket.write(piece, () => setImmediate(next))
    else if (end === "end") socket.end()
    else if (end === "reset") socket.resetAndDestroy()
    else if (end === "destroy") socket.destroy()
  }
  next()
}

/** How long a connection is left to itself, in ms; some outlive many others. */
const LIFE_MS: Some<number> = [20, 50, 50, 200, 2000]

/** Opens a connection to the listener and sends something; done when it is time for the next one. */
export const attack = ({ path, port }: Address, chance: Chance): Promise<void> =>
  new Promise((done) => {
    const towardsIt = () => bytes(towards(path, request(chance).toString("latin1")))
    const socket = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: chance.next() < 0.2 })
    const life = chance.pick(LIFE_MS)
    socket.on("error", () => {})
    socket.on("close", () => done())
    // some never read what they are told
    if (chance.next() < 0.9) socket.resume()
    write(socket, mutated(chance, towardsIt(), towardsIt), chance)
    setTimeout(() => socket.destroy(), life)
    setTimeout(done, Math.min(50, life))
  })

/** Posts a line now and then until `owner` closes, so that there is something to be delivered. */
export const postLines = ({ path, port }: Address, owner: Net.Socket): void => {
  const socket = Net.connect(port, "127.0.0.1").on("error", () => {}).resume()
  const timer = setInterval(() => socket.write(towards(path, good().toString("latin1")), "latin1"), 50)
  owner.once("close", () => {
    clearInterval(timer)
    socket.destroy()
  })
}
