/**
 * Builds what lands under /opt: `dist/layer/extensions/o2-lambda-extension` (the launcher) and
 * `dist/layer/o2-lambda-extension/*.mjs` (the program). Fails when the program outgrows its budget.
 */
import { build } from "esbuild"
import { chmod, cp, readFile, rm } from "node:fs/promises"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const layer = `${root}dist/layer`

/**
 * Bytes of what the extension loads at its start; every 100 KB cost about 10 ms of each cold start. Of these, delivering
 * under load takes 8 KB more than one batch after the other did, and bounds on what anybody in the sandbox can make us hold 3.
 */
const START_BUDGET_BYTES = 215 * 1024

const { version } = JSON.parse(await readFile(`${root}package.json`, "utf8")) as { readonly version: string }

await rm(layer, { recursive: true, force: true })
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { main: "src/main.ts" },
  outdir: `${layer}/o2-lambda-extension`,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  // commands are loaded only when they are called
  splitting: true,
  mainFields: ["module", "main"],
  format: "esm",
  platform: "node",
  // the oldest runtime that functions still run on
  target: "node20",
  minify: true,
  // stack traces name functions, and Effect's diagnostics name services
  keepNames: false,
  legalComments: "none",
  metafile: true,
  // `npx o2-lambda-extension health-check` runs the file itself
  banner: { js: "#!/usr/bin/env node" },
  define: { O2_LAMBDA_EXTENSION_VERSION: JSON.stringify(version) }
})
await cp(`${root}layer`, layer, { recursive: true })
await chmod(`${layer}/extensions/o2-lambda-extension`, 0o755)

// --- Budget ------------------------------------------------------------------

const outputs = Object.entries(metafile.outputs)
const outputOf = (path: string) => metafile.outputs[path]!
const startup = new Set<string>()
const visit = (path: string): void => {
  if (startup.has(path)) return
  startup.add(path)
  for (const imported of outputOf(path).imports) {
    if (imported.kind === "import-statement" && imported.external !== true) visit(imported.path)
  }
}
visit(outputs.find(([, output]) => output.entryPoint === "src/main.ts")![0])

const bytes = [...startup].reduce((sum, path) => sum + outputOf(path).bytes, 0)
const inputs = [...startup].flatMap((path) => Object.entries(outputOf(path).inputs))
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
