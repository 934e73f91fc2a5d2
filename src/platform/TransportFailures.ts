/** What failures of exchanges are called. `Remedies.ts` says what to do about them, and is loaded when there is one. */

/** The first that fits. Codes of the system, of Node.js and OpenSSL, and `TLS_ALERT_…` with the alert's number. */
const failures: ReadonlyArray<readonly [code: RegExp, text: string]> = [
  [/^ECONNREFUSED/, "nothing listens at"],
  [/^ECONNRESET/, "the connection was reset by"],
  [/^EPIPE/, "the connection was closed while sending to"],
  [/^ENOTFOUND/, "no address is known for"],
  [/^EAI_AGAIN/, "the name server did not answer for"],
  [/^ETIMEDOUT/, "no connection was made in time to"],
  [/^EHOSTUNREACH/, "there is no route to"],
  [/^ENETUNREACH/, "there is no network route to"],
  [/^E[MN]FILE/, "no file descriptor is left for a connection to"],
  [/^CERT_HAS_EXPIRED/, "the TLS certificate has expired of"],
  [/^CERT_NOT_YET_VALID/, "the TLS certificate is not valid yet of"],
  [/^DEPTH_ZERO/, "the TLS certificate is self-signed of"],
  [/^(SELF_SIGNED|UNABLE_TO)_/, "no known authority vouches for the TLS certificate of"],
  [/^ERR_TLS_CERT_ALTNAME/, "the TLS certificate is for another name than"],
  [/^(CERT_|INVALID_|PATH_LENGTH)/, "the TLS certificate is not acceptable of"],
  [/^(TLS_ALERT_70|ERR_SSL_UNSUPPORTED_PROTOCOL)$/, "neither TLS 1.2 nor 1.3 is spoken by"],
  [/^TLS_ALERT_(4[1-6]|116)$/, "a client certificate, of which we have none, is wanted by"],
  [/^TLS_ALERT_(40|71)$/, "for want of a common cipher or of a client certificate TLS was refused by"],
  [/^TLS_ALERT_112$/, "no server of this name is known to"],
  [/^TLS_ALERT_/, "TLS was refused by"],
  [/^ERR_SSL_WRONG_VERSION/, "no TLS is spoken by"],
  [/^(EPROTO|ERR_SSL_)/, "TLS failed with"],
  [/^HPE_HEADER_OVERFLOW/, "the answer has too long a header from"],
  [/^HPE_INVALID_(CONSTANT|VERSION)/, "no HTTP is spoken by"],
  [/^HPE_/, "the answer breaks the rules of HTTP from"],
  [/^UPGRADE/, "another protocol than HTTP was offered by"],
  [/^TOO_LARGE/, "the answer is too large from"],
  [/^CODING/, "the answer has a content coding that cannot be read from"]
]

/** Words that the host follows; `undefined` for a code that says more by itself. */
export const failureOf = (code: string): string | undefined => failures.find(([pattern]) => pattern.test(code))?.[1]
