/** The way to a server through a proxy. Loaded with the first request that takes it. */
import type { Call, Progress } from "./Dialler.ts"
import type { Proxy } from "./Proxy.ts"
import * as Tunnel from "./Tunnel.ts"

/** How far a request has come. */
export interface RouteProgress extends Progress {
  isConnected: boolean
  /** Whether the proxy has passed us on to the server. */
  isThrough?: boolean
  /** Whether an address of the proxy has accepted, and been asked. */
  isAsked?: boolean
}

/** What a proxy says by its status, in words that it follows (RFC 9110, 15.5 and 15.6). */
const refusals: ReadonlyArray<readonly [code: RegExp, text: string]> = [
  [/^PROXY_407/, "a user name and a password are wanted by"],
  [/^PROXY_50[234]/, "no way to the server was found by"],
  [/^PROXY_/, "the way to the server was refused by"]
]

/** CONNECT for `https`, requests in absolute form for `http` (RFC 9112, 3.2). */
export class ProxyRoute {
  /** Whom to connect to. */
  readonly url: URL
  private readonly proxy: Proxy
  private readonly name: string

  constructor(proxy: Proxy) {
    this.proxy = proxy
    this.url = proxy.url
    this.name = `the proxy ${proxy.url.host}`
  }

  /** What is different about a request. */
  options({ href, protocol }: URL): { readonly path?: string; readonly headers?: Readonly<Record<string, string>> } {
    return protocol === "https:" ? {} : { path: href, headers: this.credentials() }
  }

  /** Leads a connection to the proxy, and from there on. */
  through(target: URL, call: Call, progress: RouteProgress): Call {
    const port = Number(this.url.port || 80)
    if (target.protocol !== "https:") return { ...call, connect: (address) => call.connect(address, { port }) }
    const request = this.connectRequest(target)
    return {
      event: "tunnel",
      connect: (address) => {
        const socket = Tunnel.open(call, address, port, request)
        socket.once("connect", () => progress.isAsked = true)
        return socket
      },
      done: (error, socket) => {
        if (socket === undefined) return call.done(error)
        progress.isThrough = true
        call.done(null, Tunnel.secure(call, socket))
      }
    }
  }

  /** Whose failure it is. Behind a tunnel it may still be that of a proxy which looks into TLS. */
  blame(target: URL, code: string, { detail, isAsked, isConnected, isThrough }: RouteProgress) {
    if (target.protocol === "https:" && (isConnected || isThrough)) {
      return { host: target.host, detail: `through ${this.name}` }
    }
    const known = isAsked !== true ? detail : code === "ETIMEDOUT" ? "it has not answered CONNECT" : undefined
    return {
      host: this.name,
      proxy: this.proxy.variable,
      text: refusals.find(([pattern]) => pattern.test(code))?.[1],
      detail: isConnected ? undefined : known,
      // the server has not seen what nobody may send
      ...(code === "PROXY_407" ? { isSent: false } : {})
    }
  }

  /** The code for an answer that is the proxy's own, although it stands for the server's. OpenObserve's are JSON. */
  refusal({ protocol }: URL, { body, status }: { readonly body: string; readonly status: number }): string | undefined {
    if (protocol === "https:") return undefined
    const isOwn = status === 407 || status >= 502 && status <= 504 && !/^\s*\{/.test(body)
    return isOwn ? `PROXY_${status}` : undefined
  }

  private connectRequest({ hostname, port }: URL): string {
    const authority = `${hostname}:${port || 443}`
    const headers = Object.entries({ host: authority, "user-agent": "o2-lambda-extension", ...this.credentials() })
    return [`CONNECT ${authority} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`), "", ""].join(
      "\r\n"
    )
  }

  private credentials(): Readonly<Record<string, string>> {
    const { authorization } = this.proxy
    return authorization === undefined ? {} : { "proxy-authorization": authorization() }
  }
}

/** The way through a proxy. */
export const make = (proxy: Proxy): ProxyRoute => new ProxyRoute(proxy)
