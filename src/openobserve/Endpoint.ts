/** Where OpenObserve takes records, with which credentials, and how these are kept out of what is logged. */
import * as Redacted from "effect/Redacted"
import type { Configuration } from "../config/Config.ts"
import type { Proxy } from "../platform/Proxy.ts"
import type { TransportResponse } from "../platform/Transport.ts"
import * as Redaction from "./Redaction.ts"

/** `{endpoint}/api/{organization}/{stream}/_json`, below whatever path the endpoint has. */
export const ingestUrl = (config: Pick<Configuration, "endpoint" | "organizationId" | "stream">): URL => {
  const { endpoint, organizationId, stream } = config
  const path = `api/${encodeURIComponent(organizationId)}/${encodeURIComponent(stream)}/_json`
  return new URL(`${endpoint.href.replace(/\/+$/, "")}/${path}`)
}

/** How an answer begins, and how long it may be, that says nothing but what was stored. */
const USUAL_START = "{\"code\":200,\"status\":[{\"name\":"
const MAX_USUAL_REST = 40

/** Hides the credentials, the proxy's as well, in answers that are not as usual: others can show nothing, and are not worth the time. */
export const redaction = (
  authorization: Redacted.Redacted,
  stream: string,
  proxy?: Proxy
): (response: TransportResponse) => TransportResponse => {
  const start = `${USUAL_START}${JSON.stringify(stream)},`
  let hide: ((text: string) => string) | undefined
  return (response) => {
    const { body, headers } = response
    if (response.status === 200 && body.startsWith(start) && body.length < start.length + MAX_USUAL_REST) {
      return response
    }
    hide ??= Redaction.hiding(Redacted.value(authorization), proxy?.authorization?.())
    const { location } = headers
    return {
      ...response,
      body: hide(body),
      headers: location === undefined ? headers : { ...headers, location: hide(location) }
    }
  }
}
