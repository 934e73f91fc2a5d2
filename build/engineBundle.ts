/**
 * Builds the small engine and the program in it: `npm run engine`. Needs Rust (`cargo`); nothing else of the project does.
 * Leaves `dist/engine/layer`, which `O2_TEST_LAYER` and `O2_BENCH_LAYER` take, and `dist/engine/lines-fuzz`
 * (layer/engine/README.md).
 */
import { build, type Plugin } from "esbuild"
import { execFileSync } from "node:child_process"
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const crate = join(root, "layer", "engine")
const output = join(root, "dist", "engine")

const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { readonly version: string }

/** The engine's stand-ins for modules of Node.js. */
const standIn = (name: string) => join(crate, "js", `${name}.ts`)

const modules = {
  "node:buffer": standIn("buffer"),
  "node:crypto": standIn("crypto"),
  "node:dns": standIn("dns"),
  "node:fs/promises": standIn("fs"),
  "node:http": standIn("http"),
  "node:https": standIn("http"),
  "node:tls": standIn("tls"),
  "node:zlib": standIn("zlib")
}

/** What is walked by the engine itself; its stand-in, and the test that compares the two, know the program's own. */
const nativeScanner: Plugin = {
  name: "nativeScanner",
  setup: ({ onResolve }) => {
    onResolve(
      { filter: /\/JsonScanner\.ts$/ },
      ({ importer }) => importer.startsWith(join(root, "src")) ? { path: standIn("jsonScanner") } : undefined
    )
  }
}

/** Builds the engine itself, with no path of this machine in it; answers where it is. */
const engineWithoutProgram = (): string => {
  const cargo = process.env["CARGO_HOME"] ?? join(homedir(), ".cargo")
  const flags = [`--remap-path-prefix=${cargo}=cargo`, `--remap-path-prefix=${crate}=engine`]
  const target = process.env["CARGO_TARGET_DIR"] ?? join(crate, "target")
  const env = {
    ...process.env,
    CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f"),
    CFLAGS: `-ffile-prefix-map=${target}=target`
  }
  execFileSync("cargo", ["build", "--release", "--locked"], { cwd: crate, env, stdio: "inherit" })
  return join(target, "release", "o2-lambda-engine")
}

/** The program that begins with a file, as modules in a directory; the first one of the answer is that file. */
const bundle = async (entry: string, directory: string): Promise<ReadonlyArray<string>> => {
  await build({
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
    plugins: [nativeScanner],
    define: {
      O2_LAMBDA_EXTENSION_VERSION: JSON.stringify(version),
      // bytecode without debug information has no `import.meta`
      "import.meta.env": "undefined"
    }
  })
  const files = (await readdir(directory)).sort((a, b) => Number(b === "main.mjs") - Number(a === "main.mjs"))
  // nor does it know from which file it imports
  for (const file of files) {
    const path = join(directory, file)
    await writeFile(path, (await readFile(path, "utf8")).replaceAll(/\bimport\("\.\//g, "host.load(\"./"))
  }
  return files.map((file) => join(directory, file))
}

/** Makes an executable of a program: the engine that it ships with compiles it. */
const compile = async (engine: string, entry: string, executable: string): Promise<void> => {
  await mkdir(dirname(executable), { recursive: true })
  const directory = await mkdtemp(join(output, "program-"))
  try {
    execFileSync(engine, [engine, executable, ...await bundle(entry, directory)], { stdio: "inherit" })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  await chmod(executable, 0o755)
  console.log(`${basename(executable)}: ${(await stat(executable)).size.toLocaleString("en")} bytes`)
}

const engine = engineWithoutProgram()
await rm(output, { recursive: true, force: true })
const layer = join(output, "layer")
const machine = process.arch === "arm64" ? "aarch64" : "x86_64"
await compile(engine, "src/main.ts", join(layer, "o2-lambda-extension", `engine-${machine}`))
const launcher = join(layer, "extensions", "o2-lambda-extension")
await cp(join(root, "layer", "extensions"), dirname(launcher), { recursive: true })
await chmod(launcher, 0o755)
await compile(engine, "test/engine/linesFuzz.ts", join(output, "lines-fuzz"))
