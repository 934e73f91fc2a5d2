/** Requests by an `HttpClient`. Loaded where one is used alone. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { RequestInit } from "effect/http/FetchHttpClient"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { isUtf8 } from "node:buffer"
import { MAX_ANSWER_BYTES, read } from "../platform/Answer.ts"
import { Transport, TransportError, type TransportRequest } from "../platform/Transport.ts"
import { failureOf } from "../platform/TransportFailures.ts"

/**
 * A `Transport` over the client. A client keeps three things to itself, and each is taken for the worse: when it is connected
 * (from the first moment on, so that an answer that is not waited for counts as one), whether a connection that broke was an
 * old one (never: it is a failure as any other, and repeated later), and how long it has been trying to connect.
 */
export const layer = Layer.effect(
  Transport,
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const exchange = Effect.fnUntraced(
      function*({ body, headers, method, onConnected, url }: TransportRequest) {
        const contentType = headers["content-type"] ?? "application/octet-stream"
        const request = HttpClientRequest.make(method)(url, {
          headers: { "accept-encoding": "identity", ...headers },
          ...(body === undefined ? {} : {
            body: typeof body === "string" ? HttpBody.text(body, contentType) : HttpBody.uint8Array(body, contentType)
          })
        })
        onConnected?.()
        const response = yield* client.execute(request)
        const bytes = yield* bodyOf(response, url.host)
        const answer = { status: response.status, headers: { ...response.headers }, bytes }
        // some clients have taken the coding off already, and leave the header
        return yield* read(isUtf8(bytes) ? { ...answer, headers: withoutCoding(answer.headers) } : answer, url.host)
      },
      (effect, { url }) => Effect.catchTag(effect, "HttpClientError", (error) => Effect.fail(failed(error, url.host))),
      // a request of ours is part of no trace: it carries records of many
      Effect.provideService(HttpClient.TracerPropagationEnabled, false),
      Effect.withTracerEnabled(false),
      // `fetch` would take credentials and records along
      Effect.updateContext((context: Context.Context<never>) =>
        Context.add(context, RequestInit, { ...Context.getOrUndefined(context, RequestInit), redirect: "manual" })
      )
    )
    return Transport.of({ exchange, dropIdle: Effect.void })
  })
)

/** The body, as far as it is one that OpenObserve may give. */
const bodyOf = Effect.fnUntraced(function*({ stream }: HttpClientResponse, host: string) {
  const chunks: Array<Uint8Array> = []
  let size = 0
  const reading = Stream.runForEach(stream, (chunk) => {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) {
      return Effect.fail(new TransportError({ code: "TOO_LARGE", host, isSent: true, isStale: false }))
    }
    chunks.push(chunk)
    return Effect.void
  })
  yield* Effect.catchIf(
    reading,
    (error) => error._tag === "HttpClientError" && error.reason._tag === "EmptyBodyError",
    () => Effect.void
  )
  return Buffer.concat(chunks)
})

const withoutCoding = (headers: Readonly<Record<string, string | undefined>>) => ({
  ...headers,
  "content-encoding": undefined
})

/** What clients call in their own way. */
const usualCodes: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: "ETIMEDOUT",
  UND_ERR_SOCKET: "ECONNRESET"
}

/** Failures before there is a connection to send anything over. */
const unsent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|E(HOST|NET)UNREACH|E[MN]FILE|UND_ERR_CONNECT_TIMEOUT|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|ERR_SSL_|EPROTO|EncodeError|InvalidUrlError)/

const failed = ({ reason }: HttpClientError, host: string): TransportError => {
  const { code, message } = innermost(reason)
  const name = code ?? reason._tag
  const usual = usualCodes[name] ?? name
  return new TransportError({
    code: usual,
    host,
    isSent: !unsent.test(name),
    isStale: false,
    detail: failureOf(usual) === undefined ? message : undefined
  })
}

/** The system's code and words, however deep a client has wrapped them. */
const innermost = (error: unknown): { readonly code?: string; readonly message?: string } => {
  if (typeof error !== "object" || error === null) return {}
  const { cause, code, message } = error as { readonly [name in "cause" | "code" | "message"]?: unknown }
  if (typeof code === "string") return { code, message: String(message) }
  return typeof cause === "object" && cause !== null ? innermost(cause) : { message: String(message) }
}
