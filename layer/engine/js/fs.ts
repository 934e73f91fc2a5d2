/** As much of `node:fs` and `node:fs/promises` as the program uses. */
import { codedError, type OrCode, type Stat } from "./host.ts"

/** `writeFile` writes only what is not there yet and follows no link, `open` only reads: little is left to choose. */
export const constants = { O_RDONLY: 0, O_WRONLY: 0, O_CREAT: 0, O_EXCL: 0, O_NOFOLLOW: 1, O_NONBLOCK: 0 }

/** Longer than anything that is read in one go. */
const MAX_SHORT_BYTES = 4096

const unless = <A>(result: OrCode<A>): A => {
  if (typeof result === "string") throw codedError(result)
  return result
}

const stats = ([kind, uid, size]: Stat) => ({ isDirectory: () => kind === 1, isFile: () => kind === 2, uid, size })

type Stats = ReturnType<typeof stats>

export const lstat = async (path: string, done?: (error: Error | null) => void): Promise<Stats | undefined> => {
  const result = host.lstat(path)
  if (done === undefined) return stats(unless(result))
  host.nextTurn(() => done(typeof result === "string" ? codedError(result) : null))
  return undefined
}

/** The first line or so of a file: what the program reads in one go is short. */
export const readFileSync = (path: string): string => {
  const file = unless(host.open(path, false))
  try {
    return host.fromLatin1(new Uint8Array(unless(host.read(file, MAX_SHORT_BYTES))))
  } finally {
    host.close(file)
  }
}

export const mkdir = async (path: string, { mode }: { readonly mode: number }) => unless(host.mkdir(path, mode))
export const readdir = async (path: string) => unless(host.readdir(path))
export const rename = async (from: string, to: string) => unless(host.rename(from, to))
export const unlink = async (path: string) => unless(host.unlink(path))
export const statfs = async (path: string) => ({ bavail: unless(host.freeBytes(path)), bsize: 1 })

export const writeFile = async (path: string, bytes: Uint8Array, { mode }: { readonly mode: number }) =>
  unless(host.writeFile(path, bytes, mode))

export const open = async (path: string, flags: number) => {
  const file = unless(host.open(path, (flags & constants.O_NOFOLLOW) === 0))
  return {
    stat: async () => stats(unless(host.fstat(file))),
    read: async (buffer: Uint8Array, at: number, size: number) => {
      const bytes = new Uint8Array(unless(host.read(file, size)))
      buffer.set(bytes, at)
      return { buffer, bytesRead: bytes.length }
    },
    close: async () => host.close(file)
  }
}
