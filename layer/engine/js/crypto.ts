/** As much of `node:crypto` as the program uses. */
import { codedError } from "./host.ts"

/** The first certificate in a PEM text, or one by itself. */
export class X509Certificate {
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    if (!host.hasCertificate(bytes)) throw codedError("ERR_NO_CERTIFICATE")
    this.bytes = bytes
  }

  /** For `createSecureContext` in `tls.ts`, which knows one byte from the other in it. */
  toString(): string {
    return host.fromLatin1(this.bytes)
  }
}
