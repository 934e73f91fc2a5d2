/** The standalone flavour's engine: Bun and the program in one executable, for either machine, built on either. */
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { locked, unpackedPackage } from "./npmTarball.ts"

const run = promisify(execFile)
const root = fileURLToPath(new URL("..", import.meta.url))

/** A machine as `uname -m` names it, which is how the launcher finds its engine. */
export type Machine = "x86_64" | "aarch64"

const npmNames: Readonly<Record<Machine, string>> = {
  x86_64: "@oven/bun-linux-x64",
  aarch64: "@oven/bun-linux-aarch64"
}

const targets: Readonly<Record<Machine, string>> = { x86_64: "bun-linux-x64", aarch64: "bun-linux-arm64" }

/**
 * Of 1, 3, 10 and 40 the best for start and memory; none made a difference to the time that a flood of records takes
 * (docs/decisions/0007-standalone-engine.md).
 */
const JIT_THRESHOLD_SCALE = 10

const host: Machine = process.arch === "arm64" ? "aarch64" : "x86_64"

/** The plain Bun for a machine: as installed, else from the registry, checked against package-lock.json. */
const bun = async (machine: Machine): Promise<string> => {
  const name = npmNames[machine]
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "bin", "bun")
  } catch {
    const { integrity, version } = await locked(name)
    return join(await unpackedPackage(name, version, integrity), "bin", "bun")
  }
}

/**
 * Compiles `main.mjs` of a directory, and what it imports, into an executable. What a customer keeps beside a function
 * (`.env`, `bunfig.toml`) is not read by it.
 */
export const compile = async (machine: Machine, programDirectory: string): Promise<Uint8Array> => {
  await mkdir(join(root, "dist"), { recursive: true })
  const directory = await mkdtemp(join(root, "dist", "engine-"))
  try {
    // the name becomes part of the executable
    const file = join(directory, "engine")
    const flags = [
      "--compile",
      `--target=${targets[machine]}`,
      `--compile-executable-path=${await bun(machine)}`,
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      "--no-compile-autoload-tsconfig",
      "--no-compile-autoload-package-json",
      // the format that can be split: a command's code is not loaded with the extension's
      "--format=esm",
      "--splitting",
      "--minify",
      "--bytecode",
      // code is compiled to machine code after 10 times as many calls as usual: most of a start's never is
      `--compile-jit-policy=${JIT_THRESHOLD_SCALE}`,
      `--outfile=${file}`
    ]
    // paths become part of the executable, too: relative ones are the same on every machine
    await run(await bun(host), ["build", "./main.mjs", ...flags], { cwd: programDirectory, env: cleanEnvironment() })
    return await readFile(file)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Bun's libdeflate at its best; zlib's best leaves the standalone zip half a megabyte over Lambda's limit. */
const DEFLATE = `for (const [from, to] of JSON.parse(process.argv.at(-1))) {
  await Bun.write(to, Bun.deflateSync(await Bun.file(from).bytes(), { library: "libdeflate", level: 12 }))
}`

/** Deflates files, each into another one, by the pinned Bun: the same bytes on every machine. */
export const deflate = async (files: ReadonlyArray<readonly [from: string, to: string]>): Promise<void> => {
  const flags = ["--no-env-file", "--config=/dev/null", "--no-install"]
  await run(await bun(host), [...flags, "-e", DEFLATE, JSON.stringify(files)], { env: cleanEnvironment() })
}

/** No variable of the developer's steers the build. */
const cleanEnvironment = (): NodeJS.ProcessEnv => ({ PATH: process.env["PATH"], HOME: process.env["HOME"] })
