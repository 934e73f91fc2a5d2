/**
 * Makes the zips that become Lambda layers out of what `build/bundle.ts` has built: `nodejs` for functions on a Node.js
 * runtime, `x86_64` and `arm64` with an engine of their own. Prints their sizes and fails when one is over its limit.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { compile, deflate } from "./engine.ts"
import type { Machine } from "./engine.ts"
import * as Licences from "./licences.ts"
import { zip } from "./zip.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const dist = join(root, "dist")
/** Where the zips go. */
const output = process.argv[2] ?? dist
const program = join(dist, "layer", "o2-lambda-extension")
/** The same as ES modules, for engines that are compiled with it. */
const modules = join(dist, "program")

/** A layer that is uploaded directly may have 50 MB, which are MiB (AWS Lambda developer guide, "Lambda quotas"). */
const STANDALONE_LIMIT_BYTES = 52_428_800

/** Twice what the program takes; a zip that is larger has something in it that nobody meant to ship. */
const NODEJS_LIMIT_BYTES = 150 * 1024

/** One file of a layer: where it lands under /opt, and what it is. */
interface LayerFile {
  readonly path: string
  readonly isExecutable: boolean
  readonly bytes: Uint8Array
}

/** One zip to be made. */
interface Flavour {
  readonly zip: string
  readonly limit: number
  readonly files: ReadonlyArray<LayerFile>
}

const plain = (path: string, bytes: Uint8Array): LayerFile => ({ path, isExecutable: false, bytes })
const executable = (path: string, bytes: Uint8Array): LayerFile => ({ path, isExecutable: true, bytes })

const licences = (all: ReadonlyArray<Licences.Licence>) =>
  all.map(({ file, text }) => plain(`o2-lambda-extension/LICENSES/${file}`, text))

const flavours = async (): Promise<ReadonlyArray<Flavour>> => {
  const files = await Promise.all(
    (await readdir(program)).map(async (file) =>
      plain(`o2-lambda-extension/${file}`, await readFile(join(program, file)))
    )
  )
  const launcher = executable(
    "extensions/o2-lambda-extension",
    await readFile(join(root, "layer", "extensions", "o2-lambda-extension"))
  )
  const ofProgram = licences(await Licences.ofProgram())
  const ofEngine = licences(await Licences.ofEngine())
  const standalone = async (architecture: string, machine: Machine): Promise<Flavour> => ({
    zip: `o2-lambda-extension-${architecture}.zip`,
    limit: STANDALONE_LIMIT_BYTES,
    files: [
      launcher,
      executable(`o2-lambda-extension/engine-${machine}`, await compile(machine, modules)),
      ...ofProgram,
      ...ofEngine
    ]
  })
  return [
    { zip: "o2-lambda-extension-nodejs.zip", limit: NODEJS_LIMIT_BYTES, files: [launcher, ...files, ...ofProgram] },
    await standalone("x86_64", "x86_64"),
    await standalone("arm64", "aarch64")
  ]
}

/** Packs one flavour; answers with the size of its zip. */
const pack = async ({ files, zip: name }: Flavour): Promise<number> => {
  const directory = await mkdtemp(join(dist, "zip-"))
  try {
    const names = files.map((_, index) => [join(directory, `${index}`), join(directory, `${index}.deflated`)] as const)
    await Promise.all(files.map(({ bytes }, index) => writeFile(names[index]![0], bytes)))
    await deflate(names)
    const entries = await Promise.all(
      files.map(async (file, index) => ({ ...file, deflated: await readFile(names[index]![1]) }))
    )
    const archive = zip(entries)
    await writeFile(join(output, name), archive)
    return archive.length
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

await mkdir(dist, { recursive: true })
const all = await flavours()
const sizes = await Promise.all(all.map(pack))

const row = (...cells: readonly [string, ...Array<string>]) =>
  console.log(cells[0].padEnd(34) + cells.slice(1).map((cell) => cell.padStart(14)).join(""))
const figure = (bytes: number) => bytes.toLocaleString("en")
row("file", "size", "unpacked", "limit")
for (const [index, { files, limit, zip: name }] of all.entries()) {
  const unpacked = files.reduce((sum, { bytes }) => sum + bytes.length, 0)
  row(name, figure(sizes[index]!), figure(unpacked), figure(limit))
}
const tooLarge = all.filter(({ limit }, index) => sizes[index]! > limit).map(({ zip: name }) => name)
if (tooLarge.length > 0) {
  console.error(`over its limit in bytes: ${tooLarge.join(", ")}`)
  process.exit(1)
}
