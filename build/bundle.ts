/**
 * Builds what lands under /opt: `dist/layer/extensions/o2-lambda-extension` (the launcher) and
 * `dist/layer/o2-lambda-extension/*.cjs` (the program). Fails when the program outgrows its budget.
 */
import { build, type BuildOptions } from "esbuild"
import { chmod, cp, rm } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { toCommonJs } from "./commonJs.ts"
import { commonOptions } from "./commonOptions.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const layer = `${root}dist/layer`
/** ES modules on their way to CommonJS; their names would change with the directory's. */
const modules = `${root}dist/modules`

/**
 * Bytes of what the extension loads at its start; every 100 KB cost about 10 ms of each cold start. The answer table is among
 * them: loaded with the first answer that is not as usual, it would come late, and not at all where no file can be opened.
 */
const START_BUDGET_BYTES = 173 * 1024

const options: BuildOptions = {
  ...commonOptions,
  absWorkingDir: root,
  platform: "node",
  // the oldest runtime that functions still run on
  target: "node20",
  minify: true,
  // stack traces name functions, and Effect's diagnostics name services
  keepNames: false,
  legalComments: "none"
}

await rm(layer, { recursive: true, force: true })
await rm(modules, { recursive: true, force: true })
const { metafile } = await build({
  ...options,
  entryPoints: { main: "src/main.ts" },
  outdir: modules,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  // what only some sandboxes need is loaded when they do
  splitting: true,
  mainFields: ["module", "main"],
  format: "esm",
  metafile: true
})
const start = await toCommonJs({ directory: modules, metafile, output: `${layer}/o2-lambda-extension` }, {
  ...options,
  // `npx o2-lambda-extension health-check` runs the file itself
  banner: { js: "#!/usr/bin/env node" }
})
await rm(modules, { recursive: true })
await cp(`${root}layer/extensions`, `${layer}/extensions`, { recursive: true })
await chmod(`${layer}/extensions/o2-lambda-extension`, 0o755)

// --- Budget ------------------------------------------------------------------

const [bytes = 0] = Object.values(start.outputs).map((output) => output.bytes)
const inputs = Object.keys(start.inputs).flatMap((path) => Object.entries(metafile.outputs[path]?.inputs ?? {}))
  .sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput)
console.log(
  `${(bytes / 1024).toFixed(1)} KiB are loaded at the start (budget ${
    START_BUDGET_BYTES / 1024
  } KiB); the largest inputs:`
)
for (const [path, { bytesInOutput }] of inputs.slice(0, 10)) {
  console.log(`${(bytesInOutput / 1024).toFixed(1).padStart(7)} KiB  ${path}`)
}
if (bytes > START_BUDGET_BYTES) {
  console.error("The program has outgrown its budget: load less at the start, or raise the budget and say why.")
  process.exit(1)
}
