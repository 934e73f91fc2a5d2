/** An encoder for tests, and how to read what it writes. */
import * as Result from "effect/Result"
import { type EncodedPost, PostEncoder, type PostEncoderOptions } from "../../src/logs/PostEncoder.ts"
import * as SerdeJson from "../../src/testing/openobserve/SerdeJson.ts"
import { NOW } from "./arbitraries.ts"

/** The moment of receipt as Lambda writes it. */
export const NOW_ISO = new Date(NOW).toISOString()
/** The moment of receipt as OpenObserve stores it. */
export const NOW_MICROS = NOW * 1000
/** What the register answer says. */
export const identity = { functionName: "orders \"x\"", functionVersion: "$LATEST", accountId: "123456789012" }

/** Options that add nothing to a record. */
export const defaults: PostEncoderOptions = {
  types: new Set(["platform", "function"]),
  hasMetadata: false,
  preservesOrder: true,
  region: "eu-west-1",
  isManagedInstance: false,
  newInstanceId: () => "an id of its own"
}

/** An encoder; the options that a test is about as overrides. */
export const makeEncoder = (overrides: Partial<PostEncoderOptions> = {}) => {
  const encoder = new PostEncoder({ ...defaults, ...overrides })
  return {
    identify: () => encoder.identify(identity),
    encode: (post: string | Uint8Array, now = NOW) => encoder.encode(Buffer.from(post), now),
    more: () => encoder.more(),
    records: (post: string | Uint8Array, now = NOW) => recordsOf(encoder.encode(Buffer.from(post), now))
  }
}

/** The records that were encoded. */
export const recordsOf = ({ bytes, ends }: EncodedPost): Array<Record<string, unknown>> =>
  ends.map((end, index) => JSON.parse(bytes.toString("utf8", ends[index - 1] ?? 0, end - 1)))

/** The records as the body of a request, or why OpenObserve would refuse it. */
export const requestBody = ({ bytes }: EncodedPost) =>
  Result.getOrThrow(SerdeJson.parse(Buffer.concat([Buffer.from("["), bytes.subarray(0, -1), Buffer.from("]")])))

/** An event of this type. */
export const event = (type: string, record: unknown, time: unknown = NOW_ISO) => ({ time, type, record })
/** The beginning of an invocation. */
export const start = (requestId: string) => event("platform.start", { requestId })
/** The end of an invocation. */
export const report = (requestId: string) => event("platform.report", { requestId })
/** A post of these events. */
export const post = (...events: ReadonlyArray<unknown>) => JSON.stringify(events)
