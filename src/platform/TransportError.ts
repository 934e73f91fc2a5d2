import * as Data from "effect/Data"
import { excerpt } from "./ForeignText.ts"
import { remedyFor } from "./Remedies.ts"
import { failureOf } from "./TransportFailures.ts"

/**
 * There was no complete answer.
 *
 * @since 0.2.0
 * @category errors
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Transport, TransportError } from "o2-lambda-extension/Transport"
 *
 * // a server that nobody reaches, for a test
 * const unreachable = Transport.of({
 *   dropIdle: Effect.void,
 *   exchange: ({ url }) =>
 *     Effect.fail(new TransportError({ code: "ECONNREFUSED", host: url.host, isSent: false, isStale: false }))
 * })
 * ```
 */
export class TransportError extends Data.TaggedError("TransportError")<{
  /** The system's code (`ECONNREFUSED`, `ENOTFOUND`, …), one of OpenSSL's or Node's, or one of `TransportFailures`. */
  readonly code: string
  /** `host:port` of the peer. */
  readonly host: string
  /** Whether the peer may have received the request. */
  readonly isSent: boolean
  /** Whether a kept connection broke before there was an answer: often it had been dead for long. */
  readonly isStale: boolean
  /** The variable that names the proxy, where it is the proxy that has failed. */
  readonly proxy?: string
  /** What it is called, instead of what its code is called. */
  readonly text?: string | undefined
  /** What else there is to know, for people: how many addresses were tried, or which coding it was. */
  readonly detail?: string | undefined
}> {
  override get message() {
    const { code, host, text = failureOf(code) } = this
    const detail = this.detail && excerpt(this.detail)
    if (text === undefined) return detail === undefined ? `${code} from ${host}` : `${code} from ${host} (${detail})`
    return `${text} ${host} (${detail === undefined ? code : `${code}; ${detail}`})`
  }

  /** Advice to the operator; `undefined` where the way to the host is to be looked at. */
  get remedy(): string | undefined {
    return remedyFor(this.code, this.proxy)
  }
}
