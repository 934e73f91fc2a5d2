/**
 * Turns the program, ES modules that esbuild has split, into CommonJS: `main.cjs` with all that is loaded at the start, and
 * a file for each part that is loaded later. Node.js compiles it in half the time, and an ES module that imports
 * `node:http` makes it read all its exports, which loads undici, http2, TLS and more (docs/decisions/0016-start.md).
 */
import { build, type BuildOptions, type Metafile, type Plugin } from "esbuild"
import { basename, join } from "node:path"

/** The program as ES modules, and where it is to go. */
export interface Program {
  readonly directory: string
  readonly metafile: Metafile
  readonly output: string
}

const MAIN = "./main.cjs"

/** `chunk-ABC.mjs` as `chunk_ABC`: main.cjs exports under such names what later parts have in common with it. */
const exportName = (file: string): string => basename(file, ".mjs").replace(/\W/g, "_")

/** Writes the program as CommonJS, and answers what is loaded at the start. */
export const toCommonJs = async (
  { directory, metafile, output }: Program,
  options: BuildOptions
): Promise<Metafile> => {
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, file]) => [basename(path), file]))
  /** What loading a file loads. */
  const loaded = (file: string, all = new Set<string>()): ReadonlySet<string> => {
    if (all.has(file)) return all
    all.add(file)
    for (const { external, kind, path } of outputs.get(file)!.imports) {
      if (kind === "import-statement" && external !== true) loaded(basename(path), all)
    }
    return all
  }
  const atStart = loaded("main.mjs")
  const later = [...outputs.keys()].filter((file) => !atStart.has(file))

  const apart: Plugin = {
    name: "apart",
    setup: ({ onLoad, onResolve }) => {
      onResolve({ filter: /^\.\/main\.cjs$/ }, () => ({ path: MAIN, external: true }))
      onResolve({ filter: /^\.\// }, ({ importer, kind, path }) => {
        const file = basename(path)
        if (later.includes(file) && kind !== "entry-point") {
          return { path: path.replace(/\.mjs$/, ".cjs"), external: true }
        }
        // a part that is loaded later must not have a copy of what is there already
        const isPart = later.includes(basename(importer))
        return isPart && atStart.has(file) ? { path: exportName(file), namespace: "main" } : undefined
      })
      onLoad({ filter: /.*/, namespace: "main" }, ({ path }) => ({
        contents: `module.exports = require("${MAIN}").${path}`
      }))
    }
  }
  const common: BuildOptions = {
    ...options,
    bundle: true,
    format: "cjs",
    // as promises of `require`: an import would load the engine's loader of ES modules
    supported: { "dynamic-import": false },
    plugins: [apart]
  }
  const shared = [...atStart].filter((file) => file !== "main.mjs").map((file) =>
    `export * as ${exportName(file)} from "./${file}"`
  )
  const { metafile: start } = await build({
    ...common,
    stdin: { contents: [...shared, "import \"./main.mjs\""].join("\n"), resolveDir: directory },
    outfile: join(output, "main.cjs"),
    metafile: true
  })
  await build({
    ...common,
    entryPoints: later.map((file) => join(directory, file)),
    outdir: output,
    outExtension: { ".js": ".cjs" }
  })
  return start
}
