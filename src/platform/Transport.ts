/**
 * One HTTP exchange over `node:http(s)`: keep-alive, redirects not followed, answers bounded, the cause of a failure in
 * words. Used for AWS's local APIs and for OpenObserve; `docs/decisions/0003-node-http.md` says why not `effect/http`.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Http from "node:http"
import type * as Https from "node:https"
import { type Answer, read, readBody, type TransportResponse } from "./Answer.ts"
import type { AuthorityFile } from "./Authorities.ts"
import type { Call, Dialler, Lookup } from "./Dialler.ts"
import { errorCode } from "./ErrorCode.ts"
import * as Freeze from "./Freeze.ts"
import type { Proxy } from "./Proxy.ts"
import type { ProxyRoute, RouteProgress } from "./ProxyRoute.ts"
import { loaded } from "./Loading.ts"
import { callingBack, type CallingOptions, dialWhenCalled, isNamed } from "./NamedHost.ts"
import { TransportError } from "./TransportError.ts"

export type { TransportResponse } from "./Answer.ts"
export { TransportError } from "./TransportError.ts"

/**
 * One request. `Content-Length` and `Host` are added, and `Accept-Encoding: identity` where it has none.
 *
 * @since 0.2.0
 * @category models
 */
export interface TransportRequest {
  readonly method: "GET" | "POST" | "PUT"
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** Longest wait for a connection, TLS included; without it the system's own limit counts, which is minutes. */
  readonly connectTimeoutMs?: number
  /** Told when there is a connection: from then on the peer may have received something, even if nobody waits for it. */
  readonly onConnected?: () => void
}

/**
 * Exchanges over kept-alive connections of its own.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Transport } from "o2-lambda-extension/Transport"
 *
 * const status = Transport.use((transport) =>
 *   transport.exchange({ method: "GET", url: new URL("https://openobserve.example.com/healthz"), headers: {} })
 * ).pipe(Effect.map((response) => response.status))
 * ```
 */
export class Transport extends Context.Service<Transport, {
  /** Sends a request and reads the whole answer. No time-out of its own; interrupting it closes the connection. */
  readonly exchange: (request: TransportRequest) => Effect.Effect<TransportResponse, TransportError>
  /** Closes the connections that nobody uses at the moment. */
  readonly dropIdle: Effect.Effect<void>
}>()("o2-lambda-extension/Transport") {
  /** Every service that is given this layer gets connections of its own. */
  static readonly layerWith = (options: TransportOptions): Layer.Layer<Transport> =>
    Layer.fresh(Layer.effect(Transport, Effect.suspend(() => make(options))))

  static readonly layer = Transport.layerWith({})
}

/**
 * What may be done in another way than usual.
 *
 * @since 0.2.0
 * @category models
 */
export interface TransportOptions {
  /** Looks up names instead of the system. */
  readonly lookup?: Lookup
  /** Name authorities besides those that are known anyway. */
  readonly authorityFiles?: ReadonlyArray<AuthorityFile>
  /** All requests go through it. */
  readonly proxy?: Proxy | undefined
  /** Told of a file that is of no use, in a sentence, once. */
  readonly onUselessFile?: (problem: string) => Effect.Effect<void>
}

const make = Effect.fnUntraced(
  function*({ authorityFiles = [], lookup, proxy, onUselessFile = () => Effect.void }: TransportOptions) {
    // A connection that was used last is the least likely to have been closed meanwhile.
    const options: Http.AgentOptions = { keepAlive: true, scheduling: "lifo" }
    const plain = yield* Effect.acquireRelease(
      Effect.sync(() => callingBack(new Http.Agent(options))),
      (agent) => Effect.sync(() => agent.destroy())
    )
    let secure: { readonly module: typeof Https; readonly agent: Https.Agent } | undefined
    yield* Effect.addFinalizer(() => Effect.sync(() => secure?.agent.destroy()))
    // TLS takes milliseconds to load and AWS's APIs are plain HTTP: not before the first request that needs it.
    const readAuthorities = Effect.fnUntraced(function*(host: string) {
      if (authorityFiles.length === 0) return {}
      const authorities = yield* loaded(() => import("./Authorities.ts"), host)
      const { context, problems } = yield* authorities.read(authorityFiles)
      yield* Effect.forEach(problems, (problem) => onUselessFile(problem), { discard: true })
      return context === undefined ? {} : { secureContext: context }
    })
    const load = Effect.fnUntraced(function*(host: string) {
      const module = yield* loaded(() => import("node:https"), host)
      const trust = yield* readAuthorities(host)
      return secure = { module, agent: callingBack(new module.Agent({ ...options, ...trust })) }
    }, Effect.tapError(() => Effect.sync(() => loading = undefined)))
    const scope = yield* Effect.scope
    let loading: Fiber.Fiber<NonNullable<typeof secure>, TransportError> | undefined
    // once, whoever gives up waiting for it
    const loadSecure = (host: string) =>
      Effect.suspend(() =>
        loading === undefined
          ? Effect.flatMap(Effect.forkIn(load(host), scope), (fiber) => Fiber.join(loading = fiber))
          : Fiber.join(loading)
      )
    let dialler: Dialler | undefined
    // nor is there a name to look up before the first request to a server
    const loadDialler = (host: string) =>
      Effect.map(loaded(() => import("./Dialler.ts"), host), ({ Dialler }) => dialler ??= new Dialler(lookup))
    return Transport.of({
      exchange: Effect.fnUntraced(function*(request) {
        const { host, protocol } = request.url
        const route = proxy && (yield* loaded(() => import("./ProxyRoute.ts"), host)).make(proxy)
        const { agent, module } = protocol === "https:" ? yield* loadSecure(host) : { agent: plain, module: Http }
        return yield* exchange(module.request, agent, loadDialler, request, route)
      }),
      dropIdle: Effect.sync(() => {
        for (const agent of [plain, secure?.agent]) {
          for (const socket of Object.values(agent?.freeSockets ?? {}).flat()) socket?.destroy()
        }
      })
    })
  }
)

const guarded = new WeakSet<object>()

interface Progress extends RouteProgress {
  readonly route: ProxyRoute | undefined
}

const exchange = (
  send: typeof Http.request,
  agent: Http.Agent,
  loadDialler: (host: string) => Effect.Effect<Dialler, TransportError>,
  details: TransportRequest,
  route: ProxyRoute | undefined
): Effect.Effect<TransportResponse, TransportError> =>
  Effect.suspend(() => {
    const { connectTimeoutMs, url } = details
    const progress: Progress = { isConnected: false, route }
    const called = route !== undefined || isNamed(url) ? Deferred.makeUnsafe<Call>() : undefined
    const onCall = called &&
      ((call: Call) => Deferred.doneUnsafe(called, Effect.succeed(route?.through(url, call, progress) ?? call)))
    let answered = Effect.flatMap(request(send, agent, details, progress, onCall), (answer) => read(answer, url.host))
    if (route !== undefined) {
      answered = Effect.tap(answered, (answer) => {
        const code = route.refusal(url, answer)
        return code === undefined ? Effect.void : Effect.fail(unanswered(code, url, progress))
      })
    }
    const others: Array<Effect.Effect<never, TransportError>> = []
    if (called !== undefined) {
      others.push(dialWhenCalled(called, loadDialler(url.host), route?.url ?? url, progress, connectTimeoutMs))
    }
    if (connectTimeoutMs !== undefined) {
      const giveUp = Effect.suspend(() =>
        progress.isConnected ? Effect.never : Effect.fail(unanswered("ETIMEDOUT", url, progress))
      )
      others.push(Effect.andThen(Freeze.sleep(connectTimeoutMs), giveUp))
    }
    return others.length === 0 ? answered : Effect.raceAllFirst([answered, ...others])
  })

const unanswered = (code: string, url: URL, progress: Progress, isStale = false): TransportError => {
  const { detail, isConnected, route } = progress
  return new TransportError({
    code,
    // without a connection nothing of the request has left
    isSent: isConnected,
    isStale,
    ...(route?.blame(url, code, progress) ??
      { host: url.host, detail: isConnected ? undefined : detail })
  })
}

/** Sends a request and reads the whole answer. */
const request = (
  send: typeof Http.request,
  agent: Http.Agent,
  { body, headers, method, onConnected, url }: TransportRequest,
  progress: Progress,
  onCall: CallingOptions["onCall"]
): Effect.Effect<Answer, TransportError> =>
  Effect.callback((resume) => {
    let response: Http.IncomingMessage | undefined
    const fail = (code: string) => {
      const isStale = response === undefined && request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE")
      resume(Effect.fail(unanswered(code, url, progress, isStale)))
    }
    const connected = () => {
      progress.isConnected = true
      onConnected?.()
    }
    const different = progress.route?.options(url)
    const options: CallingOptions = {
      method,
      agent,
      ...different,
      headers: {
        "accept-encoding": "identity",
        ...headers,
        ...different?.headers,
        "content-length": body === undefined ? 0 : Buffer.byteLength(body)
      },
      onCall
    }
    const request = send(url, options)
    request.once("socket", (socket) => {
      if (!guarded.has(socket)) {
        guarded.add(socket)
        // Node 20 was seen to raise EPIPE on a pooled socket after its request was done, which would end the process.
        socket.on("error", () => {})
      }
      // TLS that fails has carried nothing of the request
      const isSecure = url.protocol === "https:"
      // One that was called for comes when it is connected, but before it is secure. One that failed at once (no descriptor,
      // no route) is not connecting either.
      if (request.reusedSocket || (!isSecure && !socket.connecting && !socket.destroyed)) connected()
      else socket.once(isSecure ? "secureConnect" : "connect", connected)
    })
    request.once("response", (message) => {
      response = message
      readBody(message, (bytes) =>
        resume(Effect.succeed({
          status: message.statusCode ?? 0,
          headers: message.headers as Readonly<Record<string, string | undefined>>,
          bytes
        })), fail)
    })
    // nobody asked for another protocol
    request.once("upgrade", (_, socket) => {
      socket.destroy()
      fail("UPGRADE")
    })
    // A server may answer before it has read the body and close: the answer is on its way, then, and counts.
    request.on("error", (error) => {
      const code = errorCode(error)
      if (response === undefined || code.startsWith("HPE_")) fail(code)
    })
    request.end(body)
    return Effect.sync(() => request.destroy())
  })
