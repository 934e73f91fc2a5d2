/** What both bundles of the program, for Node.js and for the small engine, are given in the place of names. */
import { readFileSync } from "node:fs"

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

/** For esbuild's `define`. */
export const definitions: Readonly<Record<string, string>> = {
  O2_LAMBDA_EXTENSION_VERSION: JSON.stringify(version),
  // what bundlers of web pages put there, and the environment is asked first
  "import.meta.env": "undefined"
}
