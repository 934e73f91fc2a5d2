/** Programs for the engine: bundled with its stand-ins for modules of Node.js, and compiled by the engine itself. */
import { build, type Plugin } from "esbuild"
import { execFileSync } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { commonOptions } from "../commonOptions.ts"
import { crate } from "./crate.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** The engine's stand-ins for modules of Node.js. */
const standIn = (name: string) => join(crate, "js", `${name}.ts`)

const modules = {
  "node:buffer": standIn("buffer"),
  "node:crypto": standIn("crypto"),
  "node:dns": standIn("dns"),
  "node:fs": standIn("fs"),
  "node:fs/promises": standIn("fs"),
  "node:http": standIn("http"),
  "node:https": standIn("http"),
  "node:tls": standIn("tls"),
  "node:zlib": standIn("zlib")
}

/** What the engine does itself; stand-ins, and the tests that compare, know the program's own. */
const native: Plugin = {
  name: "native",
  setup: ({ onResolve }) => {
    for (const [name, ours] of [["JsonScanner", "jsonScanner"], ["Tunnel", "tunnel"]] as const) {
      onResolve(
        { filter: new RegExp(`/${name}\\.ts$`) },
        ({ importer }) => importer.startsWith(join(root, "src")) ? { path: standIn(ours) } : undefined
      )
    }
  }
}

/** The program that begins with a file, as modules in a directory; the first one of the answer is that file. */
const bundle = async (entry: string, directory: string): Promise<ReadonlyArray<string>> => {
  await build({
    ...commonOptions,
    absWorkingDir: root,
    entryPoints: { main: entry },
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2023",
    minify: true,
    legalComments: "none",
    alias: modules,
    inject: [standIn("globals")],
    plugins: [native]
  })
  const files = (await readdir(directory)).sort((a, b) =>
    Number(b === "main.mjs") - Number(a === "main.mjs") || (a < b ? -1 : 1)
  )
  // bytecode without debug information does not know from which file it imports
  for (const file of files) {
    const path = join(directory, file)
    await writeFile(path, (await readFile(path, "utf8")).replaceAll(/\bimport\("\.\//g, "host.load(\"./"))
  }
  return files.map((file) => join(directory, file))
}

/**
 * An executable for each engine with the program that begins with `entry`. `compiler` is the one that runs on this machine:
 * bytecode does not depend on the machine, so its engine compiles for all.
 */
export const compile = async (
  entry: string,
  compiler: string,
  engines: ReadonlyArray<string>
): Promise<ReadonlyArray<Uint8Array>> => {
  const directory = await mkdtemp(join(tmpdir(), "o2-program-"))
  try {
    const files = await bundle(entry, directory)
    const executable = join(directory, "executable")
    const executables: Array<Uint8Array> = []
    for (const engine of engines) {
      execFileSync(compiler, [engine, executable, ...files], { stdio: "inherit" })
      executables.push(await readFile(executable))
    }
    return executables
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
