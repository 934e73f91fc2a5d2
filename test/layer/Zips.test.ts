/** The zips as files: what Lambda unpacks, how large, from what, and always the same. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { compile } from "../../build/engine.ts"
import { zip } from "../../build/zip.ts"
import { inspect } from "./support/elf.ts"
import { fileOf, list, standalone, unpacked, zipOf } from "./support/zips.ts"
import type { Flavour } from "./support/zips.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

const limits: Readonly<Record<Flavour, number>> = { nodejs: 307_200, x86_64: 52_428_800, arm64: 52_428_800 }
const flavours: ReadonlyArray<Flavour> = ["nodejs", "x86_64", "arm64"]
const machineOf = { x86_64: "x86_64", arm64: "aarch64" } as const

describe.each(flavours)("zip of %s", (flavour) => {
  it("is within its limit", () => {
    assert.isAtMost(statSync(zipOf(flavour)).size, limits[flavour])
  })

  it("has nothing in extensions/ but the launcher, and the program beside it", () => {
    const entries = list(zipOf(flavour))
    const outside = entries.filter(({ path }) => !path.startsWith("o2-lambda-extension/"))
    assert.deepStrictEqual(outside.map(({ path }) => path), ["extensions/o2-lambda-extension"])
    const isExecutable = (path: string) => path === "extensions/o2-lambda-extension" || path.includes("/engine-")
    for (const { date, mode, path } of entries) {
      assert.strictEqual(mode, isExecutable(path) ? "-rwxr-xr-x" : "-rw-r--r--", path)
      assert.strictEqual(date, "19800101.000000", path)
    }
    const engines = entries.filter(({ path }) => path.includes("/engine-")).map(({ path }) => path)
    assert.deepStrictEqual(
      engines,
      flavour === "nodejs" ? [] : [`o2-lambda-extension/engine-${machineOf[flavour]}`]
    )
    assert.strictEqual(entries.some(({ path }) => path.endsWith("/main.cjs")), flavour === "nodejs")
  })

  it("has the licences of everything in it", () => {
    const licences = list(zipOf(flavour)).map(({ path }) => /LICENSES\/(.*)\.txt$/.exec(path)?.[1])
    const expected = ["o2-lambda-extension", "effect", "@effect-platform-node", "fastest-levenshtein"]
    if (flavour !== "nodejs") expected.push("bun", "LGPL-2.0", "LGPL-2.1")
    for (const name of expected) assert.include(licences, name)
  })
})

describe.each(["x86_64", "arm64"] as const)("engine of %s", (flavour) => {
  let layer: ReturnType<typeof unpacked>
  beforeAll(() => {
    layer = unpacked(flavour)
  })
  afterAll(() => layer.remove())

  it("is for that machine, and runs on glibc 2.17 and newer", () => {
    const machine = machineOf[flavour]
    const engine = inspect(fileOf(layer.opt, `o2-lambda-extension/engine-${machine}`))
    assert.strictEqual(engine.machine, machine)
    const versions = engine.versions.map((version) => /^GLIBC_(\d+)\.(\d+)/.exec(version))
    assert.isAbove(versions.length, 0)
    for (const version of versions) {
      assert.isNotNull(version, engine.versions.join())
      assert.isTrue(Number(version![1]) === 2 && Number(version![2]) <= 17, version![0])
    }
  })
})

describe("build", () => {
  it("makes the same bytes again", () => {
    const output = mkdtempSync(join(tmpdir(), "o2-again-"))
    try {
      execFileSync(process.execPath, [join(root, "build", "layer.ts"), output], { stdio: "pipe" })
      for (const flavour of flavours) {
        const again = readFileSync(join(output, `o2-lambda-extension-${flavour}.zip`))
        assert.isTrue(again.equals(readFileSync(zipOf(flavour))), `${flavour} differs`)
      }
    } finally {
      rmSync(output, { recursive: true, force: true })
    }
  })

  it("makes the same engine wherever the project lies", async () => {
    const layer = unpacked(standalone)
    const elsewhere = mkdtempSync(join(tmpdir(), "o2-elsewhere-"))
    try {
      const machine = standalone === "arm64" ? "aarch64" : "x86_64"
      cpSync(join(root, "dist", "program"), elsewhere, { recursive: true })
      const engine = Buffer.from(await compile(machine, elsewhere))
      assert.isTrue(engine.equals(fileOf(layer.opt, `o2-lambda-extension/engine-${machine}`)))
    } finally {
      layer.remove()
      rmSync(elsewhere, { recursive: true, force: true })
    }
  })

  it("does not depend on the order of the files", () => {
    const file = (path: string) => ({
      path,
      isExecutable: false,
      bytes: new Uint8Array(),
      deflated: Uint8Array.of(3, 0)
    })
    const names = ["b", "a/c", "a", "é"].map(file)
    assert.deepStrictEqual(zip(names), zip(names.toReversed()))
  })
})
