/** The JavaScript engines that programs with this package run on. */
import { join } from "node:path"
import { unpackedPackage } from "../../../build/npmTarball.ts"
import { nodeBinary, versions } from "../../layer/support/node.ts"
import { oldestNodes } from "./manifest.ts"

/** Bun as its maintainers publish it for npm; the one that needs no AVX2. */
const BUN = "1.4.5"

const bunBinary = async (): Promise<string> =>
  join(
    await unpackedPackage(process.arch === "arm64" ? "@oven/bun-linux-aarch64" : "@oven/bun-linux-x64-baseline", BUN),
    "bin",
    "bun"
  )

/** Names, and how to get the path of each. */
export const engines: Readonly<Record<string, () => Promise<string>>> = {
  ...Object.fromEntries(
    [...new Set([...oldestNodes, ...versions])].map((version) => [`Node.js ${version}`, () => nodeBinary(version)])
  ),
  [`Bun ${BUN}`]: bunBinary
}
