/**
 * The directory of spilled batches, as the disk has it: nothing there is trusted, since the function can write there,
 * too. What is never followed: links. What is never waited for: pipes.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Fs from "node:fs/promises"
import { TEMPORARY_SUFFIX } from "./SpillFile.ts"

/** The disk did not do what it was asked. */
export class DiskError extends Data.TaggedError("DiskError")<{
  /** The system's code, or `FOREIGN` for what is not of the expected kind or belongs to another user. */
  readonly code: string
}> {
  override get message() {
    return this.code
  }
}

// not at the start, which has no use for it
const loadFs = Effect.promise(() => import("node:fs/promises"))

const disk = <A>(use: (fs: typeof Fs) => Promise<A>): Effect.Effect<A, DiskError> =>
  Effect.flatMap(loadFs, (fs) =>
    Effect.tryPromise({
      try: () => use(fs),
      catch: (cause) => new DiskError({ code: String((cause as NodeJS.ErrnoException).code) })
    }))

const orElse = <A>(code: string, value: A) =>
  Effect.catch((error: DiskError): Effect.Effect<A, DiskError> =>
    error.code === code ? Effect.succeed(value) : Effect.fail(error)
  )

const foreign = new DiskError({ code: "FOREIGN" })

// no user ids on Windows, where embedders may develop
const isOurs = ({ uid }: { readonly uid: number }): boolean => process.getuid === undefined || uid === process.getuid()

/** Whether the directory is there; fails when something else is. */
export const exists = Effect.fnUntraced(function*(directory: string) {
  const stat = yield* disk((fs) => fs.lstat(directory)).pipe(orElse("ENOENT", undefined))
  if (stat === undefined) return false
  return stat.isDirectory() && isOurs(stat) ? true : yield* foreign
})

/** Makes sure that there is a directory, for our eyes only. */
export const create = Effect.fnUntraced(function*(directory: string) {
  if (yield* exists(directory)) return
  yield* disk((fs) => fs.mkdir(directory, { mode: 0o700 })).pipe(orElse("EEXIST", undefined))
  yield* exists(directory)
})

/** Names of the files, the oldest first. What a crash left half written is removed on the way. */
export const list = Effect.fnUntraced(function*(directory: string) {
  const names = yield* disk((fs) => fs.readdir(directory))
  const isLeft = (name: string) => name.endsWith(TEMPORARY_SUFFIX)
  for (const name of names.filter(isLeft)) yield* Effect.ignore(remove(directory, name))
  return names.filter((name) => !isLeft(name)).sort()
})

/** Puts a file there in one piece: it is whole or it is not there. A reset keeps what the system has not yet stored. */
export const write = Effect.fnUntraced(
  function*(directory: string, name: string, bytes: Buffer) {
    const file = `${directory}/${name}`
    const temporary = file + TEMPORARY_SUFFIX
    yield* disk(({ constants, writeFile }) =>
      writeFile(temporary, bytes, {
        flag: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
        mode: 0o600
      })
    ).pipe(
      Effect.andThen(disk((fs) => fs.rename(temporary, file))),
      Effect.tapError(() => Effect.ignore(remove(directory, name + TEMPORARY_SUFFIX)))
    )
  },
  Effect.uninterruptible
)

/** What a file holds, of which there should be `size` bytes; `undefined` when it has gone. */
export const read = Effect.fnUntraced(function*(directory: string, name: string, size: number) {
  return yield* Effect.acquireUseRelease(
    disk(({ constants, open }) =>
      open(`${directory}/${name}`, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    ),
    (handle) =>
      Effect.gen(function*() {
        const stat = yield* disk(() => handle.stat())
        if (!stat.isFile() || !isOurs(stat) || stat.size > size) return yield* foreign
        const { buffer, bytesRead } = yield* disk(() => handle.read(Buffer.allocUnsafeSlow(size), 0, size, 0))
        return buffer.subarray(0, bytesRead)
      }),
    (handle) => Effect.ignore(disk(() => handle.close()))
  ).pipe(orElse("ENOENT", undefined))
})

/** Removes a file; one that has gone already is as good. */
export const remove = (directory: string, name: string): Effect.Effect<void, DiskError> =>
  disk((fs) => fs.unlink(`${directory}/${name}`)).pipe(orElse("ENOENT", undefined))

/** Bytes that may still be written to the disk; `Infinity` where it does not say. */
export const freeBytes = (directory: string): Effect.Effect<number> =>
  disk((fs) => fs.statfs(directory)).pipe(
    Effect.map(({ bavail, bsize }) => bavail * bsize),
    Effect.orElseSucceed(() => Infinity)
  )
