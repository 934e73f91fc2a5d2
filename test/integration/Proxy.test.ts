/** OpenObserve behind a proxy, where no other way leads: its name is known to nobody but the proxy. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import type * as Net from "node:net"
import { assertHidden, authorityFile, BASIC, NAME, proxyPeer, USER_INFO } from "../support/proxyPeer.ts"
import { certificates } from "../support/tlsPeers.ts"
import { listenHttp, listenRaw, listenTls } from "../support/peers.ts"
import { runCommand, unpackedLayer } from "./sandbox.ts"

const accept: Http.RequestListener = (request, response) => {
  request.resume()
  request.on("end", () => response.end(`{"code":200,"status":[{"name":"default","successful":0,"failed":0}]}`))
}

const secureServer = listenTls(certificates.named, accept)

/** What a health check says, and all of it. */
const healthCheck = Effect.fnUntraced(function*(environment: Record<string, string>) {
  const opt = yield* unpackedLayer
  const { exitCode, stderr, stdout } = yield* runCommand(opt, ["-h"], {
    O2_ENDPOINT: `https://${NAME}`,
    O2_ORGANIZATION_ID: "default",
    O2_AUTHORIZATION_HEADER: "Basic YTpi",
    O2_CA_CERT_FILE: authorityFile(opt),
    ...environment
  })
  const said = stdout.join("\n") + stderr
  assertHidden(said)
  return { exitCode, said, connection: stdout.find((line) => line.includes(" connection: ")) ?? "" }
})

describe.concurrent("a proxy", () => {
  for (const variable of ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "O2_PROXY"]) {
    it.live(`that ${variable} names is asked with CONNECT`, () =>
      Effect.gen(function*() {
        const { port: to } = yield* secureServer
        const { port, seen } = yield* proxyPeer({ to, authorization: BASIC })
        const { exitCode, said } = yield* healthCheck({ [variable]: `http://${USER_INFO}@localhost:${port}` })
        assert.strictEqual(exitCode, 0, said)
        assert.deepStrictEqual(seen, [`CONNECT ${NAME}:443`])
        assert.include(said, `through the proxy localhost:${port}, which ${variable} names`)
      }))
  }

  for (const variable of ["http_proxy", "HTTP_PROXY", "ALL_PROXY"]) {
    it.live(`that ${variable} names is asked in absolute form`, () =>
      Effect.gen(function*() {
        const { port: to } = yield* listenHttp(accept)
        const { port, seen } = yield* proxyPeer({ to, authorization: BASIC })
        const { exitCode, said } = yield* healthCheck({
          [variable]: `${USER_INFO}@127.0.0.1:${port}`,
          O2_ENDPOINT: `http://${NAME}:5080/base`,
          O2_ALLOW_INSECURE_HTTP: "true"
        })
        assert.strictEqual(exitCode, 0, said)
        assert.deepStrictEqual(seen, [`POST http://${NAME}:5080/base/api/default/default/_json`])
      }))
  }

  const direct: ReadonlyArray<Record<string, string>> = [
    { O2_PROXY: "none" },
    { NO_PROXY: "localhost, .example" },
    { no_proxy: "other.example:443" },
    { NO_PROXY: "*" }
  ]
  for (const environment of direct) {
    it.live(`is not used with ${JSON.stringify(environment)}`, () =>
      Effect.gen(function*() {
        const { port: to } = yield* secureServer
        const { port, seen } = yield* proxyPeer({ to })
        const { connection, said } = yield* healthCheck({ HTTPS_PROXY: `http://127.0.0.1:${port}`, ...environment })
        assert.match(connection, new RegExp(`FAIL .* ${NAME} \\((ENOTFOUND|EAI_AGAIN)`))
        assert.notInclude(said, "proxy")
        assert.deepStrictEqual(seen, [])
      }))
  }

  it.live("is not used for loopback, and O2_PROXY overrides the others", () =>
    Effect.gen(function*() {
      const { port: to } = yield* listenHttp(accept)
      const { port, seen } = yield* proxyPeer({ to })
      const url = `http://127.0.0.1:${port}`
      const loopback = yield* healthCheck({ HTTP_PROXY: url, O2_PROXY: url, O2_ENDPOINT: `http://localhost:${to}` })
      assert.strictEqual(loopback.exitCode, 0, loopback.said)
      assert.deepStrictEqual(seen, [])
      const secure = yield* secureServer
      const own = yield* proxyPeer({ to: secure.port })
      const { exitCode, said } = yield* healthCheck({
        HTTPS_PROXY: url,
        NO_PROXY: NAME,
        O2_PROXY: `http://127.0.0.1:${own.port}`
      })
      assert.strictEqual(exitCode, 0, said)
      assert.deepStrictEqual([seen, own.seen], [[], [`CONNECT ${NAME}:443`]])
    }))
})

/** Answers whatever comes. */
const answering = (text: string) => (socket: Net.Socket) => void socket.once("data", () => socket.write(text))

/** What a proxy may do instead, and what is said of it; `PROXY` stands for its host. */
const trouble: ReadonlyArray<readonly [what: string, handle: (socket: Net.Socket) => void, said: RegExp]> = [
  [
    "wants to know who we are",
    answering("HTTP/1.1 407 Who\r\n\r\n"),
    /a user name and a password are wanted by PROXY \(PROXY_407\); put them into HTTPS_PROXY/
  ],
  [
    "knows no way",
    answering("HTTP/1.0 502 No way\r\n\r\n"),
    /no way to the server was found by PROXY \(PROXY_502\); check/
  ],
  [
    "forbids it",
    answering("HTTP/1.1 403 No\r\n\r\n"),
    /the way to the server was refused by PROXY \(PROXY_403\); let the/
  ],
  [
    "is none",
    answering("SSH-2.0-x\r\n"),
    /no HTTP is spoken by PROXY \(HPE_INVALID_CONSTANT\); check host and port in HTTPS_PROXY/
  ],
  [
    "has no end",
    answering(`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(5_000)}`),
    /too long a header from PROXY \(HPE_HEADER_OVERFLOW\); check/
  ],
  [
    "hangs up",
    (socket) => void socket.once("data", () => socket.end()),
    /the connection was reset by PROXY \(ECONNRESET\); check/
  ],
  ["is silent", () => {}, /no connection was made in time to PROXY \(ETIMEDOUT; it has not answered CONNECT\); check/],
  [
    "speaks before TLS does",
    answering("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Bad\r\n\r\n"),
    /no TLS is spoken by other\.example \(ERR_SSL_WRONG_VERSION_NUMBER; through PROXY\)/
  ]
]

describe.concurrent("a proxy that", () => {
  for (const [what, handle, expected] of trouble) {
    it.live(`${what} is told so`, () =>
      Effect.gen(function*() {
        const { port } = yield* listenRaw(handle)
        const { connection, exitCode } = yield* healthCheck({ HTTPS_PROXY: `http://${USER_INFO}@127.0.0.1:${port}` })
        assert.match(connection.replaceAll(`the proxy 127.0.0.1:${port}`, "PROXY"), expected)
        assert.strictEqual(exitCode, 1)
      }))
  }

  it.live("is not there is told so", () =>
    Effect.gen(function*() {
      const { die, port } = yield* proxyPeer({ to: 1 })
      yield* die
      const { connection } = yield* healthCheck({ HTTPS_PROXY: `http://127.0.0.1:${port}` })
      assert.include(
        connection,
        `nothing listens at the proxy 127.0.0.1:${port} (ECONNREFUSED); check host and port in`
      )
    }))

  it.live("answers for the server is named, and our credentials are not quoted", () =>
    Effect.gen(function*() {
      const { port } = yield* proxyPeer({ to: 1, authorization: "another" })
      const environment = { O2_ENDPOINT: `http://${NAME}`, O2_ALLOW_INSECURE_HTTP: "true" }
      const stranger = yield* healthCheck({ HTTP_PROXY: `http://${USER_INFO}@127.0.0.1:${port}`, ...environment })
      assert.include(stranger.connection, `wanted by the proxy 127.0.0.1:${port} (PROXY_407); put them into HTTP_PROXY`)
      const known = yield* proxyPeer({ to: 1 })
      const { connection } = yield* healthCheck({ HTTP_PROXY: `http://127.0.0.1:${known.port}`, ...environment })
      assert.include(connection, `no way to the server was found by the proxy 127.0.0.1:${known.port} (PROXY_502)`)
    }))

  it.live("cannot be spoken to is a wrong setting, or a warning where the variable is not ours", () =>
    Effect.gen(function*() {
      const own = yield* healthCheck({ O2_PROXY: `https://${USER_INFO}@localhost:3128` })
      assert.match(own.said, /^FAIL {2}settings: O2_PROXY has another scheme than http/)
      const others = yield* healthCheck({ HTTPS_PROXY: `socks5://${USER_INFO}@localhost:1080` })
      assert.match(others.said, /^warn {2}settings: HTTPS_PROXY has another scheme than http.*, and is not used/m)
    }))
})
