/** Calls whose records leave through a proxy that nothing else leads by. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assertHidden, authorityFile, BASIC, NAME, proxyPeer, USER_INFO } from "../support/proxyPeer.ts"
import { certificates } from "../support/tlsPeers.ts"
import { eventually, ledgerOf, sidesOf, unpackedLayer, withSandbox } from "./sandbox.ts"

describe("traffic through a proxy", () => {
  it.live("connections are kept, and what a dead proxy could not pass on arrives when it is back", () =>
    Effect.gen(function*() {
      const opt = yield* unpackedLayer
      // the double's port is known when it listens, the proxy's before
      const target = { port: 0 }
      const proxy = yield* proxyPeer({
        get to() {
          return target.port
        },
        authorization: BASIC
      })
      const options = {
        environment: {
          O2_CA_CERT_FILE: authorityFile(opt),
          O2_ENDPOINT: `https://${NAME}`,
          O2_INITIAL_RETRY_DELAY_MS: "50",
          HTTPS_PROXY: `http://${USER_INFO}@127.0.0.1:${proxy.port}`
        },
        openObserve: { tls: certificates.named }
      }
      yield* withSandbox(
        options,
        ({ allOutput, emulator, functionLines, invoke, openObserve, ownLines }) =>
          Effect.gen(function*() {
            target.port = Number(new URL(openObserve.url).port)
            for (const line of ["one", "two", "three", "four"]) yield* invoke({ lines: [line] })
            yield* eventually(functionLines, (lines) => lines.length === 4)
            // one for each request at a time
            assert.isAtMost(proxy.seen.length, 2)
            yield* proxy.die
            yield* invoke({ lines: ["five"] })
            yield* eventually(allOutput, (output) => output.includes(`the proxy 127.0.0.1:${proxy.port}`))
            yield* proxy.revive
            yield* invoke({ lines: ["six"] })
            yield* emulator.shutdown()
            assert.deepStrictEqual([...yield* functionLines].sort(), [
              "five\n",
              "four\n",
              "one\n",
              "six\n",
              "three\n",
              "two\n"
            ])
            const ledger = ledgerOf(yield* ownLines)
            assert.strictEqual(ledger["delivered"], ledger["received"])
            const { came, went } = sidesOf(ledger)
            assert.strictEqual(came, went)
            const output = yield* allOutput
            assertHidden(output)
          })
      )
    }))

  it.live("that does not let us pass: the function runs, and one warning says why and what to do", () =>
    Effect.gen(function*() {
      const proxy = yield* proxyPeer({ to: 1, authorization: "another" })
      const environment = {
        O2_ENDPOINT: `https://${NAME}`,
        O2_INITIAL_RETRY_DELAY_MS: "50",
        O2_MAX_RETRIES: "1",
        HTTPS_PROXY: `http://${USER_INFO}@127.0.0.1:${proxy.port}`
      }
      yield* withSandbox({ environment }, ({ allOutput, emulator, invoke, ownLines }) =>
        Effect.gen(function*() {
          for (const line of ["one", "two"]) assert.strictEqual((yield* invoke({ lines: [line] })).status, "success")
          yield* emulator.shutdown()
          const output = yield* allOutput
          const warnings = (yield* ownLines).filter(({ level }) => level === "warn").map((line) => JSON.stringify(line))
          const said = warnings.filter((line) => line.includes("PROXY_407"))
          assert.strictEqual(said.length, 1, output)
          assert.include(
            said[0],
            `a user name and a password are wanted by the proxy 127.0.0.1:${proxy.port} (PROXY_407)`
          )
          assert.include(said[0], "put them into HTTPS_PROXY")
          const { came, went } = sidesOf(ledgerOf(yield* ownLines))
          assert.strictEqual(came, went)
          assertHidden(output)
        }))
    }))
})
