/** Runs the launcher under one shell, with a `node` that only tells what it was given. */
import { spawn } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Shell } from "./shells.ts"

const source = fileURLToPath(new URL("../../../layer/extensions/o2-lambda-extension", import.meta.url))

/** Longer than any run takes on a busy machine, in ms; one that hangs is ended and has no exit code. */
const PATIENCE_MS = 20_000

/** Writes its arguments and its environment beside itself; by dash, which takes no options from the environment. */
const RECORDER = `#!/bin/dash
printf '%s\\0' "$0" "$@" > "$0.arguments"
env -0 > "$0.environment"
`

/** A directory laid out as `/opt` is, without anything but the launcher. */
export interface Opt {
  readonly root: string
  readonly launcher: string
  /** On `PATH`; holds the `node` that records. */
  readonly bin: string
  /** Writes an executable file. */
  readonly write: (path: string, text: string) => void
  readonly remove: () => void
}

/** What to vary; everything else is as on Lambda. */
export interface OptOptions {
  readonly name?: string
  readonly directory?: string
  readonly hasNode?: boolean
}

/** Lays out a directory for the nodejs flavour with a recording `node`. */
export const opt = ({ directory = "opt", hasNode = true, name = "o2-lambda-extension" }: OptOptions = {}): Opt => {
  const temporary = mkdtempSync(join(tmpdir(), "o2-launcher-"))
  const root = join(temporary, directory)
  const bin = join(temporary, "bin")
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text, { mode: 0o755 })
  }
  mkdirSync(bin)
  // for the recorder; `/usr/bin` itself may hold a Node.js
  symlinkSync("/usr/bin/env", join(bin, "env"))
  write("o2-lambda-extension/main.cjs", "")
  mkdirSync(join(root, "extensions"))
  const launcher = join(root, "extensions", name)
  copyFileSync(source, launcher)
  if (hasNode) writeFileSync(join(bin, "node"), RECORDER, { mode: 0o755 })
  return { root, launcher, bin, write, remove: () => rmSync(temporary, { recursive: true, force: true }) }
}

/** How a run went. */
export interface Run {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  /** What an engine recorded; undefined when it never ran. */
  readonly engine:
    | { readonly arguments: ReadonlyArray<string>; readonly environment: Record<string, string> }
    | undefined
}

/** Options of one run. */
export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>
  readonly args?: ReadonlyArray<string>
  /** How the script is called; its full path when absent. */
  readonly script?: string
  readonly cwd?: string
}

/** Runs the launcher to its end. */
export const run = async (shell: Shell, { bin, launcher }: Opt, options: RunOptions = {}): Promise<Run> => {
  const { args = [], cwd = "/", environment = {}, script = launcher } = options
  const child = spawn(shell.file, [...shell.args, script, ...args], {
    argv0: shell.argv0,
    cwd,
    env: { PATH: bin, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => stdout += chunk)
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => stderr += chunk)
  const timer = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), PATIENCE_MS)
  const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve))
  clearTimeout(timer)
  return { exitCode, stdout, stderr, engine: recorded(join(bin, "node")) }
}

const recorded = (engine: string): Run["engine"] => {
  if (!existsSync(`${engine}.environment`)) return undefined
  const list = (name: string) => readFileSync(`${engine}.${name}`, "utf8").split("\0").slice(0, -1)
  return {
    arguments: list("arguments").slice(1),
    environment: Object.fromEntries(
      list("environment").map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)])
    )
  }
}
