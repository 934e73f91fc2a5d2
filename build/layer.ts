/**
 * Makes what becomes Lambda layers out of what `build/bundle.ts` has built: `nodejs` for functions on a Node.js runtime,
 * `x86_64` and `arm64` with an engine of their own. Each as a zip for Lambda, as a `.tar.gz` for images, and the standalone
 * ones as directories, too (`engine/<architecture>`). Prints the sizes and fails when a zip is over its limit. Machines that
 * cannot be built for here are left out.
 *
 *     node build/layer.ts [--only nodejs|x86_64|arm64]… [--output <directory>]
 */
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { type LayerFile, tarball, zip } from "./archive.ts"
import { type Architecture, machines } from "./engine/machines.ts"
import { buildStandalone } from "./engine/standalone.ts"
import * as Licences from "./licences.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const { values } = parseArgs({ options: { only: { type: "string", multiple: true }, output: { type: "string" } } })
const output = values.output ?? join(root, "dist")
const isWanted = (flavour: string): boolean => values.only?.includes(flavour) ?? true

/** Who chooses the standalone layer does so for its size as well: twice the incumbent's, a third of a percent of 250 MB. */
const STANDALONE_LIMIT_BYTES = 3 * 1024 * 1024

/** Twice what the program takes; a zip that is larger has something in it that nobody meant to ship. */
const NODEJS_LIMIT_BYTES = 150 * 1024

/** Where Lambda looks for extensions: it runs all that is in there. */
const EXTENSION = "extensions/o2-lambda-extension"

/** First line of the launcher: Lambda's `sh` is bash, which takes nothing from the environment then. */
const PRIVILEGED = Buffer.from("#!/bin/sh -p\n")

/** One layer to be packed. */
interface Flavour {
  readonly name: "nodejs" | Architecture
  readonly limit: number
  readonly files: ReadonlyArray<LayerFile>
}

const plain = (path: string, bytes: Uint8Array): LayerFile => ({ path, isExecutable: false, bytes })
const executable = (path: string, bytes: Uint8Array): LayerFile => ({ path, isExecutable: true, bytes })

const licences = (all: ReadonlyArray<Licences.Licence>) =>
  all.map(({ file, text }) => plain(`o2-lambda-extension/LICENSES/${file}`, text))

const nodejs = async (): Promise<Flavour> => {
  const program = join(root, "dist", "layer", "o2-lambda-extension")
  const files = await Promise.all(
    (await readdir(program)).map(async (file) =>
      plain(`o2-lambda-extension/${file}`, await readFile(join(program, file)))
    )
  )
  const launcher = executable(EXTENSION, await readFile(join(root, "layer", "extensions", "o2-lambda-extension")))
  return {
    name: "nodejs",
    limit: NODEJS_LIMIT_BYTES,
    files: [launcher, ...files, ...licences(await Licences.ofProgram())]
  }
}

const archives = (name: string) => ["zip", "tar.gz"].map((suffix) => `o2-lambda-extension-${name}.${suffix}`)

/** The file as it is for images, whose `sh` may know no `-p`: docs/decisions/0006-launcher.md. */
const forImages = (file: LayerFile): LayerFile => {
  const bytes = Buffer.from(file.bytes)
  if (file.path !== EXTENSION || !bytes.subarray(0, PRIVILEGED.length).equals(PRIVILEGED)) return file
  return { ...file, bytes: Buffer.concat([Buffer.from("#!/bin/sh\n"), bytes.subarray(PRIVILEGED.length)]) }
}

/** Packs one flavour; answers with the size of its zip. */
const pack = async ({ files, name }: Flavour): Promise<number> => {
  const [zipName, tarName] = archives(name) as [string, string]
  const zipped = zip(files)
  await writeFile(join(output, zipName), zipped)
  await writeFile(join(output, tarName), await tarball(files.map(forImages)))
  return zipped.length
}

const write = async (file: string, bytes: Uint8Array, isExecutable: boolean): Promise<void> => {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, bytes)
  await chmod(file, isExecutable ? 0o755 : 0o644)
}

await mkdir(output, { recursive: true })
// what an earlier build has left must not look like this one's
for (const name of ["nodejs", ...machines.map(({ architecture }) => architecture)]) {
  for (const file of archives(name)) await rm(join(output, file), { force: true })
}
await rm(join(output, "engine"), { recursive: true, force: true })

const { leftOut, linesFuzz, standalone } = await buildStandalone(
  machines.map(({ architecture }) => architecture).filter(isWanted)
)
const all: Array<Flavour> = isWanted("nodejs") ? [await nodejs()] : []
for (const { architecture, executable: bytes, thirdParty } of standalone) {
  const files = [
    executable(EXTENSION, bytes),
    ...licences([...await Licences.ofProgram(), ...await Licences.ofEngine(thirdParty)])
  ]
  all.push({ name: architecture, limit: STANDALONE_LIMIT_BYTES, files })
  for (const { bytes, isExecutable, path } of files) {
    await write(join(output, "engine", architecture, path), bytes, isExecutable)
  }
}
if (linesFuzz !== undefined) await write(join(output, "engine", "lines-fuzz"), linesFuzz, true)

const row = (...cells: readonly [string, ...Array<string>]) =>
  console.log(cells[0].padEnd(34) + cells.slice(1).map((cell) => cell.padStart(14)).join(""))
const figure = (bytes: number) => bytes.toLocaleString("en")
row("file", "size", "unpacked", "limit")
const tooLarge: Array<string> = []
for (const flavour of all) {
  const size = await pack(flavour)
  const [name] = archives(flavour.name) as [string]
  const unpacked = flavour.files.reduce((sum, { bytes }) => sum + bytes.length, 0)
  row(name, figure(size), figure(unpacked), figure(flavour.limit))
  if (size > flavour.limit) tooLarge.push(name)
}
for (const line of leftOut) console.warn(line)
if (tooLarge.length > 0) {
  console.error(`over its limit in bytes: ${tooLarge.join(", ")}`)
  process.exit(1)
}
