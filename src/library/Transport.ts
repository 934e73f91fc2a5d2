/**
 * How requests are made.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { HttpClient } from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { basicOf } from "../config/ProxyChoice.ts"
import type { Proxy } from "../platform/Proxy.ts"
import { Transport } from "../platform/Transport.ts"

export { Transport, TransportError, type TransportRequest, type TransportResponse } from "../platform/Transport.ts"

/**
 * How `layerNode` makes connections.
 *
 * @since 0.2.0
 * @category models
 */
export interface NodeOptions {
  /** PEM or DER files with authorities besides those that are known anyway. One that is of no use is warned of. */
  readonly caCertFiles?: ReadonlyArray<string> | undefined
  /**
   * An HTTP proxy that all requests go through: `http://host:port`. A user name and password in it are what the proxy is told,
   * unless `proxyAuthorization` is given.
   */
  readonly proxy?: URL | undefined
  /** What the proxy wants as `Proxy-Authorization`. */
  readonly proxyAuthorization?: Redacted.Redacted | undefined
}

/**
 * Over `node:http` and `node:https`: connections of its own, kept alive.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * ```ts
 * import * as Transport from "o2-lambda-extension/Transport"
 *
 * const transport = Transport.layerNode({ proxy: new URL("http://proxy.example.com:3128") })
 * ```
 */
export const layerNode = (options: NodeOptions = {}): Layer.Layer<Transport> => {
  const { caCertFiles = [] } = options
  return Transport.layerWith({
    authorityFiles: caCertFiles.map((path) => ({ variable: "caCertFiles", path })),
    onUselessFile: (problem) => Effect.logWarning(problem),
    proxy: proxyOf(options)
  })
}

const proxyOf = ({ proxy, proxyAuthorization }: NodeOptions): Proxy | undefined => {
  if (proxy === undefined) return undefined
  return {
    url: new URL(`${proxy.protocol}//${proxy.host}`),
    variable: "proxy",
    authorization: proxyAuthorization === undefined ? basicOf(proxy) : () => Redacted.value(proxyAuthorization)
  }
}

/**
 * Over an `HttpClient` of `effect/http`, with all that it does. `fetch` is told to follow no redirect, which would take the
 * records along; a client that has been given `HttpClient.followRedirects` does. Requests are part of no trace, and of an
 * answer no more than 1 MiB is read. Which connections are kept, and for how long one is waited for, is the client's affair.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * ```ts
 * import * as Transport from "o2-lambda-extension/Transport"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 *
 * const transport = Transport.layerHttpClient.pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 */
export const layerHttpClient: Layer.Layer<Transport, never, HttpClient> = Layer.unwrap(
  // nobody else needs `effect/http`
  Effect.map(Effect.promise(() => import("./HttpClientTransport.ts")), ({ layer }) => layer)
)
