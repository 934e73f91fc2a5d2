/** What a customer has for the function, in files, variables and libraries, does not reach the extension. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { pathWith } from "./support/node.ts"
import { assertDelivers, withLayer } from "./support/sandbox.ts"
import { standalone, unpacked } from "./support/zips.ts"

const run = promisify(execFile)

/** Settings of Bun's and Node's own that are read from the working directory, from HOME or from above. */
const hostileFiles = (marker: string, evil: string): Readonly<Record<string, string>> => {
  const settings = "O2_STREAM=hostile\nO2_LOG_LEVEL=debug\nO2_TELEMETRY_TYPES=platform\n"
  const preload = `preload = [${JSON.stringify(evil)}]\n`
  return {
    "evil.cjs": `require("node:fs").appendFileSync(${JSON.stringify(marker)}, process.argv.join(" ") + "\\n")`,
    ".env": settings,
    ".env.local": settings,
    ".env.production": settings,
    "bunfig.toml": preload,
    ".bunfig.toml": preload,
    "tsconfig.json": "{ not JSON"
  }
}

describe.each([standalone, "nodejs"] as const)("layer %s", (flavour) => {
  let layer: ReturnType<typeof unpacked>
  let node: ReturnType<typeof pathWith>
  let hostile: string
  let marker: string
  let evil: string
  /** Files in `/`, where an extension's working directory is; left out where the tests may not write there. */
  const inRoot: Array<string> = []
  beforeAll(() => {
    layer = unpacked(flavour)
    node = pathWith({ link: process.execPath })
    hostile = mkdtempSync(join(tmpdir(), "o2-hostile-"))
    marker = join(hostile, "marker")
    evil = join(hostile, "evil.cjs")
    for (const [name, text] of Object.entries(hostileFiles(marker, evil))) {
      writeFileSync(join(hostile, name), text)
      // whoever else runs here must not stumble
      if (!name.includes(".env") && !name.includes("bunfig")) continue
      try {
        writeFileSync(join("/", name), text, { flag: "wx" })
        inRoot.push(join("/", name))
      } catch {
        // there is a file of that name, or we are not allowed to
      }
    }
    mkdirSync(join(hostile, "lib"))
    for (const library of ["libm.so.6", "libdl.so.2", "libpthread.so.0", "libstdc++.so.6", "libz.so.1"]) {
      writeFileSync(join(hostile, "lib", library), "no library")
    }
  })
  afterAll(() => {
    for (const file of inRoot) rmSync(file)
    rmSync(hostile, { recursive: true, force: true })
    node.remove()
    layer.remove()
  })

  const environment = () => ({
    HOME: hostile,
    XDG_CONFIG_HOME: hostile,
    LD_LIBRARY_PATH: join(hostile, "lib"),
    NODE_OPTIONS: `--require ${evil}`,
    NODE_DEBUG: "http,net",
    BUN_OPTIONS: `--preload ${evil}`,
    BUN_BE_BUN: "1",
    BUN_CONFIG_VERBOSE_FETCH: "curl",
    BUN_INSPECT: "ws://127.0.0.1:1/"
  })

  it.live("delivers as if there were nothing of it", () =>
    withLayer(layer.opt, {
      path: node.path,
      environment: environment(),
      prepare: (opt) => writeFileSync(join(opt, "bootstrap"), cleanBootstrap, { mode: 0o755 })
    }, (running) =>
      Effect.gen(function*() {
        yield* assertDelivers(running)
        assert.isFalse(existsSync(marker))
        for (const { path } of yield* running.openObserve.requests) assert.include(path, "/default/")
        const said = (yield* running.emulator.output).map(({ line }) => line).join("\n")
        assert.notInclude(said, running.openObserve.authorization)
        assert.notInclude(said, "\"level\":\"debug\"")
      })))

  it("answers commands from a directory that is full of it", async () => {
    const { stderr, stdout } = await run(join(layer.opt, "extensions", "o2-lambda-extension"), ["--version"], {
      cwd: hostile,
      env: { PATH: node.path, ...environment() }
    })
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
    assert.strictEqual(stderr, "")
    assert.isFalse(existsSync(marker))
  })

  it("would not without the launcher: these tests have teeth", async () => {
    const [file, args] = flavour === "nodejs"
      ? [process.execPath, [join(layer.opt, "o2-lambda-extension", "main.cjs")]]
      : [join(layer.opt, "o2-lambda-extension", `engine-${standalone === "arm64" ? "aarch64" : "x86_64"}`), []]
    const { LD_LIBRARY_PATH: _, BUN_BE_BUN: __, BUN_INSPECT: ___, ...variables } = environment()
    await run(file, [...args, "--version"], { cwd: hostile, env: variables })
    assert.isTrue(existsSync(marker))
    rmSync(marker)
  })
})

/** The function runs in the same environment, and is not what is tested. */
const cleanBootstrap = `#!/bin/sh
unset NODE_OPTIONS NODE_DEBUG LD_LIBRARY_PATH
exec ${JSON.stringify(process.execPath)} ${JSON.stringify(join(import.meta.dirname, "support", "bootstrap.mjs"))}
`
