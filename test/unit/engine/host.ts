/** What the engine's stand-ins call of it, done by Node.js: they are compared with what they stand for. */
import * as NodeBuffer from "node:buffer"
import { domainToASCII } from "node:url"

/** From now on, for this test file. */
export const install = (): void => {
  const part = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  Object.assign(globalThis, {
    host: {
      asciiName: domainToASCII,
      compare: (a: Uint8Array, b: Uint8Array) => Buffer.compare(part(a), part(b)),
      fromLatin1: (bytes: Uint8Array) => part(bytes).toString("latin1"),
      fromUtf8: (bytes: Uint8Array) => part(bytes).toString("utf8"),
      indexOf: (bytes: Uint8Array, piece: Uint8Array, from: number) => part(bytes).indexOf(part(piece), from),
      isUtf8: NodeBuffer.isUtf8,
      toUtf8: (text: string) => new Uint8Array(Buffer.from(text)).buffer,
      utf8Length: (text: string) => Buffer.byteLength(text)
    }
  })
}
