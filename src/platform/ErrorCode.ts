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
  return codes.find((code) => !UNREACHABLE.has(code)) ?? codes[0] ?? error.code ?? error.message
}
