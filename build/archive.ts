/**
 * Archives whose bytes depend on nothing but their contents: sorted entries, one date, given modes, owned by root, and
 * deflated by JavaScript, since zlib's output differs between processors.
 */
import { gzipSync, type Zippable, zipSync } from "fflate"
import { packTar, type TarEntry } from "modern-tar"
import { dirname } from "node:path/posix"

/** One file of a layer: where it lands under /opt, and what it is. */
export interface LayerFile {
  readonly path: string
  readonly isExecutable: boolean
  readonly bytes: Uint8Array
}

/** Regular files, for their owner to write (Lambda runs extensions as another user: everybody may read). */
const modeOf = ({ isExecutable }: LayerFile): number => isExecutable ? 0o755 : 0o644
const DIRECTORY_MODE = 0o755
const REGULAR_FILE = 0o100000

/** Unix, so that unzip programs apply the mode (APPNOTE.TXT 4.4.2). */
const ZIP_SYSTEM_UNIX = 3

/** The first moment that a zip can have, as its local time. */
const ZIP_DATE = new Date(1980, 0, 1)
const TAR_DATE = new Date("1980-01-01T00:00:00Z")

const BEST_COMPRESSION = 9

const sorted = (files: ReadonlyArray<LayerFile>): ReadonlyArray<LayerFile> =>
  files.toSorted((a, b) => a.path < b.path ? -1 : 1)

/** A zip: what Lambda takes as a layer. */
export const zip = (files: ReadonlyArray<LayerFile>): Uint8Array => {
  const entries: Zippable = {}
  for (const file of sorted(files)) {
    entries[file.path] = [file.bytes, { attrs: ((REGULAR_FILE | modeOf(file)) << 16) >>> 0 }]
  }
  return zipSync(entries, { level: BEST_COMPRESSION, mtime: ZIP_DATE, os: ZIP_SYSTEM_UNIX })
}

/** A `.tar.gz`: what `ADD` of a Dockerfile unpacks, modes and all. */
export const tarball = async (files: ReadonlyArray<LayerFile>): Promise<Uint8Array> => {
  const root = { uid: 0, gid: 0, uname: "root", gname: "root", mtime: TAR_DATE }
  const directories = new Set(files.flatMap(({ path }) => parentsOf(path)))
  const entries: ReadonlyArray<TarEntry> = [
    ...[...directories].sort().map((path): TarEntry => ({
      header: { ...root, name: `${path}/`, type: "directory", size: 0, mode: DIRECTORY_MODE }
    })),
    ...sorted(files).map((file): TarEntry => ({
      header: { ...root, name: file.path, type: "file", size: file.bytes.length, mode: modeOf(file) },
      body: file.bytes
    }))
  ]
  return gzipSync(await packTar([...entries]), { level: BEST_COMPRESSION, mtime: 0 })
}

const parentsOf = (path: string): ReadonlyArray<string> => {
  const parent = dirname(path)
  return parent === "." ? [] : [...parentsOf(parent), parent]
}
