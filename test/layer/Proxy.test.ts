/** A tunnel through a proxy on every Node.js that functions have: how TLS is put on a socket is the engine's own affair. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { listenTls } from "../support/peers.ts"
import { authorityFile, NAME, proxyPeer } from "../support/proxyPeer.ts"
import { certificates } from "../support/tlsPeers.ts"
import { nodeBinary, pathWith, versions } from "./support/node.ts"
import { unpacked } from "./support/zips.ts"

/** What a health check says. */
const healthCheck = (opt: string, env: Record<string, string>) =>
  Effect.callback<string>((resume) => {
    const launcher = join(opt, "extensions", "o2-lambda-extension")
    execFile(launcher, ["-h"], { env }, (_, stdout, stderr) => resume(Effect.succeed(stdout + stderr)))
  })

describe("through a proxy", () => {
  let layer: ReturnType<typeof unpacked>
  let authority: string
  beforeAll(() => {
    layer = unpacked("nodejs")
    authority = authorityFile(layer.opt)
  })
  afterAll(() => layer.remove())

  for (const version of versions) {
    it.live(`Node.js ${version} reaches the server`, () =>
      Effect.gen(function*() {
        const node = pathWith({ link: yield* Effect.promise(() => nodeBinary(version)) })
        yield* Effect.addFinalizer(() => Effect.sync(() => node.remove()))
        const { port: to } = yield* listenTls(certificates.named, (request, response) => {
          request.resume()
          request.on("end", () => response.end(`{"code":200,"status":[]}`))
        })
        const { port, seen } = yield* proxyPeer({ to })
        const said = yield* healthCheck(layer.opt, {
          PATH: `${node.path}:/usr/bin:/bin`,
          O2_ENDPOINT: `https://${NAME}`,
          O2_ORGANIZATION_ID: "default",
          O2_AUTHORIZATION_HEADER: "Basic YTpi",
          O2_CA_CERT_FILE: authority,
          HTTPS_PROXY: `http://127.0.0.1:${port}`
        })
        assert.include(said, `ok    connection: ${NAME} answers`)
        assert.deepStrictEqual(seen, [`CONNECT ${NAME}:443`])
      }))
  }
})
