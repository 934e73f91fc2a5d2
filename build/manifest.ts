/**
 * `publish`: leaves out of package.json what only developers need, for the time of `npm pack`; `restore`: puts it back.
 * Engines as optional dependencies would put our Node.js first on the PATH of every user's npm scripts.
 */
import { readFile, rename, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

const manifest = fileURLToPath(new URL("../package.json", import.meta.url))
const kept = fileURLToPath(new URL("../dist/package.json", import.meta.url))

if (process.argv[2] === "restore") await rename(kept, manifest)
else {
  const text = await readFile(manifest, "utf8")
  await writeFile(kept, text)
  const published = JSON.parse(text) as Record<string, unknown>
  delete published["optionalDependencies"]
  delete published["devDependencies"]
  delete published["scripts"]
  // those that it names are programs: they are not published, or nobody imports them
  published["sideEffects"] = false
  await writeFile(manifest, `${JSON.stringify(published, null, 2)}\n`)
}
