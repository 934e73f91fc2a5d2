/** Peers on loopback for tests of connections; all end with the test. Linux has the whole of 127.0.0.0/8. */
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"

/** A listener that ends with the test. */
const listen = <S extends Net.Server>(make: () => S, at: Net.ListenOptions = { port: 0, host: "127.0.0.1" }) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: S; readonly url: URL; readonly port: number }>((resume) => {
      const server = make()
      server.listen(at, () => {
        const { port } = server.address() as Net.AddressInfo
        resume(Effect.succeed({ server, port, url: new URL(`http://127.0.0.1:${port}/path?query`) }))
      })
    }),
    ({ server }) => Effect.sync(() => server.close())
  )

export const listenTls = (options: Https.ServerOptions, handle: Http.RequestListener) =>
  listen(() => Https.createServer(options, handle))

export const listenHttp = (handle: Http.RequestListener) => listen(() => Http.createServer(handle))

/** A peer that sees raw sockets. */
export const listenRaw = (handle: (socket: Net.Socket) => void, at?: Net.ListenOptions) =>
  Effect.gen(function*() {
    const sockets = new Set<Net.Socket>()
    yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
    return yield* listen(() =>
      Net.createServer({ allowHalfOpen: true }, (socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        handle(socket)
      }), at)
  })

/**
 * Another process that listens at these addresses with the shortest backlog, and stands still; woken by SIGCONT it answers
 * requests.
 */
export const deafListener = (hosts: ReadonlyArray<string>, port = 0) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly child: ChildProcess }>((resume) => {
      const child = spawn(process.execPath, [
        "-e",
        `const hosts = ${JSON.stringify(hosts)}
         const answer = (_, response) => response.end("woken")
         const listen = (index, port) => {
           const server = require("node:http").createServer(answer)
           server.listen({ port, host: hosts[index], backlog: 1 }, () => {
             const own = server.address().port
             if (index + 1 < hosts.length) return listen(index + 1, own)
             require("node:fs").writeSync(1, String(own))
             process.kill(process.pid, "SIGSTOP")
           })
         }
         listen(0, ${port})`
      ], { stdio: ["ignore", "pipe", "inherit"] })
      child.stdout.once("data", (own: Buffer) => resume(Effect.succeed({ port: Number(own), child })))
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Takes the places that a deaf listener's backlog has: whoever comes then gets no answer. */
export const fill = (host: string, port: number) =>
  Effect.forEach([1, 2], () =>
    Effect.acquireRelease(
      Effect.callback<Net.Socket>((resume) => {
        const socket = Net.connect(port, host, () => resume(Effect.succeed(socket)))
        socket.on("error", () => {})
      }),
      (socket) => Effect.sync(() => socket.destroy())
    ))

/** Addresses where nobody answers, neither yes nor no, until they are woken; on a free port when none is given. */
export const silent = Effect.fnUntraced(function*(hosts: ReadonlyArray<string>, wanted = 0) {
  const { child, port } = yield* deafListener(hosts, wanted)
  yield* Effect.forEach(hosts, (host) => fill(host, port))
  return { port, wake: Effect.sync(() => child.kill("SIGCONT")) }
})
