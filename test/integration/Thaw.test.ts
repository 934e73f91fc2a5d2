/** Connections that nobody used end while the sandbox is frozen, as those of every server and load balancer do. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { certificates } from "../support/tlsPeers.ts"
import { complaints, ended } from "./books.ts"
import { unpackedLayer, withSandbox } from "./sandbox.ts"

describe("kept connections that end in a freeze", () => {
  for (const kind of ["plain HTTP", "TLS"]) {
    it.live(`cost nothing: ${kind}`, () =>
      Effect.gen(function*() {
        const authority = join(yield* unpackedLayer, "authority.pem")
        writeFileSync(authority, certificates.authority)
        const isSecure = kind === "TLS"
        yield* withSandbox(
          {
            environment: isSecure ? { O2_CA_CERT_FILE: authority } : {},
            openObserve: isSecure ? { tls: certificates.server } : {}
          },
          (sandbox) =>
            Effect.gen(function*() {
              const { functionLines, invoke, openObserve, ownLines } = sandbox
              for (const line of ["one", "two", "three"]) {
                yield* invoke({ lines: [line] })
                yield* openObserve.setFault(Fault.RefuseConnections())
                yield* Effect.sleep(100)
                yield* openObserve.setFault(undefined)
              }
              const ledger = yield* ended(sandbox)
              assert.deepStrictEqual(yield* functionLines, ["one\n", "two\n", "three\n"])
              assert.deepInclude(ledger, { delivered: ledger["received"], possiblyDuplicated: 0, dropped: {} })
              assert.deepStrictEqual(complaints(yield* ownLines), [])
            })
        )
      }))
  }
})
