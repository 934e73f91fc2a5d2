/** Whether a file can be executed, as the kernel sees it, asked before somebody else executes it. */
import { accessSync, closeSync, constants, openSync, readSync } from "node:fs"

// the kernel reads as much of a script's first line
const headBytes = 256

const headOf = (file: string): string => {
  const head = Buffer.alloc(headBytes)
  const descriptor = openSync(file, "r")
  try {
    return head.toString("latin1", 0, readSync(descriptor, head, 0, head.length, 0))
  } finally {
    closeSync(descriptor)
  }
}

/** Throws what executing the file would fail with. */
export const assertLaunchable = (file: string, isStartedByAnother: boolean): void => {
  const head = headOf(file)
  // libc's execvp hands a file without a known format to /bin/sh, where Lambda answers "exec format error"
  if (!head.startsWith("#!") && !head.startsWith("\u007fELF")) {
    throw Object.assign(new Error(`exec format error: ${file}`), { code: "ENOEXEC" })
  }
  if (!isStartedByAnother) return
  accessSync(file, constants.X_OK)
  const interpreter = /^#![ \t]*(\S+)/.exec(head)?.[1]
  if (interpreter !== undefined) accessSync(interpreter, constants.X_OK)
}
