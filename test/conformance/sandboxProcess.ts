/** The processes of one sandbox: the emulator with Lambda's paths around it, in namespaces of its own. */
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { eventually } from "./eventually.ts"
import type { Tools } from "./setup.ts"

/** Which of the emulator's two modes, around which function, and with which shell as `/bin/sh`. */
export interface EmulationOptions {
  readonly mode: "on-demand" | "managed"
  readonly runtime: "node" | "python"
  /** `bash` is what Lambda's images have. */
  readonly shell: "bash" | "dash"
  readonly timeoutSeconds: number
  readonly environment: Readonly<Record<string, string>>
}

/** A process that the emulator has started, as /proc shows it. */
export interface ProcessView {
  readonly environment: ReadonlyArray<string>
  readonly uid: number
}

/** How many workers the function has on Managed Instances. */
export const MAX_CONCURRENCY = 2

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

const layer = process.env["O2_TEST_LAYER"] ?? pathOf("../../dist/layer")

/** Copies of what the sandbox shows as `/opt` and `/var/task`, and an empty `/tmp`. */
export const preparedDirectory = ({ runtime }: EmulationOptions) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      if (!existsSync(layer)) throw new Error(`${layer} is not built: run \`npm run build\` first`)
      const directory = mkdtempSync(join(tmpdir(), "o2-conformance-"))
      chmodSync(directory, 0o755)
      cpSync(layer, join(directory, "opt"), { recursive: true })
      cpSync(pathOf(`functions/${runtime}`), join(directory, "task"), { recursive: true })
      mkdirSync(join(directory, "tmp"))
      return directory
    }),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )

/** `PATH` of Lambda's processes, and of the script that arranges theirs. */
const PATH = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"

/** A started emulator. */
interface SandboxProcess {
  /** The emulator's number outside of its process namespace. */
  readonly pid: number
  /** What it and its children have written so far, stdout and stderr in order of arrival. */
  readonly lines: ReadonlyArray<string>
  /** How it ended; `undefined` until it has, and all of its output has come. */
  readonly exit: () => number | NodeJS.Signals | undefined
}

/** Starts the emulator in the directory; kills all that is left of it with the scope. */
export const startEmulator = Effect.fnUntraced(
  function*(tools: Tools, options: EmulationOptions, directory: string, args: ReadonlyArray<string>) {
    const lines: Array<string> = []
    let exit: number | NodeJS.Signals | undefined
    const namespaces = ["--mount", "--pid", "--fork", "--kill-child"]
    const places = [directory, tools.rie, process.execPath, tools.pythonPrefix, tools.packages]
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const command = [...namespaces, pathOf("sandbox.sh"), ...places, `/bin/${options.shell}`, ...args]
        const child = spawn("unshare", command, {
          env: environmentOf(options),
          stdio: ["ignore", "pipe", "pipe"],
          detached: true
        })
        collectLines(child.stdout, lines)
        collectLines(child.stderr, lines)
        child.once("close", (code, signal) => {
          exit = code ?? signal ?? undefined
        })
        return child
      }),
      killed
    )
    const first = yield* eventually("the sandbox starts", Effect.sync(() => lines[0]), (line) => line !== undefined)
    const pid = Number(/^pid (\d+)$/.exec(first ?? "")?.[1])
    if (Number.isNaN(pid)) return yield* Effect.die(new Error(`the sandbox does not start: ${first}`))
    const started: SandboxProcess = { pid, lines, exit: () => exit }
    return started
  }
)

/** The emulator's environment, all of which it takes for the customer's. */
const environmentOf = ({ environment, mode, timeoutSeconds }: EmulationOptions): NodeJS.ProcessEnv => ({
  PATH,
  AWS_LAMBDA_FUNCTION_NAME: "conformance",
  AWS_LAMBDA_FUNCTION_TIMEOUT: String(timeoutSeconds),
  ...(mode === "managed" ? { AWS_LAMBDA_MAX_CONCURRENCY: String(MAX_CONCURRENCY) } : {}),
  ...environment
})

/** Kills the group of `unshare`, and with its process namespace all that runs in there. */
const killed = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resume(Effect.void)
    child.once("close", () => resume(Effect.void))
    process.kill(-child.pid, "SIGKILL")
  })

const collectLines = (stream: NodeJS.ReadableStream, lines: Array<string>): void => {
  let rest = ""
  stream.setEncoding("utf8")
  stream.on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n")
    rest = parts.pop() ?? ""
    lines.push(...parts)
  })
}

/** The process that the given one has started with a command line that contains the text. */
export const childOf = (parent: number, text: string): ProcessView | undefined => {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, "utf8")
      // pid (name) state ppid …; the name may contain anything
      const stat = read("stat")
      const ppid = Number(stat.slice(stat.lastIndexOf(")")).split(" ")[2])
      if (ppid !== parent || !read("cmdline").includes(text)) continue
      return { environment: read("environ").split("\0"), uid: Number(/^Uid:\s+(\d+)/m.exec(read("status"))?.[1]) }
    } catch {
      // has ended meanwhile
    }
  }
}
