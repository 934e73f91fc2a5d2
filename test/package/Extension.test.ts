/** An extension that somebody has built on the package, as Lambda runs it: one file that a bundler has made. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { build } from "esbuild"
import { chmodSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { inject } from "vitest"
import { LambdaEmulator } from "../../src/testing/LambdaEmulator.ts"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"

/** The file's name in `/opt/extensions`, under which it registers. */
const NAME = "my-extension"

const HANDLER = `export const handler = async (event) => console.log("a line of the function")`

/** The directory that would be `/opt/extensions`, outside of the project: Lambda has no package.json there. */
const bundled = async (directory: string): Promise<string> => {
  const extensions = `${directory}-extensions`
  const outfile = join(extensions, NAME)
  await build({
    entryPoints: [join(directory, "extension.ts")],
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node20",
    banner: { js: "#!/usr/bin/env node" },
    logLevel: "silent"
  })
  chmodSync(outfile, 0o755)
  return extensions
}

describe.each(inject("consumers"))("an extension with effect $effect", ({ directory }) => {
  it.live("registers, delivers, and does what it adds", () =>
    Effect.gen(function*() {
      const extensionsDirectory = yield* Effect.promise(() => bundled(directory))
      const file = join(directory, "handler.mjs")
      writeFileSync(file, HANDLER)
      const openObserve = Context.get(yield* Layer.build(OpenObserveDouble.layer()), OpenObserveDouble)
      const emulated = yield* Layer.build(LambdaEmulator.layer({
        extensionsDirectory,
        runtime: { _tag: "Handler", file },
        path: `${dirname(process.execPath)}:/usr/bin:/bin`,
        environment: {
          O2_ENDPOINT: openObserve.url,
          O2_ORGANIZATION_ID: "default",
          O2_AUTHORIZATION_HEADER: openObserve.authorization
        }
      }))
      const emulator = Context.get(emulated, LambdaEmulator)
      const { requestId } = yield* emulator.invoke({})
      const { extensions } = yield* emulator.shutdown()
      assert.deepInclude(extensions[0], { name: NAME, exitCode: 0, killed: false })
      const records = yield* openObserve.records("default")
      const has = (member: object) =>
        assert.isDefined(
          records.find((record) => Object.entries(member).every(([name, value]) => record[name] === value)),
          JSON.stringify(records, null, 2)
        )
      assert.isTrue(records.some(({ record }) => String(record).includes("a line of the function")))
      has({ event: "call.ended", status: "success", password: "[REDACTED]", requestid: requestId })
      has({ type: "log", message: "a hook has run", requestid: requestId })
    }).pipe(Effect.scoped))
})
