/** Unpacks the zip for a project that runs the integration tests from it. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { TestProject } from "vitest/node"
import { standalone, unpack } from "./zips.ts"

const unpackedZips = fileURLToPath(new URL("../../../dist/unpacked", import.meta.url))

export default ({ name }: TestProject): void =>
  unpack(name === "layer-nodejs" ? "nodejs" : standalone, join(unpackedZips, name))
