/** What `npm install o2-lambda-extension effect` brings, and what importing it does. */
import { assert, describe, it } from "@effect/vitest"
import { cpSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { inject } from "vitest"
import { INSTALLED_PACKAGES, MAX_PACKAGE_BYTES } from "./support/budgets.ts"
import { manifest, root, specifiers } from "./support/manifest.ts"
import { bytesIn, installed } from "./support/projects.ts"
import { run } from "./support/run.ts"

/** What the probe found; equal states are states that the import left alone. */
interface Probed {
  readonly did: ReadonlyArray<string>
  readonly before: Readonly<Record<string, unknown>>
  readonly after: Readonly<Record<string, unknown>>
  readonly exports: ReadonlyArray<string>
}

describe.each(inject("consumers"))("installed with effect $effect", ({ directory }) => {
  it("is small", () => {
    assert.deepStrictEqual(installed(directory), INSTALLED_PACKAGES)
    assert.isBelow(bytesIn(join(directory, "node_modules", manifest.name)), MAX_PACKAGE_BYTES)
  })

  it.each(specifiers)("does nothing when a program imports %s", async (specifier) => {
    cpSync(join(root, "test/package/support/importProbe.mjs"), join(directory, "importProbe.mjs"))
    const probed = JSON.parse(
      await run(process.execPath, ["importProbe.mjs", specifier], { cwd: directory })
    ) as Probed
    assert.isNotEmpty(probed.exports)
    assert.deepStrictEqual(probed.did, [])
    assert.deepStrictEqual(probed.after, probed.before)
  })
})

it("has every namespace of the whole as a subpath", async () => {
  const [{ directory } = { directory: "" }] = inject("consumers")
  const probe = `import("${manifest.name}").then((module) => console.log(Object.keys(module).join()))`
  const names = (await run(process.execPath, ["--eval", probe], { cwd: directory })).trim().split(",")
  const subpaths = Object.keys(manifest.exports).map((subpath) => subpath.replace("./", ""))
  assert.sameMembers(names, subpaths.filter((subpath) => /^[A-Z]/.test(subpath)))
})

it("README says on which Node.js it runs", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8")
  assert.include(
    readme,
    `Node.js ${manifest.engines.node.replaceAll(/\^|>=/g, "").replace(" || ", " or newer 20, or ")}`
  )
})
