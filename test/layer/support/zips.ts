/** The built zips, and what they unpack to. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const dist = fileURLToPath(new URL("../../../dist", import.meta.url))

/** A flavour as its zip is named. */
export type Flavour = "nodejs" | "x86_64" | "arm64"

/** The standalone flavour for the machine that runs the tests. */
export const standalone: Flavour = process.arch === "arm64" ? "arm64" : "x86_64"

const archiveOf = (flavour: Flavour, suffix: string): string => {
  const file = join(dist, `o2-lambda-extension-${flavour}.${suffix}`)
  if (!existsSync(file)) {
    throw new Error(`${file} is missing: run \`npm run layer\` first, and see what it leaves out (.ci/setup helps)`)
  }
  return file
}

/** Path of a zip that `npm run layer` has made. */
export const zipOf = (flavour: Flavour): string => archiveOf(flavour, "zip")

/** Path of the same as `.tar.gz`. */
export const tarballOf = (flavour: Flavour): string => archiveOf(flavour, "tar.gz")

/** One entry as `unzip` lists it: `-rwxr-xr-x`, uncompressed size, path. */
export interface ListedEntry {
  readonly mode: string
  readonly date: string
  readonly path: string
}

/** What Info-ZIP's `unzip` finds in a zip. */
export const list = (zip: string): ReadonlyArray<ListedEntry> =>
  execFileSync("unzip", ["-Z", "-s", "-T", zip], { encoding: "utf8" })
    .split("\n")
    .filter((line) => /^[-d]/.test(line))
    .map((line) => {
      const [mode = "", , , , , , date = "", ...path] = line.split(/ +/)
      return { mode, date, path: path.join(" ") }
    })

/** Unpacks a zip into an empty directory, as Lambda does into `/opt`. */
export const unpack = (flavour: Flavour, directory: string): void => {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  execFileSync("unzip", ["-q", zipOf(flavour), "-d", directory])
}

/** Unpacks a zip into a directory that goes with the test run. */
export const unpacked = (flavour: Flavour): { readonly opt: string; readonly remove: () => void } => {
  const temporary = mkdtempSync(join(tmpdir(), "o2-layer-"))
  const opt = join(temporary, "opt")
  unpack(flavour, opt)
  return { opt, remove: () => rmSync(temporary, { recursive: true, force: true }) }
}

/** One unpacked file. */
export const fileOf = (opt: string, path: string): Buffer => readFileSync(join(opt, path))
