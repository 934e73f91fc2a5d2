/** What is linked into an engine, by whom and under which licences: one text for a zip. */
import { readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { cargo } from "./crate.ts"
import type { Machine } from "./machines.ts"

const texts = fileURLToPath(new URL("../licences", import.meta.url))

interface Crate {
  readonly id: string
  readonly name: string
  readonly version: string
  /** SPDX expression. */
  readonly license: string | null
  readonly authors: ReadonlyArray<string>
  readonly manifest_path: string
  readonly targets: ReadonlyArray<{ readonly kind: ReadonlyArray<string> }>
}

interface Metadata {
  readonly packages: ReadonlyArray<Crate>
  readonly resolve: {
    readonly root: string
    readonly nodes: ReadonlyArray<{
      readonly id: string
      readonly deps: ReadonlyArray<
        { readonly pkg: string; readonly dep_kinds: ReadonlyArray<{ readonly kind: string | null }> }
      >
    }>
  }
}

/** What is linked for a machine, ours apart: normal dependencies of normal dependencies, and no macros. */
const linkedCrates = (bin: string, { target }: Machine): ReadonlyArray<Crate> => {
  const { packages, resolve } = JSON.parse(
    cargo(bin, ["metadata", "--locked", "--format-version", "1", "--filter-platform", target])
  ) as Metadata
  const linked = new Set<string>()
  const visit = (id: string): void => {
    const { targets } = packages.find((one) => one.id === id)!
    if (linked.has(id) || targets.some(({ kind }) => kind.includes("proc-macro"))) return
    linked.add(id)
    for (const { dep_kinds, pkg } of resolve.nodes.find((node) => node.id === id)!.deps) {
      if (dep_kinds.some(({ kind }) => kind === null)) visit(pkg)
    }
  }
  visit(resolve.root)
  return packages.filter(({ id }) => linked.has(id) && id !== resolve.root)
}

/** Licences wherever they are in a crate: some bring the sources of others along, as rquickjs-sys does QuickJS-ng. */
const licencesIn = (directory: string): ReadonlyArray<{ readonly of: string; readonly text: string }> =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(licen[cs]e|copying|notice|unlicense)/i.test(entry.name))
    .map(({ name, parentPath }) => ({
      of: parentPath.slice(directory.length),
      text: readFileSync(join(parentPath, name), "utf8").trim()
    }))

/** A licence that a crate only names, with the names of its authors. */
const namedLicences = (
  { authors, license, name }: Crate
): ReadonlyArray<{ readonly of: string; readonly text: string }> =>
  (license ?? "").split(/ OR | AND |\//).map((id) => {
    try {
      const by = authors.map((author) => author.replace(/ <.*>/, "")).join(", ")
      return { of: "", text: readFileSync(join(texts, `${id}.txt`), "utf8").trim().replace("<authors>", by) }
    } catch {
      throw new Error(`${name} has no text of its licence (${license}): put it into build/licences/${id}.txt`)
    }
  })

/** The same text, whatever its lines and blanks. */
const normalized = (text: string): string => text.replaceAll(/\s+/g, " ")

const RULE = "-".repeat(80)

/** The text for the engine of a machine. */
export const thirdParty = (bin: string, machine: Machine): string => {
  const crates = linkedCrates(bin, machine)
  const holders = new Map<string, { readonly text: string; readonly of: Set<string> }>()
  const list = crates.map((crate) => {
    const { license, manifest_path, name, version } = crate
    const directory = dirname(manifest_path)
    const own = licencesIn(directory)
    for (const { of, text } of own.some(({ of }) => of === "") ? own : [...own, ...namedLicences(crate)]) {
      const holder = holders.get(normalized(text)) ?? { text, of: new Set() }
      holders.set(normalized(text), holder)
      holder.of.add(of === "" ? name : `${basename(directory)}${of}`)
    }
    return `${name} ${version}: ${license}`
  })
  const entries = [...holders.values()].map(({ of, text }) => ({ of: [...of].sort().join(", "), text }))
  return [
    readFileSync(join(texts, "engine.txt"), "utf8").trim(),
    `Crates, by name, version and licence:\n\n${list.sort().map((line) => `  ${line}`).join("\n")}`,
    ...entries.sort((a, b) => a.of < b.of ? -1 : 1).map(({ of, text }) => `${RULE}\n${of}:\n\n${text}`)
  ].join("\n\n").concat("\n")
}
