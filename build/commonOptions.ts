/** What all bundles of the program have in common, for Node.js and for the small engine. */
import type { BuildOptions } from "esbuild"
import { readFileSync } from "node:fs"

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

/** Options for esbuild. */
export const commonOptions = {
  define: {
    O2_LAMBDA_EXTENSION_VERSION: JSON.stringify(version),
    // what bundlers of web pages put there, and the environment is asked first
    "import.meta.env": "undefined"
  },
  // names of chunks come from paths: node_modules is called so wherever it really lies
  preserveSymlinks: true
} satisfies BuildOptions
