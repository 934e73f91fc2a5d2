/** Writes the run as a page. */
import * as Effect from "effect/Effect"
import { accessSync, constants, statSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { renderTimeline } from "../src/testing/timeline/renderTimeline.ts"
import type { TimelineRun } from "../src/testing/timeline/Run.ts"
import { DemoError } from "./DemoError.ts"

/** What the system calls it, in words. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "it is not permitted",
  EISDIR: "it is a directory",
  ENOENT: "its directory does not exist",
  ENOSPC: "the disk is full",
  ENOTDIR: "its directory is a file",
  EPERM: "it is not permitted",
  EROFS: "the disk is read-only"
}

const attempt = (file: string, run: () => void): Effect.Effect<void, DemoError> =>
  Effect.try({
    try: run,
    catch: (error) => {
      const { code = "", message } = error as NodeJS.ErrnoException
      return new DemoError({ problem: `--html: ${file} cannot be written: ${WORDS[code] ?? message}` })
    }
  })

/** Finds out whether the page can be written before the run, not after it. */
export const check = (file: string): Effect.Effect<void, DemoError> =>
  attempt(file, () => {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found?.isDirectory() === true) throw Object.assign(new Error(), { code: "EISDIR" })
    // the dot tells a directory from a file
    accessSync(found === undefined ? `${dirname(file)}/.` : file, constants.W_OK)
  })

/** Writes the page. */
export const write = (file: string, run: TimelineRun): Effect.Effect<void, DemoError> =>
  attempt(file, () => writeFileSync(file, renderTimeline(run)))
