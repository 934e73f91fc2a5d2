/** What package.json promises to those who install the package. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** The repository's directory, with a slash at its end. */
export const root = fileURLToPath(new URL("../../..", import.meta.url))

/** Of package.json, what these tests compare with the world. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly sideEffects: boolean | ReadonlyArray<string>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly engines: { readonly node: string }
}

/** The repository's own package.json. */
export const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as Manifest

/** What programs can import: `o2-lambda-extension`, `o2-lambda-extension/testing` and so on. */
export const specifiers: ReadonlyArray<string> = Object.keys(manifest.exports)
  .filter((subpath) => subpath !== "./package.json")
  .map((subpath) => `${manifest.name}${subpath.slice(1)}`)

/** The oldest Node.js of every range that the package admits. */
export const oldestNodes: ReadonlyArray<string> = manifest.engines.node.split(" || ").map((range) =>
  range.replace(/^\D+/, "")
)
