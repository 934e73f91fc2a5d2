/** The code of a system's error, also of one that stands for several (`AggregateError`). */
import type { Socket } from "node:net"

type SystemError = NonNullable<Socket["errored"]> & {
  readonly code?: string
  readonly errors?: ReadonlyArray<SystemError>
}

/** Said by our own side of an address whose kind it cannot reach (most Lambda functions have no IPv6): tells the least. */
const UNREACHABLE = new Set(["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"])

/** The code, or the message of an error that has none; of several errors, the first one that came from a peer. */
export const errorCode = (error: SystemError): string => {
  const codes = (error.errors ?? []).map(errorCode)
  return codes.find((code) => !UNREACHABLE.has(code)) ?? codes[0] ?? tlsCode(error) ?? error.code ?? error.message
}

/**
 * What OpenSSL has to say of TLS that fails. Its names of alerts change from version to version, their numbers (RFC 8446,
 * 6) do not; and where the failure is seen while something is written, Node.js has `EPROTO` for a code.
 */
const tlsCode = ({ message }: SystemError): string | undefined => {
  const [, reason, alert] = /:SSL routines:[^:]*:([^:]+):(?:.*SSL alert number (\d+))?/.exec(message) ?? []
  if (alert !== undefined) return `TLS_ALERT_${alert}`
  return reason && `ERR_SSL_${reason.toUpperCase().replace(/\W/g, "_")}`
}
