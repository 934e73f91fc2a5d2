/**
 * What an answer of OpenObserve's `_json` means for the batch that was sent. Pure.
 *
 * 200 is not success: records can be refused one by one, or the whole batch be dropped without a word (seen on v0.91.5).
 */
import type { Verdict } from "../delivery/Verdict.ts"
import { parsed } from "../json/Parsed.ts"
import { excerpt } from "../platform/ForeignText.ts"
import type { TransportResponse } from "../platform/Transport.ts"

/** What an answer says of one stream. */
interface Status {
  readonly successful: number
  readonly failed: number
  /** The stream's name as the server spells it; not said by all that pass for it. */
  readonly name?: unknown
  /** A string where a record was refused; other versions may say null. */
  readonly error?: unknown
}

/** Words in an answer that mean "not now", whatever its status (400 on servers before v0.15, 429 on Cloud). */
const pressure = /MemoryTableOverflow|CircuitBreaker|Quota exceeded|is being deleted|not an ingester/

/** Words in a 400 that are about the stream (reserved on Cloud since v0.92.0), not about a record. */
const unusableStream = /stream '[^']*' is reserved|Stream name is empty|in 'stream_name'/

/** How a 400 begins that OpenObserve itself gives for what it was sent; a proxy's page says nothing about records. */
const unreadableRecord = /^\s*(\{"code":400|Failed to buffer the request body)/

/** The stream that was asked for, and the variable that says so. */
export interface Asked {
  readonly stream: string
  readonly variable: string
}

/**
 * Reads the answer to a batch of `sent` records; `nowMillis` is for a `Retry-After` that is a date. That the server keeps
 * records in another stream than was `asked` for is noticed where that is given.
 */
export const read = (response: TransportResponse, sent: number, nowMillis: number, asked?: Asked): Verdict => {
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
      return readAccepted(body, sent, asked) ?? retry
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

const readAccepted = (body: string, sent: number, asked: Asked | undefined): Verdict | undefined => {
  const statuses = statusesOf(body)
  // A proxy's page, perhaps: nobody said that anything was stored.
  if (statuses === undefined) return undefined
  let stored = 0
  let refused = 0
  let detail: string | undefined
  for (const status of statuses) {
    stored += status.successful
    refused += status.failed
    if (typeof status.error === "string") detail = excerpt(status.error)
  }
  if (sent > 0 && stored + refused === 0) {
    return {
      _tag: "Divide",
      detail: "HTTP 200 with successful 0 and failed 0: the server dropped the batch, perhaps for too many columns",
      reason: "unaccounted"
    }
  }
  return {
    _tag: "Accepted",
    stored: Math.min(stored, sent),
    refused: Math.min(refused, sent - Math.min(stored, sent)),
    detail,
    ...renamed(statuses, asked)
  }
}

/** The server writes names of streams in lower case, and `_` for each run of other characters (v0.91.5). */
const renamed = (statuses: ReadonlyArray<Status>, asked: Asked | undefined) => {
  const name = statuses.map(({ name }) => name).find((name) => typeof name === "string" && name !== asked?.stream)
  if (asked === undefined || typeof name !== "string") return {}
  return {
    notice: `OpenObserve keeps the records in stream "${excerpt(name)}": so it spells what ${asked.variable} says`
  }
}

/** `{"status": [{"successful": 1, "failed": 0}, …]}`; `undefined` for anything else. */
const statusesOf = (body: string): ReadonlyArray<Status> | undefined => {
  const answer = parsed(body)
  const statuses: unknown = isObject(answer) ? answer["status"] : undefined
  return Array.isArray(statuses) && statuses.length > 0 && statuses.every(isStatus) ? statuses : undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const isStatus = (value: unknown): value is Status =>
  isObject(value) && isCount(value["successful"]) && isCount(value["failed"])

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
