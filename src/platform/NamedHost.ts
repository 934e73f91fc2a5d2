/**
 * Connections to a host that has a name: its addresses are tried in turn, and none is given up for being slow. The first
 * that accepts wins (RFC 8305, "Happy Eyeballs"). Left to themselves engines differ: Node.js gives an address 250 ms and
 * forgets it, and all begin with the same address each time.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import type { Socket } from "node:net"
import type { Call, Dialler, Progress } from "./Dialler.ts"

/** How long an address is waited for before the next one is tried beside it, in ms: what RFC 8305 recommends. */
const TURN_MS = 250

/** Least number of turns in the time for connecting. */
const MIN_TURNS = 6

/** Options of a request that connects itself when the agent has no connection left for it. */
export interface CallingOptions extends Http.RequestOptions {
  readonly onCall?: ((call: Call) => void) | undefined
}

/** URLs have IPv4 addresses in the usual form only, and IPv6 in brackets; no name consists of digits. */
export const isNamed = ({ hostname }: URL): boolean => !/^(\[|[\d.]+$)/.test(hostname)

/** Lets requests connect themselves that want to. */
export const callingBack = <A extends Http.Agent>(agent: A): A => {
  const connect = agent.createConnection
  agent.createConnection = (options: CallingOptions & Http.ClientRequestArgs, done) => {
    const { onCall, ...others } = options
    if (onCall === undefined) return connect.call(agent, options, done)
    onCall({
      // a certificate is compared with `servername`, which the agent has made of the name
      connect: (address, differences) => connect.call(agent, { ...others, host: address, ...differences }) as Socket,
      done: done as Call["done"]
    })
    return undefined
  }
  return agent
}

/** Connects when called, and owns what is not connected yet: never ends by itself, and closes that when interrupted. */
export const dialWhenCalled = Effect.fnUntraced(function*<E>(
  called: Deferred.Deferred<Call>,
  load: Effect.Effect<Dialler, E>,
  url: URL,
  progress: Progress,
  timeoutMs = Infinity
): Effect.fn.Return<never, E> {
  const call = yield* Deferred.await(called)
  const dialling = (yield* load).dial(url, call, progress)
  const turns = Effect.gen(function*() {
    yield* Effect.callback<void>((resume) => dialling.resolve(() => resume(Effect.void)))
    while (dialling.hasNext()) {
      const refused = Effect.callback<void>((resume) => dialling.next(() => resume(Effect.void)))
      yield* Effect.timeoutOrElse(refused, {
        duration: Math.min(TURN_MS, timeoutMs / MIN_TURNS),
        orElse: () => Effect.void
      })
      dialling.pass()
    }
    return yield* Effect.never
  })
  return yield* Effect.ensuring(turns, Effect.sync(() => dialling.close()))
})
