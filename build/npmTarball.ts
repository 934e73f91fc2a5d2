/** Packages from the npm registry that cannot be installed here, since they are for another machine or version. */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const run = promisify(execFile)
const root = fileURLToPath(new URL("..", import.meta.url))

/** Kept between builds; `npm pack` needs the network, and one engine takes 50 MB of it. */
const cache = join(root, "dist", "cache")

/** The hash that package-lock.json demands of a package, and its exact version. */
export const locked = async (name: string): Promise<{ readonly version: string; readonly integrity: string }> => {
  const lockfile = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Record<string, { readonly version: string; readonly integrity?: string } | undefined>
  }
  const entry = lockfile.packages[`node_modules/${name}`]
  if (entry?.integrity === undefined) throw new Error(`package-lock.json has no integrity for ${name}`)
  return { version: entry.version, integrity: entry.integrity }
}

/** The directory of an unpacked package, fetched once; `npm pack` pays no heed to the machine that it is for. */
export const unpackedPackage = async (name: string, version: string, integrity?: string): Promise<string> => {
  const directory = join(cache, `${name.replace("/", "-")}-${version}`)
  if (await exists(join(directory, "package"))) return join(directory, "package")
  await mkdir(cache, { recursive: true })
  // moved into place when it is complete, so that a build that was cut off leaves nothing half done
  const partial = await mkdtemp(join(cache, "partial-"))
  try {
    await run("npm", ["pack", `${name}@${version}`, "--silent", "--pack-destination", partial], { cwd: root })
    const tarball = join(partial, (await readdir(partial)).find((file) => file.endsWith(".tgz"))!)
    if (integrity !== undefined) await verify(tarball, integrity)
    await run("tar", ["-xzf", tarball, "-C", partial])
    await rm(tarball)
    await rename(partial, directory).catch(async (error: unknown) => {
      // another build was faster
      if (!(await exists(join(directory, "package")))) throw error
    })
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return join(directory, "package")
}

const exists = (path: string): Promise<boolean> => readdir(path).then(() => true, () => false)

const verify = async (tarball: string, integrity: string): Promise<void> => {
  const [algorithm = "", expected] = integrity.split("-")
  const actual = createHash(algorithm).update(await readFile(tarball)).digest("base64")
  if (actual !== expected) {
    throw new Error(`${tarball} is not what package-lock.json says: ${algorithm}-${actual} instead of ${integrity}`)
  }
}
