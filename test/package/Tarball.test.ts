/** What `npm publish` would upload. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import { afterAll, beforeAll, inject } from "vitest"
import { type Manifest, manifest, root } from "./support/manifest.ts"
import { run } from "./support/run.ts"

const tarball = inject("tarball")

describe("the tarball", () => {
  let directory: string
  let published: Manifest
  let files: ReadonlyArray<string>
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "o2-tarball-"))
    files = execFileSync("tar", ["-xzvf", tarball, "-C", directory], { encoding: "utf8" }).trim().split("\n")
    published = JSON.parse(readFileSync(join(directory, "package", "package.json"), "utf8")) as Manifest
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it("has no fault that publint knows", async () => {
    const { buffer } = new Uint8Array(readFileSync(tarball))
    const { messages } = await publint({ pack: { tarball: buffer }, strict: true })
    assert.deepStrictEqual(messages.map((message) => formatMessage(message, published as never)), [])
  })

  it("has types wherever it is resolved as ES modules", () =>
    run(join(root, "node_modules", ".bin", "attw"), [tarball, "--profile", "esm-only", "--no-emoji", "--no-color"], {
      cwd: directory
    }))

  it("says nothing that only developers need", () =>
    assert.deepStrictEqual(
      ["scripts", "devDependencies", "optionalDependencies", "overrides"].filter((field) => field in published),
      []
    ))

  it("has no dependency but the one that no bundle is needed for", () => {
    assert.deepStrictEqual(Object.keys(published.dependencies), ["fastest-levenshtein"])
    assert.deepStrictEqual(Object.keys(published.peerDependencies), ["effect"])
  })

  it("has bundlers leave out what is not used", () => assert.isFalse(published.sideEffects))

  it("is developed with the oldest effect that it admits", () =>
    assert.strictEqual(published.peerDependencies["effect"], `^${manifest.devDependencies["effect"]}`))

  it("has what package.json names", () => {
    const named = [
      ...Object.values(published.bin),
      ...Object.values(published.exports).flatMap((target) =>
        typeof target === "string" ? [target] : Object.values(target)
      )
    ]
    assert.deepStrictEqual(named.filter((path) => !existsSync(join(directory, "package", path))), [])
  })

  it("declares nothing that is marked as internal", () => {
    const declarations = files.filter((file) => file.endsWith(".d.ts"))
    assert.isNotEmpty(declarations)
    assert.deepStrictEqual(
      declarations.filter((file) => readFileSync(join(directory, file), "utf8").includes("@internal")),
      []
    )
  })

  it("has no program, test or source beside the bundle and the library", () => {
    const rooms = new Set(
      files.filter((file) => !file.endsWith("/")).map((file) => file.split("/").slice(1, 3).join("/"))
    )
    const expected = (room: string) => /^(dist\/(lib|layer)|docs\/.*|[A-Z]+(\.md)?|package\.json)$/.test(room)
    assert.deepStrictEqual([...rooms].filter((room) => !expected(room)), [])
    assert.deepStrictEqual(files.filter((file) => /dist\/lib\/(main|commands)\b/.test(file)), [])
  })
})
