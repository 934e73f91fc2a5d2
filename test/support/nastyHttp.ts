/** HTTP as nobody should speak it: requests to the telemetry listener and answers to the extension's own requests. */
import type * as Net from "node:net"

const bytes = (text: string): Buffer => Buffer.from(text, "latin1")

/** The path of these requests; the extension has another in each process, which `towards` puts there. */
const PATH = "/telemetry"

/** A text, meant for the path that the extension has told Lambda. */
export const towards = (path: string, text: string): string => text.replaceAll(` ${PATH} `, ` ${path} `)

/** A post of one function line. */
export const post = (line: string, headers = ""): string => {
  const body = JSON.stringify([{ time: new Date().toISOString(), type: "function", record: line }])
  return `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`
}

const request = (headers: string, body = "", line = `POST ${PATH} HTTP/1.1`): string =>
  `${line}\r\nHost: x\r\n${headers}\r\n${body}`

const chunked = "Transfer-Encoding: chunked\r\n"

/** Requests that hold the lines named, and others that hold none. */
export const requests: Readonly<Record<string, { readonly text: string; readonly lines?: ReadonlyArray<string> }>> = {
  "three at once": { text: post("one") + post("two") + post("three"), lines: ["one", "two", "three"] },
  "Expect: 100-continue": { text: post("expected", "Expect: 100-continue\r\n"), lines: ["expected"] },
  "another protocol offered": {
    text: post("upgrade", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    lines: ["upgrade"]
  },
  "HTTP/2 offered": {
    text: post("h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
    lines: ["h2c"]
  },
  "HTTP/2": { text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" },
  "TLS": { text: `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03${"x".repeat(500)}` },
  "a chunk without a size": { text: request(chunked, "ZZ\r\nabc\r\n") },
  "a chunk of 2^64 - 1": { text: request(chunked, "ffffffffffffffff\r\nabc\r\n") },
  "a chunk beyond 2^64": { text: request(chunked, "fffffffffffffffff\r\nabc\r\n") },
  "chunks with extensions and trailers": { text: request(chunked, "5;a=1\r\n[null\r\n1\r\n]\r\n0\r\nT: 1\r\n\r\n") },
  "trailers without an end": { text: request(chunked, `0\r\nT: ${"z".repeat(30_000)}\r\n\r\n`) },
  "an extension of 300 KB": { text: request(chunked, `2;${"z".repeat(300_000)}\r\n[]\r\n0\r\n\r\n`) },
  "10^18 bytes announced": { text: request("Content-Length: 1000000000000000000\r\n", "abc") },
  "more than 2^64 bytes announced": { text: request("Content-Length: 99999999999999999999999\r\n", "abc") },
  "a negative length": { text: request("Content-Length: -1\r\n", "abc") },
  "two lengths": { text: request("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd") },
  "a length and chunks": { text: request(`Content-Length: 3\r\n${chunked}`, "0\r\n\r\n") },
  "a coding that is none": { text: request("Transfer-Encoding: gzip\r\n", "abc") },
  "a header of 20 KB": { text: request(`X: ${"y".repeat(20_000)}\r\n`) },
  "5000 headers": { text: request("X: y\r\n".repeat(5000)) },
  "an address of 70 KB": { text: request("", "", `GET /${"u".repeat(70_000)} HTTP/1.1`) },
  "CONNECT": { text: request("", "hello", "CONNECT a:1 HTTP/1.1") },
  "HTTP/1.0": { text: "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n[]" },
  "HTTP/0.9": { text: "GET /\r\n\r\n" },
  "HTTP/1.9": { text: request("", "", "GET / HTTP/1.9") },
  "no host": { text: "GET / HTTP/1.1\r\n\r\n" },
  "line feeds alone": { text: "POST / HTTP/1.1\nHost: x\nContent-Length: 2\n\n[]" },
  "a zero byte in a header": { text: request("X: a\0b\r\nContent-Length: 2\r\n", "[]") },
  "a folded header": { text: request("X: a\r\n b\r\nContent-Length: 2\r\n", "[]") },
  "a blank before a colon": { text: request("X : a\r\nContent-Length: 2\r\n", "[]") },
  "a whole address": { text: request("Content-Length: 2\r\n", "[]", "POST http://a.b/ HTTP/1.1") },
  "blank lines first": { text: `\r\n\r\n\r\n${post("late")}`, lines: ["late"] },
  "bytes": { text: "\0\0\0\0garbage\r\n\r\n" }
}

/** What a server does with a connection when a request has come. */
export type Answer = (socket: Net.Socket) => void

const ACCEPTED = `{"code":200,"status":[{"name":"default","successful":0,"failed":0}]}`
const length = `Content-Length: ${ACCEPTED.length}\r\n`

const answer = (headers: string, body = "", line = "HTTP/1.1 200 OK"): string => `${line}\r\n${headers}\r\n${body}`

const stays = (text: string): Answer => (socket) => void socket.write(bytes(text))
const ends = (text: string): Answer => (socket) => void socket.end(bytes(text))

const forEver = (head: string, piece: string): Answer => (socket) => {
  socket.write(bytes(head))
  const more = () => {
    while (!socket.destroyed && socket.write(bytes(piece))) { /* until the socket is full */ }
  }
  socket.on("drain", more)
  more()
}

const slowly = (text: string, ms: number): Answer => (socket) => {
  let at = 0
  const timer = setInterval(() => {
    if (socket.destroyed || at >= text.length) clearInterval(timer)
    else socket.write(bytes(text[at++]!))
  }, ms)
  socket.once("close", () => clearInterval(timer))
}

/** What is said of an answer. */
export type Said = "well" | RegExp

const BROKEN = /^FAIL {2}connection: the answer breaks the rules of HTTP from HOST \(HPE_/
const NO_HTTP = /^FAIL {2}connection: no HTTP is spoken by HOST \(HPE_/
const CUT = /^FAIL {2}connection: the connection was reset by HOST/
const LONG_HEADER = /^FAIL {2}connection: the answer has too long a header from HOST \(HPE_HEADER_OVERFLOW\)/
const LATE = /^FAIL {2}connection: no answer from HOST within O2_REQUEST_TIMEOUT_MS/

/** Answers, and what is said of them. */
export const answers: Readonly<Record<string, readonly [answer: Answer, said: Said]>> = {
  "as it should be": [stays(answer(length, ACCEPTED)), "well"],
  "that ends with the connection": [ends(answer("", ACCEPTED)), "well"],
  "of HTTP/1.0": [ends(answer(length, ACCEPTED, "HTTP/1.0 200 OK")), "well"],
  "behind 100 and 103": [
    stays(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${answer(length, ACCEPTED)}`),
    "well"
  ],
  "with trailers": [
    stays(answer(chunked, `${ACCEPTED.length.toString(16)}\r\n${ACCEPTED}\r\n0\r\nX: y\r\n\r\n`)),
    "well"
  ],
  "with another behind it": [stays(answer(length, ACCEPTED) + answer(length, ACCEPTED)), "well"],
  "with 150 headers": [stays(answer("X: y\r\n".repeat(150) + length, ACCEPTED)), "well"],
  "with a header of 20 KB": [stays(answer(`X: ${"y".repeat(20_000)}\r\n${length}`, ACCEPTED)), LONG_HEADER],
  "of headers without an end": [forEver("HTTP/1.1 200 OK\r\n", "X: yyyyyyyyyyyyyyy\r\n".repeat(100)), LONG_HEADER],
  "without an end": [forEver(answer(""), "z".repeat(65_536)), /^FAIL {2}connection: the answer is too large from HOST/],
  "of single bytes without an end": [
    forEver(answer(chunked), "1\r\nz\r\n".repeat(1000)),
    /^FAIL {2}connection: (the answer is too large from HOST|no answer from HOST within)/
  ],
  "of 100 without an end": [forEver("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)), LATE],
  "of another protocol": [
    stays("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
    /^FAIL {2}connection: another protocol than HTTP was offered by HOST/
  ],
  "of bytes": [ends("\0\x01\x02garbage\r\n\r\n"), NO_HTTP],
  "of SSH": [ends("SSH-2.0-x\r\n"), NO_HTTP],
  "of HTTP/2": [ends("\0\0\x12\x04\0\0\0\0\0"), NO_HTTP],
  "of TLS": [ends("\x15\x03\x03\0\x02\x02\x46"), NO_HTTP],
  "of HTTP/1.9": [ends(answer(length, ACCEPTED, "HTTP/1.9 200 OK")), NO_HTTP],
  "of HTTP/0.9": [ends(ACCEPTED), NO_HTTP],
  "of status 99": [ends(answer(length, ACCEPTED, "HTTP/1.1 99 No")), BROKEN],
  "of status 1000": [ends(answer(length, ACCEPTED, "HTTP/1.1 1000 No")), BROKEN],
  "of a status that is none": [ends(answer(length, ACCEPTED, "HTTP/1.1 2x0 No")), BROKEN],
  "with a chunk without a size": [stays(answer(chunked, "ZZ\r\n")), BROKEN],
  "with a chunk beyond 2^64": [stays(answer(chunked, "fffffffffffffffff\r\n")), BROKEN],
  "with two lengths": [stays(answer("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd")), BROKEN],
  "with a length of words": [stays(answer("Content-Length: abc\r\n", ACCEPTED)), BROKEN],
  "with a length beyond 2^64": [ends(answer("Content-Length: 99999999999999999999999\r\n", ACCEPTED)), BROKEN],
  "with a header that is none": [stays(answer(`Bad Header\r\n${length}`, ACCEPTED)), BROKEN],
  "with a zero byte": [stays(answer(`X: a\0b\r\n${length}`, ACCEPTED)), BROKEN],
  "that is none": [ends(""), CUT],
  "that is a reset": [(socket) => socket.resetAndDestroy(), CUT],
  "that ends in the headers": [ends("HTTP/1.1 200 OK\r\nX: "), CUT],
  "that ends in the body": [ends(answer("Content-Length: 1000000\r\n", ACCEPTED)), CUT],
  "that ends in a chunk": [ends(answer(chunked, "5\r\nab")), CUT],
  "that never comes": [() => {}, LATE],
  "of slow headers": [slowly(answer(length, ACCEPTED), 100), LATE],
  "of a slow body": [slowly(answer("Content-Length: 5000\r\n", ACCEPTED), 20), LATE]
}
