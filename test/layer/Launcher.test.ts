/** How the launcher of the nodejs flavour finds and starts the program, under every shell that `sh` may be. */
import { assert, describe, it } from "@effect/vitest"
import { chmodSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { handedOver, launch } from "./support/launch.ts"
import { closedPort } from "./support/rawApi.ts"
import { bashes, others } from "./support/shells.ts"

describe.each([...bashes, ...others])("launcher under $title", (shell) => {
  it("leaves registering to the program where the connection is refused", async () => {
    const address = `127.0.0.1:${await closedPort()}`
    const result = await launch(shell, { environment: { AWS_LAMBDA_RUNTIME_API: address } })
    assert.deepStrictEqual(handedOver(result), { status: undefined, identifier: undefined, answer: undefined })
    assert.deepStrictEqual([result.stdout, result.stderr, result.exitCode], ["", "", 0])
  })

  it("does not register for a command, and hands its arguments on", async () => {
    const args = ["-h", "two words", ""]
    const { engine, requests } = await launch(shell, { args })
    assert.deepStrictEqual(requests, [])
    assert.deepStrictEqual(engine?.arguments.slice(-args.length), args)
  })

  it("clears what is meant for the function, and nothing else", async () => {
    const hostile = {
      NODE_OPTIONS: "--require ./evil.js",
      NODE_DEBUG: "http",
      NODE_DEBUG_NATIVE: "http",
      NODE_V8_COVERAGE: "/tmp/coverage",
      NODE_TLS_REJECT_UNAUTHORIZED: "0"
    }
    const kept = {
      HTTPS_PROXY: "http://proxy:1",
      O2_STREAM: "a  b\n*",
      MY_NODE_OPTIONS: "mine"
    }
    // read by the program under another name: Node.js would complain of it on standard error
    const moved = { NODE_EXTRA_CA_CERTS: "/etc/ca.pem" }
    const { engine, stderr } = await launch(shell, { environment: { ...hostile, ...kept, ...moved } })
    assert.strictEqual(engine?.environment["_O2LAMBDA_EXTRA_CA_CERTS"], moved.NODE_EXTRA_CA_CERTS)
    for (const name of Object.keys({ ...hostile, ...moved })) assert.notProperty(engine?.environment, name)
    for (const [name, value] of Object.entries(kept)) assert.strictEqual(engine?.environment[name], value)
    assert.strictEqual(engine?.environment["LD_LIBRARY_PATH"], "/var/lang/lib:/lib64:/usr/lib64")
    assert.strictEqual(stderr, "")
  })

  it("cannot be told that it has registered", async () => {
    const result = await launch(shell, { args: ["-h"], environment: { _O2LAMBDA_STATUS: "200" } })
    assert.isUndefined(handedOver(result).status)
  })

  it("registers under its own file name, from a path with spaces, read-only and without HOME", async () => {
    const { engine, exitCode } = await launch(shell, {
      layout: { directory: "an opt 'with' $spaces", name: "another name" },
      prepare: ({ launcher, root }) => {
        for (const directory of [dirname(launcher), join(root, "o2-lambda-extension"), root]) {
          chmodSync(directory, 0o555)
        }
      }
    })
    assert.strictEqual(exitCode, 0)
    assert.strictEqual(engine?.environment["_O2LAMBDA_EXTENSION_NAME"], "another name")
    assert.match(
      engine?.arguments.at(-1) ?? "",
      /an opt 'with' \$spaces\/extensions\/\.\.\/o2-lambda-extension\/main\.cjs$/
    )
  })

  it("finds the program when it is called without a directory", async () => {
    const { engine } = await launch(shell, {
      prepare: ({ launcher }) => ({ script: "o2-lambda-extension", cwd: dirname(launcher) })
    })
    assert.strictEqual(engine?.arguments.at(-1), "../o2-lambda-extension/main.cjs")
  })

  it("says so where there is no program beside it", async () => {
    const { engine, exitCode, stderr, stdout } = await launch(shell, {
      prepare: ({ root }) => rmSync(join(root, "o2-lambda-extension", "main.cjs"))
    })
    assert.deepStrictEqual([engine, exitCode, stderr], [undefined, 1, ""])
    assert.strictEqual(stdout.split("\n").length, 2)
    const { level, message } = JSON.parse(stdout) as { readonly level: string; readonly message: string }
    assert.deepStrictEqual([level, message], ["fatal", "the layer is incomplete: o2-lambda-extension/ has no program"])
  })
})
