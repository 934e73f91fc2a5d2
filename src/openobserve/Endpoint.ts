/** Where OpenObserve takes records, with which credentials, and how these are kept out of what is logged. */
import * as Redacted from "effect/Redacted"
import type { Configuration } from "../config/Config.ts"
import type { TransportResponse } from "../platform/Transport.ts"

/** `{endpoint}/api/{organization}/{stream}/_json`, below whatever path the endpoint has. */
export const ingestUrl = (config: Pick<Configuration, "endpoint" | "organizationId" | "stream">): URL => {
  const { endpoint, organizationId, stream } = config
  const path = `api/${encodeURIComponent(organizationId)}/${encodeURIComponent(stream)}/_json`
  return new URL(`${endpoint.href.replace(/\/+$/, "")}/${path}`)
}

/** Secrets shorter than this are no secrets, and replacing them would garble ordinary words. */
const MIN_SECRET_LENGTH = 4

/** The answer without the credentials, which servers and proxies have been known to quote. */
export const withoutSecrets = (response: TransportResponse, authorization: Redacted.Redacted): TransportResponse => {
  const header = Redacted.value(authorization)
  const encoded = header.slice(header.indexOf(" ") + 1)
  const decoded = Buffer.from(encoded, "base64").toString()
  const secrets = [header, encoded, decoded, decoded.slice(decoded.indexOf(":") + 1)]
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
  const hide = (text: string) => secrets.reduce((hidden, secret) => hidden.replaceAll(secret, "***"), text)
  const { location } = response.headers
  return {
    ...response,
    body: hide(response.body),
    headers: location === undefined ? response.headers : { ...response.headers, location: hide(location) }
  }
}
