/** TLS as each engine of ours does it: whom it trusts, and that the customer's switches for the function do not count. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"
import { workingSettings } from "../integration/sandbox.ts"
import { pathWith } from "./support/node.ts"
import { standalone, unpacked } from "./support/zips.ts"

const tls = JSON.parse(readFileSync(new URL("../support/fixtures/openobserve/tls.json", import.meta.url), "utf8")) as {
  readonly key: string
  readonly cert: string
}

describe.each([standalone, "nodejs"] as const)("health check of layer %s over TLS", (flavour) => {
  let layer: ReturnType<typeof unpacked>
  let node: ReturnType<typeof pathWith>
  let authority: string
  beforeAll(() => {
    layer = unpacked(flavour)
    node = pathWith({ link: process.execPath })
    authority = join(layer.opt, "authority.pem")
    writeFileSync(authority, tls.cert)
  })
  afterAll(() => {
    node.remove()
    layer.remove()
  })

  const healthCheck = (environment: Record<string, string>) =>
    Effect.gen(function*() {
      const settings = workingSettings(yield* OpenObserveDouble)
      return yield* Effect.callback<{ readonly exitCode: number | string | undefined; readonly said: string }>(
        (resume) => {
          execFile(
            join(layer.opt, "extensions", "o2-lambda-extension"),
            ["-h"],
            { env: { PATH: node.path, ...settings, ...environment } },
            (error, stdout, stderr) =>
              resume(Effect.succeed({ exitCode: error === null ? 0 : error.code ?? undefined, said: stdout + stderr }))
          )
        }
      )
    }).pipe(Effect.provide(OpenObserveDouble.layer({ tls })))

  it.live("trusts the authority that NODE_EXTRA_CA_CERTS names", () =>
    Effect.gen(function*() {
      const { exitCode, said } = yield* healthCheck({ NODE_EXTRA_CA_CERTS: authority })
      assert.strictEqual(exitCode, 0, said)
    }))

  it.live("trusts nobody else, whatever the function does about it", () =>
    Effect.gen(function*() {
      const { exitCode, said } = yield* healthCheck({
        NODE_TLS_REJECT_UNAUTHORIZED: "0",
        NODE_OPTIONS: "--use-openssl-ca"
      })
      assert.strictEqual(exitCode, 1, said)
      assert.match(said, /certificate/)
    }))
})
