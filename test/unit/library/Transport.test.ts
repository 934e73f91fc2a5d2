import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as Transport from "../../../src/library/Transport.ts"
import { listenHttp, listenTls } from "../../support/peers.ts"
import { assertHidden, BASIC, proxyPeer, USER_INFO } from "../../support/proxyPeer.ts"
import { recording } from "../../support/sinks.ts"
import { certificates } from "../../support/tlsPeers.ts"

const get = (url: string | URL) =>
  Transport.Transport.use((transport) => transport.exchange({ method: "GET", url: new URL(url), headers: {} }))

describe("Transport.layerNode", () => {
  it.live("needs no options", () =>
    Effect.gen(function*() {
      const { url } = yield* listenHttp((_, response) => response.end("ok"))
      const options: Transport.NodeOptions = { proxy: undefined, caCertFiles: undefined, proxyAuthorization: undefined }
      for (const layer of [Transport.layerNode(), Transport.layerNode(options)]) {
        assert.strictEqual((yield* get(url).pipe(Effect.provide(layer))).body, "ok")
      }
    }))

  for (
    const [where, options] of [
      ["its URL", (port: number) => ({ proxy: new URL(`http://${USER_INFO}@127.0.0.1:${port}`) })],
      ["an option of its own", (port: number) => ({
        proxy: new URL(`http://127.0.0.1:${port}`),
        proxyAuthorization: Redacted.make(BASIC)
      })]
    ] as const
  ) {
    it.live(`tells a proxy the user name and password in ${where}, and nobody else`, () =>
      Effect.gen(function*() {
        const { port: to } = yield* listenTls(certificates.named, (_, response) => response.end("ok"))
        const { port, seen } = yield* proxyPeer({ to, authorization: BASIC })
        const transport = Transport.layerNode(options(port))
        const error = yield* Effect.flip(get("https://other.example/").pipe(Effect.provide(transport)))
        // the proxy has let us through: it is the certificate that nobody vouches for
        assert.match(error.code, /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/)
        assert.lengthOf(seen, 1)
        assertHidden(error.message + inspect(error) + inspect(transport, { depth: 9 }))
      }))
  }

  it.live("warns of a file that is of no use, by the name of the option", () =>
    Effect.gen(function*() {
      const { url } = yield* listenTls(certificates.named, (_, response) => response.end("ok"))
      const log = recording()
      url.protocol = "https:"
      yield* Effect.flip(get(url)).pipe(
        Effect.provide(Layer.provideMerge(Transport.layerNode({ caCertFiles: ["/nowhere.pem"] }), log.layer))
      )
      assert.include(log.text(), "caCertFiles")
    }))
})
