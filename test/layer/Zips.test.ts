/** The zips, and the `.tar.gz` beside them, as files: what they unpack to, how large, from what, and always the same. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { tarball, zip } from "../../build/archive.ts"
import { inspect } from "./support/elf.ts"
import { fileOf, list, standalone, tarballOf, unpacked, zipOf } from "./support/zips.ts"
import type { Flavour } from "./support/zips.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

const limits: Readonly<Record<Flavour, number>> = { nodejs: 153_600, x86_64: 3_145_728, arm64: 3_145_728 }
const flavours: ReadonlyArray<Flavour> = ["nodejs", "x86_64", "arm64"]

const EXTENSION = "extensions/o2-lambda-extension"

describe.each(flavours)("zip of %s", (flavour) => {
  it("is within its limit", () => {
    assert.isAtMost(statSync(zipOf(flavour)).size, limits[flavour])
  })

  it("has nothing in extensions/ but one executable, and what else there is beside it", () => {
    const entries = list(zipOf(flavour))
    const outside = entries.filter(({ path }) => !path.startsWith("o2-lambda-extension/"))
    assert.deepStrictEqual(outside.map(({ path }) => path), [EXTENSION])
    for (const { date, mode, path } of entries) {
      assert.strictEqual(mode, path === EXTENSION ? "-rwxr-xr-x" : "-rw-r--r--", path)
      assert.strictEqual(date, "19800101.000000", path)
    }
    const program = entries.filter(({ path }) => path !== EXTENSION && !path.includes("/LICENSES/"))
    assert.strictEqual(program.some(({ path }) => path.endsWith("/main.cjs")), flavour === "nodejs")
    if (flavour !== "nodejs") assert.deepStrictEqual(program, [])
  })

  it("has the licences of everything in it", () => {
    const licences = list(zipOf(flavour)).map(({ path }) => /LICENSES\/(.*)\.txt$/.exec(path)?.[1])
    const expected = ["o2-lambda-extension", "effect", "@effect-platform-node", "fastest-levenshtein"]
    if (flavour !== "nodejs") expected.push("THIRD-PARTY", "LGPL-2.1")
    for (const name of expected) assert.include(licences, name)
  })

  it("is the same as its .tar.gz, which is root's and has directories that all may read", () => {
    const directory = mkdtempSync(join(tmpdir(), "o2-tar-"))
    const layer = unpacked(flavour)
    try {
      const listed = execFileSync("tar", ["--utc", "-tvzf", tarballOf(flavour)], { encoding: "utf8" }).trim().split(
        "\n"
      )
      for (const line of listed) {
        assert.match(line, /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) root\/root +\d+ 1980-01-01 00:00 /)
        assert.strictEqual(line.startsWith("-rwx"), line.endsWith(EXTENSION), line)
      }
      execFileSync("tar", ["-xzf", tarballOf(flavour), "-C", directory])
      // the launcher apart: an image's `sh` may refuse an option that Lambda's needs
      if (flavour === "nodejs") {
        const text = fileOf(layer.opt, EXTENSION).toString("utf8")
        assert.match(text, /^#!\/bin\/sh -p\n/)
        const forImages = text.replace(" -p", "")
        assert.strictEqual(fileOf(directory, EXTENSION).toString("utf8"), forImages)
        writeFileSync(join(layer.opt, EXTENSION), forImages)
      }
      execFileSync("diff", ["-r", directory, layer.opt])
    } finally {
      layer.remove()
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

describe.each(["x86_64", "arm64"] as const)("executable of %s", (flavour) => {
  it("is for that machine, and needs nothing of the system's, nor an address", () => {
    const layer = unpacked(flavour)
    const executable = inspect(fileOf(layer.opt, EXTENSION))
    layer.remove()
    assert.deepStrictEqual(executable, {
      machine: flavour,
      isPositionIndependent: true,
      hasInterpreter: false,
      libraries: 0,
      hasExecutableStack: false
    })
  })

  it("names no path of the machine that has built it", () => {
    const layer = unpacked(flavour)
    const executable = fileOf(layer.opt, EXTENSION)
    layer.remove()
    const sources = join(process.env["CARGO_HOME"] ?? join(homedir(), ".cargo"), "registry", "src")
    for (const path of [root, sources, ...readdirSync(sources)]) assert.isFalse(executable.includes(path), path)
  })

  it("names what is linked into it", () => {
    const layer = unpacked(flavour)
    const text = fileOf(layer.opt, "o2-lambda-extension/LICENSES/THIRD-PARTY.txt").toString("utf8")
    layer.remove()
    const crates = readFileSync(join(root, "layer", "engine", "Cargo.toml"), "utf8")
      .split("[dependencies]")[1]!.split("\n[")[0]!.matchAll(/^([\w-]+) = /gm)
    for (const [, name] of crates) assert.match(text, new RegExp(`^  ${name} \\d.*: \\S`, "m"))
    for (const holder of ["Fabrice Bellard", "Brian Smith", "Regents of the University of California"]) {
      assert.match(text, new RegExp(holder))
    }
    assert.include(text, "npm run layer", "how to link another C library")
  })
})

describe("build", () => {
  it("makes the same bytes again", () => {
    const output = mkdtempSync(join(tmpdir(), "o2-again-"))
    try {
      execFileSync(process.execPath, [join(root, "build", "layer.ts"), "--output", output], { stdio: "pipe" })
      for (const flavour of flavours) {
        for (const file of [zipOf(flavour), tarballOf(flavour)]) {
          assert.isTrue(readFileSync(join(output, file.split("/").at(-1)!)).equals(readFileSync(file)), file)
        }
      }
    } finally {
      rmSync(output, { recursive: true, force: true })
    }
  })

  // without anything that an earlier build has left; minutes on two cores
  it("makes the same bytes wherever the project lies", { timeout: 900_000 }, () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "o2-elsewhere-"))
    try {
      for (const name of ["build", "layer", "src", "test", "package.json", "tsconfig.json", "LICENSE"]) {
        cpSync(join(root, name), join(elsewhere, name), {
          recursive: true,
          filter: (path) => path !== join(root, "layer", "engine", "target")
        })
      }
      symlinkSync(join(root, "node_modules"), join(elsewhere, "node_modules"))
      const options = {
        env: { ...process.env, CARGO_TARGET_DIR: join(elsewhere, "target"), TZ: "Pacific/Kiritimati" },
        stdio: "pipe"
      } as const
      execFileSync(process.execPath, [join(elsewhere, "build", "bundle.ts")], options)
      const only = ["nodejs", standalone].flatMap((flavour) => ["--only", flavour])
      execFileSync(process.execPath, [join(elsewhere, "build", "layer.ts"), ...only], options)
      for (const file of [zipOf("nodejs"), zipOf(standalone), tarballOf(standalone)]) {
        const again = readFileSync(join(elsewhere, "dist", file.split("/").at(-1)!))
        assert.isTrue(again.equals(readFileSync(file)), file)
      }
    } finally {
      rmSync(elsewhere, { recursive: true, force: true })
    }
  })

  it("leaves out what it cannot build, says in a line what that takes, and leaves no older zip in its place", () => {
    const output = mkdtempSync(join(tmpdir(), "o2-without-"))
    const stale = join(output, `o2-lambda-extension-${standalone}.zip`)
    try {
      cpSync(zipOf(standalone), stale)
      const said = execFileSync("/bin/sh", [
        "-c",
        "\"$0\" \"$@\" 2>&1",
        process.execPath,
        join(root, "build", "layer.ts"),
        "--output",
        output
      ], {
        encoding: "utf8",
        env: { PATH: "/nonexistent", HOME: homedir() }
      })
      assert.deepStrictEqual(readdirSync(output).sort(), [
        "o2-lambda-extension-nodejs.tar.gz",
        "o2-lambda-extension-nodejs.zip"
      ])
      const lines = said.split("\n").filter((line) => line.includes("left out"))
      assert.deepStrictEqual(lines.map((line) => line.split(":")[0]), ["x86_64", "arm64"])
      for (const line of lines) assert.match(line, /for want of .*\.ci\/setup .*rustup/)
    } finally {
      rmSync(output, { recursive: true, force: true })
    }
  })

  it("does not depend on the order of the files", async () => {
    const file = (path: string) => ({ path, isExecutable: false, bytes: new Uint8Array() })
    const names = ["b", "a/c", "a", "é"].map(file)
    assert.deepStrictEqual(zip(names), zip(names.toReversed()))
    assert.deepStrictEqual(await tarball(names), await tarball(names.toReversed()))
  })
})
