/** Servers whose TLS is wrong in one way each, or not; all end with the test. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"
import type * as Http from "node:http"
import type * as Net from "node:net"
import type * as Tls from "node:tls"
import { listenHttp, listenRaw, listenTls } from "./peers.ts"

interface Identity {
  readonly key: string
  readonly cert: string
}

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"))

/** Private authorities and what they have signed. */
export const certificates = read("fixtures/tls.json") as
  & Readonly<Record<"server" | "expired" | "future" | "named" | "below", Identity>>
  & Readonly<Record<"authority" | "other" | "intermediate", string>>

const selfSigned = read("fixtures/openobserve/tls.json") as Identity

/** Answers as OpenObserve does to an empty batch. */
const accept: Http.RequestListener = (request, response) => {
  request.resume()
  request.on("end", () => response.end(`{"code":200,"status":[{"name":"default","successful":0,"failed":0}]}`))
}

const tls = (options: Tls.TlsOptions) => listenTls(options, accept)

/** A TLS record of two bytes: an alert that is fatal. */
const alert = (description: number): Buffer => Buffer.of(0x15, 3, 3, 0, 2, 2, description)

/** Waits for the client's hello and does something else than TLS. */
const afterHello = (answer: (socket: Net.Socket) => void) =>
  listenRaw((socket) => void socket.once("data", () => answer(socket)))

const { below, expired, future, intermediate, named, server } = certificates

/** How a server's TLS may be, each with the server. */
export const peers = {
  good: tls(server),
  isBelowAnIntermediate: tls({ ...below, cert: below.cert + intermediate }),
  isSelfSigned: tls(selfSigned),
  showsItsAuthority: tls({ ...server, cert: server.cert + certificates.authority }),
  lacksItsIntermediate: tls(below),
  hasExpired: tls(expired),
  isNotValidYet: tls(future),
  isForAnotherName: tls(named),
  knowsTls11AtMost: tls({
    ...server,
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0"
  }),
  wantsACertificateInTls12: tls({ ...server, requestCert: true, maxVersion: "TLSv1.2" }),
  wantsACertificateInTls13: tls({ ...server, requestCert: true, minVersion: "TLSv1.3" }),
  hasNoCommonCipher: tls({ ...server, maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0" }),
  wantsACertificateInGo: afterHello((socket) => socket.end(alert(42))),
  knowsNoSuchName: afterHello((socket) => socket.end(alert(112))),
  hasTroubleOfItsOwn: afterHello((socket) => socket.end(alert(80))),
  isPlainHttp: listenHttp(accept),
  isSomethingElse: afterHello((socket) => socket.end("SSH-2.0-OpenSSH_9.2p1\r\n")),
  endsInTheHandshake: afterHello((socket) => socket.end()),
  isCutInTheHandshake: afterHello((socket) => socket.resetAndDestroy()),
  isSilentInTheHandshake: listenRaw(() => {})
} satisfies Readonly<Record<string, Effect.Effect<{ readonly port: number }, never, Scope.Scope>>>

/** One of these ways. */
export type Peer = keyof typeof peers
