/** A proxy that leads every name to one server on loopback; ends with the test. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import * as Http from "node:http"
import * as Net from "node:net"
import { join } from "node:path"
import { certificates } from "./tlsPeers.ts"

/** The name in the server's certificate; reserved, so that it has no address (RFC 2606). */
export const NAME = "other.example"

const PASSWORD = "p@ss:wörd"

/** What stands in the proxy's URL, and the header that comes of it. */
export const USER_INFO = `user:${encodeURIComponent(PASSWORD)}`
export const BASIC = `Basic ${Buffer.from(`user:${PASSWORD}`).toString("base64")}`

/** The password is nowhere in a text, in whichever form. */
export const assertHidden = (text: string): void => {
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), BASIC.slice("Basic ".length)]) {
    assert.notInclude(text, secret)
  }
}

/** A file that names the authority of the server with that name. */
export const authorityFile = (directory: string): string => {
  const path = join(directory, "authority.pem")
  writeFileSync(path, certificates.authority)
  return path
}

/** How a proxy behaves. */
export interface ProxyOptions {
  /** Where the server listens, whatever its name. */
  readonly to: number
  /** The value of `Proxy-Authorization` without which nobody passes. */
  readonly authorization?: string
}

/** A running proxy. */
interface ProxyPeer {
  readonly port: number
  /** Request lines as they came. */
  readonly seen: Array<string>
  /** Breaks all connections and listens no longer. */
  readonly die: Effect.Effect<void>
  /** Listens again, at the same port. */
  readonly revive: Effect.Effect<void>
}

export const proxyPeer = (options: ProxyOptions) =>
  Effect.acquireRelease(
    Effect.gen(function*() {
      const seen: Array<string> = []
      const sockets = new Set<Net.Socket>()
      const isKnown = ({ headers, method, url }: Http.IncomingMessage): boolean => {
        seen.push(`${method} ${url}`)
        return options.authorization === undefined || headers["proxy-authorization"] === options.authorization
      }
      const server = Http.createServer((request, response) => {
        if (!isKnown(request)) {
          return void response.writeHead(407).end(`who is ${request.headers["proxy-authorization"]}?`)
        }
        const { "proxy-authorization": _, ...headers } = request.headers
        const { pathname } = new URL(request.url!)
        const onward = Http.request({ port: options.to, method: request.method, path: pathname, headers }, (answer) => {
          response.writeHead(answer.statusCode!, answer.headers)
          answer.pipe(response)
        })
        onward.once("error", () => response.writeHead(502).end("<html>no way</html>"))
        request.pipe(onward)
      })
      const keep = (socket: Net.Socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        socket.once("close", () => sockets.delete(socket))
      }
      server.on("connection", keep)
      server.on("connect", (request: Http.IncomingMessage, socket: Net.Socket, head: Buffer) => {
        if (!isKnown(request)) return void socket.end("HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")
        const onward = Net.connect(options.to, "127.0.0.1", () => {
          socket.write("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
          onward.write(head)
          socket.pipe(onward).pipe(socket)
        })
        keep(onward)
        onward.once("error", () => socket.end("HTTP/1.1 502 No way\r\n\r\n"))
        for (const [one, other] of [[socket, onward], [onward, socket]]) one!.once("close", () => other!.destroy())
      })
      const listen = (port: number) =>
        Effect.callback<void>((resume) => void server.listen(port, "127.0.0.1", () => resume(Effect.void)))
      yield* listen(0)
      const { port } = server.address() as Net.AddressInfo
      const die = Effect.sync(() => {
        server.close()
        sockets.forEach((socket) => socket.destroy())
      })
      return { port, seen, die, revive: listen(port) } satisfies ProxyPeer
    }),
    ({ die }) => die
  )
