/** What can go wrong with a `_json` post, as a value a test sets. */
import * as Data from "effect/Data"

/**
 * Where a post was going, for texts that name it.
 *
 * @category models
 * @since 0.2.0
 */
export interface FaultTarget {
  readonly organization: string
  readonly stream: string
}

/**
 * How the double misbehaves; unless said otherwise nothing of the batch is stored.
 *
 * @category models
 * @since 0.2.0
 */
export type Fault = Data.TaggedEnum<{
  /** Reads the request and gives this answer; `stores` keeps the batch all the same, as behind a proxy. */
  readonly Answer: {
    readonly status: number
    readonly body?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly stores?: boolean
  }
  /** Refuses in the server's error envelope, with a status of its own in the cloud flavour. */
  readonly Refusal: {
    readonly status: number
    readonly cloudStatus: number
    readonly message: (target: FaultTarget) => string
  }
  /** Asks to come back later, as a proxy does; OpenObserve itself never sends Retry-After. */
  readonly RetryAfter: { readonly seconds: number; readonly status: number }
  /** Reads the request, then resets the connection. */
  readonly ResetBeforeStoring: {}
  /** Stores the batch, then resets the connection. */
  readonly ResetAfterStoring: {}
  /** Reads the request and never answers. */
  readonly HangBeforeHeaders: {}
  /** Stores the batch, sends the headers and half of the body, and then nothing more. */
  readonly HangInBody: {}
  /** Stores the batch and trickles the body. */
  readonly SlowBody: { readonly bytesPerSecond: number }
  /** Says 200 with successful 0 and failed 0: too many columns, or a stream on its way out. */
  readonly StoredNothing: {}
  /** Says 200 with every counter right and keeps nothing: the disk is full. */
  readonly ClaimsStored: {}
  /** Writes bytes that are not HTTP and closes. */
  readonly Garbage: {}
  /** Stores the batch and pads the answer with white space to this length. */
  readonly HugeAnswer: { readonly bytes: number }
  /** Sends the client elsewhere. */
  readonly Redirect: { readonly location: string; readonly status: number }
  /** Stores the batch without the records that have this text in a value; these it refuses one by one. */
  readonly RefusesRecords: { readonly containing: string }
  /** Answers 401 before the body is read, whatever the credentials. */
  readonly EarlyReject401: {}
  /** Answers 415 before the body is read, to compressed bodies only. */
  readonly TakesNoCompression: {}
  /** Misbehaves only where the body (decoded, as text) is of this kind. */
  readonly ForBody: { readonly matches: (body: string) => boolean; readonly fault: BodyFault }
  /** Stops listening and cuts every connection while set; only as a standing fault. */
  readonly RefuseConnections: {}
}>

/**
 * A fault of one request, as opposed to one of the listener.
 *
 * @category models
 * @since 0.2.0
 */
export type RequestFault = Exclude<Fault, { readonly _tag: "RefuseConnections" }>

/**
 * A fault of a request whose body has been read.
 *
 * @category models
 * @since 0.2.0
 */
export type BodyFault = Exclude<
  RequestFault,
  { readonly _tag: "EarlyReject401" | "ForBody" | "TakesNoCompression" }
>

const constructors = Data.taggedEnum<Fault>()
const { Answer, Refusal } = constructors

const answer = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): RequestFault =>
  Answer({ status, body, headers })

const refusal = (status: number, cloudStatus: number, message: (target: FaultTarget) => string): RequestFault =>
  Refusal({ status, cloudStatus, message })

// OpenObserve Cloud answers every failed admission check with 429.
const overload = (error: string): RequestFault => refusal(503, 429, () => `Error# ${error}`)

/**
 * Constructors of every fault, and the answers of real servers under their names.
 *
 * @category constructors
 * @since 0.2.0
 * @example
 * ```ts
 * import { Fault, OpenObserveDouble } from "o2-lambda-extension/testing"
 *
 * await using openObserve = await OpenObserveDouble.start()
 * // the next post fails as in front of a full memtable, all others until further notice with a 502
 * await openObserve.nextFaults([Fault.memoryOverflow])
 * await openObserve.setFault(Fault.badGateway)
 * ```
 */
export const Fault = {
  // `taggedEnum` makes its constructors on demand, so they cannot be spread.
  Answer: constructors.Answer,
  ClaimsStored: constructors.ClaimsStored,
  EarlyReject401: constructors.EarlyReject401,
  ForBody: constructors.ForBody,
  Garbage: constructors.Garbage,
  HangBeforeHeaders: constructors.HangBeforeHeaders,
  HangInBody: constructors.HangInBody,
  HugeAnswer: constructors.HugeAnswer,
  Redirect: constructors.Redirect,
  Refusal: constructors.Refusal,
  RefuseConnections: constructors.RefuseConnections,
  RefusesRecords: constructors.RefusesRecords,
  ResetAfterStoring: constructors.ResetAfterStoring,
  ResetBeforeStoring: constructors.ResetBeforeStoring,
  RetryAfter: constructors.RetryAfter,
  SlowBody: constructors.SlowBody,
  StoredNothing: constructors.StoredNothing,
  TakesNoCompression: constructors.TakesNoCompression,
  /** The memtable is full: 503 observed on v0.91.5. */
  memoryOverflow: overload("MemoryTableOverflowError"),
  /** The memory circuit breaker is open: 503 observed on v0.91.5. */
  memoryBreaker: overload("MemoryCircuitBreakerError"),
  /** The disk circuit breaker is open: 503 observed on v0.91.5. */
  diskBreaker: overload("DiskCircuitBreakerError"),
  /** The organization is over its quota or blocked: 400, on OpenObserve Cloud 429. */
  quotaExceeded: refusal(
    400,
    429,
    ({ organization }) => `Error# Quota exceeded for this organization [${organization}]`
  ),
  /** The stream is being deleted: 400 for about 14 seconds, observed on v0.91.5. */
  streamDeleting: refusal(400, 400, ({ stream }) => `Error# stream [${stream}] is being deleted`),
  /** Pressure as OpenObserve Cloud reports it, whatever the flavour of the double. */
  cloudPressure: answer(429, "{\"code\":429,\"message\":\"Error# MemoryTableOverflowError\"}"),
  /** An expired trial as an ingester node of OpenObserve Cloud reports it; it never passes. */
  trialExpired: answer(429, "organization has expired its trial period"),
  /** An expired trial as the admission check of the handler reports it. */
  trialPeriodExpired: answer(429, "{\"code\":429,\"message\":\"Error# Expired Trial Period\"}"),
  /** The router of a cluster failed on the request. */
  internalError: answer(500, "Failed to read request body"),
  /** The router of a cluster lost the ingester: the batch may or may not be stored. */
  badGateway: answer(502, "Proxy request failed: connection closed before message completed"),
  /** The router of a cluster knows no ingester. */
  noIngester: answer(503, "No online ingester nodes"),
  /** A load balancer gave up waiting: the batch may or may not be stored. */
  gatewayTimeout: answer(504, "<html><head><title>504 Gateway Time-out</title></head></html>", {
    "content-type": "text/html"
  })
}
