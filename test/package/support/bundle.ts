/** What a bundler makes of a program with the installed package. */
import { build } from "esbuild"

/** KiB of a program that uses all that it imports, minified, as for the oldest Node.js that the package admits. */
export const bundledKiB = async (directory: string, program: string): Promise<number> => {
  const name = /(\w+) \}? ?from/.exec(program)![1]!
  const { outputFiles } = await build({
    stdin: { contents: `${program}; globalThis.used = ${name}`, resolveDir: directory },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    minify: true,
    write: false,
    outdir: directory,
    logLevel: "silent"
  })
  return Math.round(outputFiles[0]!.contents.length / 1024)
}
