/** The extension in a local Lambda, before a local OpenObserve. */
import { build } from "esbuild"
import { chmod, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { LambdaEmulator, OpenObserveDouble } from "o2-lambda-extension/testing"
import { expect, test } from "vitest"

/** One file that Lambda can start: what would be in the layer's `extensions` folder. */
const layer = async () => {
  const extensionsDirectory = await mkdtemp(join(tmpdir(), "own-extension-"))
  const outfile = join(extensionsDirectory, "orders-extension")
  await build({
    entryPoints: [join(import.meta.dirname, "orders-extension.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    banner: { js: "#!/usr/bin/env node" },
    // from this repository's sources; elsewhere the package is installed and this is not needed
    alias: { "o2-lambda-extension": fileURLToPath(new URL("../../src/library", import.meta.url)) },
    resolveExtensions: [".ts", ".js"]
  })
  await chmod(outfile, 0o755)
  return {
    extensionsDirectory,
    [Symbol.asyncDispose]: () => rm(extensionsDirectory, { recursive: true, force: true })
  }
}

test("sends the lines without card numbers, and a record about each call", async () => {
  await using built = await layer()
  await using openObserve = await OpenObserveDouble.start()
  await using lambda = await LambdaEmulator.start({
    extensionsDirectory: built.extensionsDirectory,
    runtime: { _tag: "Handler", file: join(import.meta.dirname, "handler.mjs") },
    path: `${dirname(process.execPath)}:/usr/bin:/bin`,
    timeoutMs: 10_000,
    environment: {
      O2_ENDPOINT: openObserve.url,
      O2_ORGANIZATION_ID: "default",
      O2_AUTHORIZATION_HEADER: openObserve.authorization
    }
  })
  const calls = [await lambda.invoke({ card: "4111" }), await lambda.invoke({ card: "4222" })]

  // what a call says of itself is there before the sandbox could freeze
  const audits = await openObserve.records("audit")
  expect(audits.map(({ event, requestid, status }) => [event, requestid, status])).toEqual(
    calls.map(({ requestId }) => ["call.ended", requestId, "success"])
  )
  await lambda.shutdown()
  const records = await openObserve.records("default")
  const lines = records.filter(({ type }) => type === "function").map(({ record }) => String(record).trim())
  expect(lines).toEqual([expect.stringMatching(/paying with \[REDACTED\]$/), expect.stringMatching(/\[REDACTED\]$/)])
  expect(records.filter(({ message }) => message === "prices are fresh")).toHaveLength(2)
  expect(JSON.stringify(records)).not.toMatch(/4111|4222/)
})
