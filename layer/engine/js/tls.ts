/** As much of `node:tls` as the program uses: whom it trusts besides Mozilla's authorities. */
import { EngineBuffer } from "./buffer.ts"

export const rootCertificates: ReadonlyArray<string> = []

/** The engine knows one set of authorities, for all connections. Texts are those of `X509Certificate` in `crypto.ts`. */
export const createSecureContext = ({ ca }: { readonly ca: ReadonlyArray<string | Uint8Array> }): object => {
  for (const file of ca) host.trust(typeof file === "string" ? EngineBuffer.from(file, "latin1") : file)
  return {}
}
