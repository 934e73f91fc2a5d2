/** Global set-up of the conformance tests: finds or fetches what they need, or says what is missing. */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { TestProject } from "vitest/node"
import { type Fetched, fetchEmulator, type Python } from "./fetch.ts"

/** What the tests run with. */
export interface Tools extends Fetched {
  readonly pythonPrefix: string
}

/** The tools, or the reason why there are none. */
type Availability = { readonly tools: Tools } | { readonly missing: string }

declare module "vitest" {
  interface ProvidedContext {
    readonly conformance: Availability
  }
}

/** Called by Vitest before the first test. */
export default function setup(project: TestProject): void {
  const availability = find()
  if ("missing" in availability) {
    process.stderr.write(`conformance: cannot run against AWS's emulator: ${availability.missing}\n`)
  }
  project.provide("conformance", availability)
}

const find = (): Availability => {
  if (process.platform !== "linux") return { missing: "it runs on Linux only" }
  // the emulator changes to uid 993 on Managed Instances, and mounts need root as well
  if (process.getuid?.() !== 0) return { missing: "it needs root" }
  const unshared = attempt("unshare", ["--mount", "--pid", "--fork", "--kill-child", "mount", "--bind", "/opt", "/opt"])
  if (unshared.error !== undefined) return { missing: `unshare does not work: ${unshared.error}` }
  for (const shell of ["bash", "dash"]) {
    if (!existsSync(join("/bin", shell))) return { missing: `/bin/${shell} does not exist` }
  }
  const python = findPython()
  if (typeof python === "string") return { missing: python }
  try {
    return { tools: { ...fetchEmulator(python), pythonPrefix: python.prefix } }
  } catch (error) {
    return { missing: `it could not be fetched: ${String(error)}` }
  }
}

const findPython = (): Python | string => {
  const program = "import pip, sys; print(sys.base_prefix, '%d.%d' % sys.version_info[:2], sep='\\n')"
  const answer = attempt("python3", ["-c", program])
  if (answer.error !== undefined) return `python3 with pip does not work: ${answer.error}`
  const [prefix = "", version = ""] = answer.output.split("\n")
  return existsSync(join(prefix, "bin", "python3"))
    ? { command: "python3", prefix, version }
    : `${prefix}/bin/python3 does not exist`
}

/** ms; both commands take a fraction of a second. */
const ATTEMPT_TIMEOUT = 30_000

const attempt = (command: string, args: ReadonlyArray<string>) => {
  try {
    const output = execFileSync(command, args, { encoding: "utf8", stdio: "pipe", timeout: ATTEMPT_TIMEOUT })
    return { output: output.trim(), error: undefined }
  } catch (error) {
    return { output: "", error: String(error) }
  }
}
