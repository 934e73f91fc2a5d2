import * as Data from "effect/Data"
import { excerpt } from "./ForeignText.ts"

/** There was no complete answer. */
export class TransportError extends Data.TaggedError("TransportError")<{
  /** The system's code (`ECONNREFUSED`, `ENOTFOUND`, …), or one of OpenSSL's or Node's. */
  readonly code: string
  /** `host:port` of the peer. */
  readonly host: string
  /** Whether the peer may have received the request. */
  readonly isSent: boolean
  /** Whether a kept connection broke before there was an answer: often it had been dead for long. */
  readonly isStale: boolean
  /** What else there is to know, for people: how many addresses were tried, or which coding it was. */
  readonly detail?: string
}> {
  override get message() {
    const text = explanations[this.code]
    const { code, host } = this
    const detail = this.detail && excerpt(this.detail)
    if (text === undefined) return detail === undefined ? `${code} from ${host}` : `${code} from ${host} (${detail})`
    return `${text} ${host} (${detail === undefined ? code : `${code}; ${detail}`})`
  }
}

const explanations: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens at",
  ECONNRESET: "the connection was reset by",
  EPIPE: "the connection was closed while sending to",
  ENOTFOUND: "no address is known for",
  EAI_AGAIN: "the name server did not answer for",
  ETIMEDOUT: "no connection was made in time to",
  EHOSTUNREACH: "there is no route to",
  ENETUNREACH: "there is no network route to",
  CERT_HAS_EXPIRED: "the TLS certificate has expired of",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the TLS certificate is self-signed (NODE_EXTRA_CA_CERTS can name its authority) at",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the TLS chain has a self-signed certificate (NODE_EXTRA_CA_CERTS can name its authority) at",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the TLS certificate cannot be verified (NODE_EXTRA_CA_CERTS can name its authority) of",
  ERR_TLS_CERT_ALTNAME_INVALID: "the TLS certificate is for another name than",
  EPROTO: "no TLS is spoken by",
  ERR_SSL_WRONG_VERSION_NUMBER: "no TLS is spoken by",
  HPE_INVALID_CONSTANT: "no HTTP is spoken by",
  UPGRADE: "another protocol than HTTP was offered by",
  TOO_LARGE: "the answer is too large from",
  CODING: "the answer has a content coding that cannot be read from"
}
