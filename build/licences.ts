/** The licences of everything that is shipped, as files of the layer. */
import { build } from "esbuild"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { commonOptions } from "./commonOptions.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

/** A licence: the name of its file and its text. */
export interface Licence {
  readonly file: string
  readonly text: Uint8Array
}

/** Ours, and those of the packages that the bundle was made from. */
export const ofProgram = async (): Promise<ReadonlyArray<Licence>> => [
  { file: "o2-lambda-extension.txt", text: await readFile(join(root, "LICENSE")) },
  ...await Promise.all((await bundledPackages()).map(async (name) => ({
    file: `${name.replace("/", "-")}.txt`,
    text: await licenceOf(name)
  })))
]

/** Those of what is linked into an engine, by name in one text; the one of the GNU project's library apart. */
export const ofEngine = async (thirdParty: string): Promise<ReadonlyArray<Licence>> => [
  { file: "THIRD-PARTY.txt", text: new TextEncoder().encode(thirdParty) },
  { file: "LGPL-2.1.txt", text: await readFile(join(root, "build", "licences", "LGPL-2.1.txt")) }
]

/** Asked from the bundler, so that no dependency can be forgotten. */
const bundledPackages = async (): Promise<ReadonlyArray<string>> => {
  const { metafile } = await build({
    ...commonOptions,
    absWorkingDir: root,
    entryPoints: ["src/main.ts"],
    bundle: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
    outdir: "dist",
    write: false,
    metafile: true
  })
  const shipped = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path)
  )
  const names = shipped.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}

const licenceOf = async (name: string): Promise<Uint8Array> => {
  const directory = join(root, "node_modules", name)
  const file = (await readdir(directory)).find((file) => /^licen[cs]e/i.test(file))
  if (file === undefined) throw new Error(`${name} is in the bundle but has no licence file`)
  return readFile(join(directory, file))
}
