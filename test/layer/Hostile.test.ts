/** What a customer has for the function, in files, variables and libraries, does not reach the extension. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile, execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { pathWith } from "./support/node.ts"
import { assertDelivers, withLayer } from "./support/sandbox.ts"
import { standalone, unpacked } from "./support/zips.ts"

const run = promisify(execFile)

/** Settings that engines may read from the working directory, from HOME or from above, and what shells and loaders run. */
const hostileFiles = (marker: string): Readonly<Record<string, string>> => {
  const settings = "O2_STREAM=hostile\nO2_LOG_LEVEL=debug\nO2_TELEMETRY_TYPES=platform\n"
  return {
    "evil.cjs": `require("node:fs").appendFileSync(${
      JSON.stringify(marker)
    }, require("node:path").basename(process.argv[1]) + "\\n")`,
    ".env": settings,
    ".env.local": settings,
    ".env.production": settings,
    "evil.sh": `echo "\${0##*/}" >> '${marker}'\n`,
    "evil.c": `#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
__attribute__((constructor)) static void loaded(void) {
  FILE *marker = fopen(${JSON.stringify(marker)}, "a");
  if (marker != NULL) { fprintf(marker, "%s\\n", program_invocation_short_name); fclose(marker); }
}
`
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
    for (const [name, text] of Object.entries(hostileFiles(marker))) {
      writeFileSync(join(hostile, name), text)
      // whoever else runs here must not stumble
      if (!name.includes(".env")) continue
      try {
        writeFileSync(join("/", name), text, { flag: "wx" })
        inRoot.push(join("/", name))
      } catch {
        // there is a file of that name, or we are not allowed to
      }
    }
    execFileSync("cc", ["-shared", "-fPIC", "-o", join(hostile, "evil.so"), join(hostile, "evil.c")])
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

  /** What the nodejs flavour is held to; a static executable has to stand what loads code into a shell or a library, too. */
  const environment = () => ({
    HOME: hostile,
    XDG_CONFIG_HOME: hostile,
    LD_LIBRARY_PATH: join(hostile, "lib"),
    NODE_OPTIONS: `--require ${evil}`,
    NODE_DEBUG: "http,net",
    // of a cluster's worker, or a child with a channel, which wait for their parent
    NODE_UNIQUE_ID: "1",
    NODE_CHANNEL_FD: "0",
    OPENSSL_CONF: evil,
    // for bash: prints every variable at each `export`, and every command
    SHELLOPTS: "keyword:xtrace:noexec:onecmd:nounset",
    PS4: "$O2_AUTHORIZATION_HEADER",
    "BASH_FUNC_exec%%": "() { env; }",
    "BASH_FUNC_read%%": "() { env; }",
    ...flavour === "nodejs" ? {} : loading()
  })
  const loading = () => ({
    LD_PRELOAD: join(hostile, "evil.so"),
    BASH_ENV: join(hostile, "evil.sh"),
    ENV: join(hostile, "evil.sh"),
    // memory is filled before it is used, and after: nothing may depend on what was there
    MALLOC_PERTURB_: "165",
    MALLOC_ARENA_MAX: "64",
    MALLOC_TOP_PAD_: "999999999",
    GLIBC_TUNABLES: "glibc.malloc.check=3:glibc.malloc.tcache_count=0:glibc.rtld.optional_static_tls=0"
  })

  /** Whether something of it ran in the extension; in the function it may. */
  const isHarmed = () => existsSync(marker) && /^(o2-lambda-extension|main\.cjs)$/m.test(readFileSync(marker, "utf8"))

  it.live("delivers as if there were nothing of it", () =>
    withLayer(layer.opt, {
      path: flavour === "nodejs" ? node.path : "/nonexistent",
      isBash: flavour === "nodejs",
      environment: environment(),
      prepare: (opt) => writeFileSync(join(opt, "bootstrap"), cleanBootstrap, { mode: 0o755 })
    }, (running) =>
      Effect.gen(function*() {
        yield* assertDelivers(running)
        assert.isFalse(isHarmed())
        for (const { path } of yield* running.openObserve.requests) assert.include(path, "/default/")
        const said = (yield* running.emulator.output).map(({ line }) => line).join("\n")
        assert.notInclude(said, running.openObserve.authorization)
        assert.notInclude(said, "\"level\":\"debug\"")
      })))

  it("answers commands from a directory that is full of it", async () => {
    const { stderr, stdout } = await run(join(layer.opt, "extensions", "o2-lambda-extension"), ["--version"], {
      cwd: hostile,
      env: { PATH: node.path, ...environment(), LD_DEBUG: flavour === "nodejs" ? "" : "all" }
    })
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
    assert.strictEqual(stderr, "")
    assert.isFalse(isHarmed())
  })

  it("would not if it were another: these tests have teeth", async () => {
    // what would end the victim before it is harmed
    const { LD_LIBRARY_PATH: _, NODE_CHANNEL_FD: __, OPENSSL_CONF: ___, ...variables } = environment()
    const victims: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = flavour === "nodejs"
      ? [[process.execPath, [join(layer.opt, "o2-lambda-extension", "main.cjs"), "--version"]]]
      : [["/bin/ls", []], ["/bin/bash", ["-c", ":"]]]
    for (const [file, args] of victims) {
      await run(file, args, { cwd: hostile, env: variables })
      assert.isTrue(existsSync(marker), file)
      rmSync(marker)
    }
  })
})

/** The function runs in the same environment, and is not what is tested. */
const cleanBootstrap = `#!/bin/dash
unset NODE_OPTIONS NODE_DEBUG NODE_UNIQUE_ID NODE_CHANNEL_FD OPENSSL_CONF LD_LIBRARY_PATH LD_PRELOAD MALLOC_PERTURB_ MALLOC_TOP_PAD_ GLIBC_TUNABLES
exec ${JSON.stringify(process.execPath)} ${JSON.stringify(join(import.meta.dirname, "support", "bootstrap.mjs"))}
`
