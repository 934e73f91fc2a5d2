/** The shells that `/bin/sh` may be where an extension runs. */
import { existsSync } from "node:fs"
import { join } from "node:path"

/** One shell: the program, the name it is called by, and what stands before the script. */
export interface Shell {
  readonly title: string
  readonly file: string
  readonly argv0: string
  readonly args: ReadonlyArray<string>
}

const find = (name: string): string => {
  const file = ["/bin", "/usr/bin"].map((directory) => join(directory, name)).find(existsSync)
  if (file === undefined) throw new Error(`${name} is not installed: run .ci/setup`)
  return file
}

/** Lambda's base images have bash as `sh`; it can open connections. */
export const bashAsSh: Shell = { title: "bash as sh", file: find("bash"), argv0: "sh", args: [] }

/** Shells that can open connections, and so register. */
export const bashes: ReadonlyArray<Shell> = [
  { title: "bash", file: find("bash"), argv0: "bash", args: [] },
  { title: "bash --posix", file: find("bash"), argv0: "bash", args: ["--posix"] },
  bashAsSh
]

/** Debian's and Alpine's `sh`, which cannot. */
export const others: ReadonlyArray<Shell> = [
  { title: "dash", file: find("dash"), argv0: "sh", args: [] },
  { title: "busybox sh", file: find("busybox"), argv0: "busybox", args: ["sh"] }
]
