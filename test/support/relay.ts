/** Processes between a client and a server that can fall silent, as a machine does whose power fails. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import * as Net from "node:net"

/** Where somebody listens. */
interface Place {
  readonly host: string
  readonly port: number
}

/** A process that passes connections on. */
export interface Relay {
  /** From now on nothing that is connected is answered, and nothing else is connected. Once. */
  readonly silence: Effect.Effect<void>
  /** Goes on where it was. */
  readonly wake: Effect.Effect<void>
}

/** More than a client opens at once. */
const BACKLOG = 8

const source = (from: Place, to: Place) => `
  const { connect, createServer } = require("node:net")
  const { writeSync } = require("node:fs")
  const server = createServer((socket) => {
    const other = connect(${JSON.stringify(to)})
    for (const [one, two] of [[socket, other], [other, socket]]) {
      one.pipe(two)
      one.on("error", () => {})
      one.on("close", () => two.destroy())
    }
  })
  server.listen(${JSON.stringify({ ...from, backlog: BACKLOG })}, () => writeSync(1, "listens"))
  process.stdin.once("data", () => {
    // nothing is accepted between this and the standstill
    writeSync(1, "silent")
    process.kill(process.pid, "SIGSTOP")
  })
`

/** Passes on what comes to an address, whether or not somebody listens at the other one yet; ends with the test. */
export const relay = Effect.fnUntraced(function*(from: Place, to: Place): Effect.fn.Return<Relay, never, Scope.Scope> {
  const listens = yield* Deferred.make<void>()
  const silent = yield* Deferred.make<void>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, ["-e", source(from, to)], { stdio: ["pipe", "pipe", "inherit"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  child.stdout.setEncoding("utf8").on("data", (said: string) => {
    Deferred.doneUnsafe(said === "silent" ? silent : listens, Effect.void)
  })
  const sockets: Array<Net.Socket> = []
  yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
  yield* Deferred.await(listens)
  return {
    silence: Effect.gen(function*() {
      child.stdin.write("silence")
      yield* Deferred.await(silent)
      // more than there are places; the rest is not answered either
      for (let place = 0; place < 2 * BACKLOG; place++) {
        const socket = Net.connect(from.port, from.host)
        socket.on("error", () => {})
        sockets.push(socket)
      }
      yield* Effect.callback<void>((resume) => {
        sockets[0]!.once("connect", () => resume(Effect.void))
      })
    }),
    wake: Effect.sync(() => void child.kill("SIGCONT"))
  }
})
