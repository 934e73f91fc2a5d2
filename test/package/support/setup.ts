/**
 * Packs the library as it would be published, and installs it as users do, once with the oldest and once with the newest
 * `effect` that it admits. In a copy of the repository: `prepack` writes package.json, and other tests use `dist`.
 */
import type { TestProject } from "vitest/node"
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { manifest, root } from "./manifest.ts"
import { writeSources } from "./projects.ts"
import { run } from "./run.ts"

/** A project that has installed the tarball. */
export interface Consumer {
  readonly directory: string
  readonly effect: string
}

declare module "vitest" {
  interface ProvidedContext {
    readonly tarball: string
    readonly consumers: ReadonlyArray<Consumer>
  }
}

/** Everything that `npm pack` builds from or packs. */
const SOURCES = [
  "src",
  "build",
  "layer",
  "docs",
  "package.json",
  ".npmrc",
  "tsconfig.json",
  "tsconfig.build.json",
  "README.md",
  "LICENSE",
  "CHANGELOG.md"
]

/** Makes them, and removes them after the tests. */
export default async ({ provide }: TestProject): Promise<() => void> => {
  const directory = mkdtempSync(join(tmpdir(), "o2-package-"))
  const tarball = await pack(join(directory, "repository"))
  provide("tarball", tarball)
  const consumers = []
  for (const effect of await effectVersions()) {
    consumers.push({ effect, directory: await install(join(directory, `with-effect-${effect}`), tarball, effect) })
  }
  provide("consumers", consumers)
  return () => rmSync(directory, { recursive: true, force: true })
}

const pack = async (copy: string): Promise<string> => {
  for (const source of SOURCES) cpSync(join(root, source), join(copy, source), { recursive: true })
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"))
  // its scripts have their own output, which `--json` would mix with the answer
  await run("npm", ["pack", "--pack-destination", ".."], { cwd: copy })
  return join(copy, "..", `${manifest.name}-${manifest.version}.tgz`)
}

/** The lowest and the highest version of the peer range that the registry has. */
const effectVersions = async (): Promise<ReadonlyArray<string>> => {
  const range = manifest.peerDependencies["effect"]!
  const answer = JSON.parse(await run("npm", ["view", `effect@${range}`, "version", "--json"], { cwd: root })) as
    | string
    | ReadonlyArray<string>
  const versions = [answer].flat().sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
  return [...new Set([versions[0]!, versions.at(-1)!])]
}

const install = async (directory: string, tarball: string, effect: string): Promise<string> => {
  mkdirSync(directory)
  const devDependencies = { "@types/node": manifest.devDependencies["@types/node"] }
  writeFileSync(join(directory, "package.json"), JSON.stringify({ private: true, type: "module", devDependencies }))
  await run("npm", ["install", "--engine-strict", "--no-audit", "--no-fund", tarball, `effect@${effect}`], {
    cwd: directory
  })
  await writeSources(directory)
  return directory
}
