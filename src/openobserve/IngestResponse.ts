/** What an answer of OpenObserve's `_json` means for the batch that was sent. Pure. */
import type { Verdict } from "../delivery/Verdict.ts"
import { excerpt } from "../platform/ForeignText.ts"
import type { TransportResponse } from "../platform/Transport.ts"
import * as StoredCounts from "./StoredCounts.ts"

/** Words in an answer that mean "not now", whatever its status (400 on servers before v0.15, 429 on Cloud). */
const pressure = /MemoryTableOverflow|CircuitBreaker|Quota exceeded|is being deleted|not an ingester/

/** Words in a 400 that are about the stream (reserved on Cloud since v0.92.0), not about a record. */
const unusableStream = /stream '[^']*' is reserved|Stream name is empty|in 'stream_name'/

/** How a 400 begins that OpenObserve itself gives for what it was sent; a proxy's page says nothing about records. */
const unreadableRecord = /^\s*(\{"code":400|Failed to buffer the request body)/

/**
 * Reads the answer to a batch of `sent` records; `nowMillis` is for a `Retry-After` that is a date. That the server keeps
 * records in another stream than was `asked` for is noticed where that is given.
 */
export const read = (
  response: TransportResponse,
  sent: number,
  nowMillis: number,
  asked?: StoredCounts.Asked
): Verdict => {
  const { body, status } = response
  const detail = `HTTP ${status}${body === "" ? "" : `: ${excerpt(body)}`}`
  const retry: Verdict = {
    _tag: "Retry",
    detail,
    afterMs: retryAfter(response.headers["retry-after"], nowMillis),
    // OpenObserve stores nothing before it answers 503; a proxy that answers 5xx may have passed the request on
    mayBeStored: status < 300 || status >= 500 && status !== 503,
    // the others are said of the server, and not of a request
    isFailure: status === 500 || status === 400 && !pressure.test(body)
  }
  switch (status) {
    case 200:
    case 201:
    case 206:
      return StoredCounts.read(body, sent, asked) ?? retry
    case 400:
      if (pressure.test(body)) return retry
      if (unusableStream.test(body)) {
        return {
          _tag: "Misconfigured",
          detail,
          remedy: "check O2_STREAM: no records can be sent to a stream of this name"
        }
      }
      return unreadableRecord.test(body) ? { _tag: "Divide", detail, reason: "poison" } : retry
    case 413:
      return { _tag: "Divide", detail, reason: "too_large" }
    case 415:
      return {
        _tag: "Misconfigured",
        detail,
        remedy: "check O2_ENDPOINT: this server does not take JSON, compressed or not"
      }
    case 401:
    case 403:
      return {
        _tag: "Misconfigured",
        detail,
        remedy:
          "check O2_AUTHORIZATION_HEADER (\"Basic \" and base64 of user:password or user:token) and that this user may write to O2_ORGANIZATION_ID",
        // a firewall forbids what reads like an attack
        mayBeContent: status === 403
      }
    case 404:
    case 405:
    case 422:
      return {
        _tag: "Misconfigured",
        detail,
        remedy: "check O2_ENDPOINT (base URL without /api) and O2_ORGANIZATION_ID"
      }
    case 429:
      return /trial/i.test(body)
        ? {
          _tag: "Misconfigured",
          detail,
          remedy: "the organization's trial has expired: extend it, or change O2_ORGANIZATION_ID"
        }
        : retry
  }
  if (status >= 300 && status < 400) {
    return {
      _tag: "Misconfigured",
      detail: `HTTP ${status} to ${locationOf(response)}`,
      remedy: "set O2_ENDPOINT to the address that answers itself: credentials are not sent along a redirect"
    }
  }
  return retry
}

/** Origin and path only: a query may hold a secret. */
const locationOf = (response: TransportResponse): string => {
  const location = response.headers["location"]
  if (location === undefined) return "nowhere"
  if (!URL.canParse(location)) return "a relative address"
  const { origin, pathname, protocol } = new URL(location)
  return excerpt(/^https?:$/.test(protocol) ? origin + pathname : `an address that begins with ${protocol}`)
}

const retryAfter = (header: string | undefined, nowMillis: number): number | undefined => {
  if (header === undefined) return undefined
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMillis)
}
