/**
 * What to do about failures that are no matter of the way to a host. Not loaded with the first of them: the outage that
 * begins with it would begin later, and without descriptors there is nothing to load.
 */

const SCHEME = "check O2_ENDPOINT: its scheme and its port"

/** The first that fits the code of a `TransportError`. */
const remedies: ReadonlyArray<readonly [code: RegExp, remedy: string]> = [
  [/^CERT_HAS_EXPIRED/, "renew the server's certificate"],
  [/^CERT_NOT_YET_VALID/, "check from when on the server's certificate is valid"],
  [/^DEPTH_ZERO/, "name a file with this certificate in O2_CA_CERT_FILE"],
  [
    /^(SELF_SIGNED|UNABLE_TO)_/,
    "name a file with its authority's certificate in O2_CA_CERT_FILE if that is a private one, else let the server send its intermediate certificates"
  ],
  [/^ERR_TLS_CERT_ALTNAME/, "check the host in O2_ENDPOINT, and the names in the server's certificate"],
  [/^(CERT_|INVALID_|PATH_LENGTH)/, "check the server's certificate"],
  [/^(TLS_ALERT_70|ERR_SSL_UNSUPPORTED_PROTOCOL)$/, "let the server speak TLS 1.2 or 1.3"],
  [/^TLS_ALERT_(4[1-6]|116)$/, "let the server do without: O2_AUTHORIZATION_HEADER says who we are"],
  [/^TLS_ALERT_(40|71)$/, "let the server take a usual cipher of TLS 1.2 or 1.3, and no client certificate"],
  [/^TLS_ALERT_112$/, "check the host in O2_ENDPOINT"],
  [/^TLS_ALERT_/, "look into the server's log for the reason"],
  [/^ERR_SSL_WRONG_VERSION/, SCHEME],
  [/^(EPROTO|ERR_SSL_)/, "check the TLS of the server, or of a proxy before it"],
  [/^(HPE_|UPGRADE|TOO_LARGE)/, SCHEME],
  [/^CODING/, "switch the coding off at the server, or at a proxy before it"]
]

/** Advice to the operator; `undefined` where the way to the host is to be looked at. */
export const remedyFor = (code: string, proxy?: string): string | undefined => {
  if (/^E[MN]FILE$/.test(code)) return "let the function close what it has opened"
  return proxy === undefined ? remedies.find(([pattern]) => pattern.test(code))?.[1] : remedyForProxy(code, proxy)
}

/** The same where a proxy has failed, which this variable names. */
const remedyForProxy = (code: string, variable: string): string => {
  if (code === "PROXY_407") return `put them into ${variable}, percent-encoded, as in http://user:password@host:port`
  if (/^PROXY_50[234]/.test(code)) return "check O2_ENDPOINT, and that the proxy can reach its host"
  if (code.startsWith("PROXY_")) return "let the proxy pass the host and the port in O2_ENDPOINT"
  return `check host and port in ${variable}, or set O2_PROXY to none if the proxy is not needed`
}
