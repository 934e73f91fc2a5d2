/** Requests by an `HttpClient`. Loaded where one is used alone. */
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import { Transport, TransportError, type TransportRequest, type TransportResponse } from "../platform/Transport.ts"

/** A `Transport` over the client. */
export const layer = Layer.effect(
  Transport,
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const exchange = Effect.fnUntraced(
      function*({ body, headers, method, onConnected, url }: TransportRequest) {
        const contentType = headers["content-type"] ?? "application/octet-stream"
        const request = HttpClientRequest.make(method)(url, {
          headers,
          ...(body === undefined ? {} : {
            body: typeof body === "string" ? HttpBody.text(body, contentType) : HttpBody.uint8Array(body, contentType)
          })
        })
        // a client does not say when it is connected
        onConnected?.()
        const response = yield* client.execute(request)
        const answer: TransportResponse = {
          status: response.status,
          headers: { ...response.headers },
          body: yield* response.text
        }
        return answer
      },
      (effect, { url }) =>
        Effect.mapError(effect, ({ message, reason }) =>
          new TransportError({
            code: codeOf(reason) ?? reason._tag,
            host: url.host,
            isSent: true,
            isStale: false,
            detail: message
          }))
    )
    return Transport.of({ exchange, dropIdle: Effect.void })
  })
)

/** The system's code, however deep a client has wrapped it. */
const codeOf = (error: unknown): string | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  const { cause, code } = error as { readonly cause?: unknown; readonly code?: unknown }
  return typeof code === "string" ? code : codeOf(cause)
}
