/** The real AWS CLI and moto's server, which answers as AWS does, both in a Python environment of this checkout. */
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
const environment = join(root, "node_modules/.cache/python")
const requirements = join(root, "test/layer/requirements.txt")

/** What a program said at its end. */
export interface Outcome {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, whatever that is. */
export const outcomeOf = (
  program: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> }
): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(program, args, { ...options, timeout: PATIENCE_MS }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code ?? error.signal ?? null, stdout, stderr })
    })
  })

/** Says why there is no Python to use, if so; CI has to have one, so there it is never a reason to skip. */
export const whyWithoutPython = (): string | undefined => {
  if (process.env["CI"] === "true") return undefined
  const { status } = spawnSync("python3", ["-c", "import ensurepip, venv"], { stdio: "ignore" })
  return status === 0 ? undefined : "python3 with venv is not installed, so the AWS CLI cannot be tried"
}

/** Installs the pinned packages, unless they are there; answers with the directory of the `aws` program. */
export const installAwsCli = (): string => {
  const bin = join(environment, "bin")
  // written last: an installation that was interrupted starts again
  const installed = join(environment, "installed.txt")
  const wanted = readFileSync(requirements, "utf8")
  if (existsSync(installed) && readFileSync(installed, "utf8") === wanted) return bin
  rmSync(environment, { recursive: true, force: true })
  execFileSync("python3", ["-m", "venv", environment], { stdio: "inherit" })
  execFileSync(
    join(bin, "python"),
    ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement", requirements],
    { stdio: "inherit" }
  )
  writeFileSync(installed, wanted)
  return bin
}

/** A running stand-in. */
export interface AwsStandIn {
  readonly url: string
  readonly process: ChildProcess
}

/** Starts moto's server on a free port of 127.0.0.1. */
export const startAwsStandIn = (bin: string): Promise<AwsStandIn> =>
  new Promise((resolve, reject) => {
    const server = spawn(join(bin, "python"), ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], {
      env: { PATH: `${bin}:/usr/bin:/bin`, PYTHONUNBUFFERED: "1" },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    const failed = (why: string) => {
      server.kill("SIGKILL")
      reject(new Error(`moto's server ${why}: ${said}`))
    }
    const timer = setTimeout(() => failed("is not ready"), PATIENCE_MS)
    server.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
      const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      resolve({ url, process: server })
    })
    server.once("error", ({ message }) => failed(message))
    server.once("exit", (code) => failed(`ended with ${code}`))
  })

/** Ends the stand-in and waits until it has. */
export const stopAwsStandIn = ({ process: server }: AwsStandIn): Promise<void> =>
  new Promise((resolve) => {
    if (server.exitCode !== null || server.signalCode !== null) return resolve()
    server.once("exit", () => resolve())
    server.kill("SIGKILL")
  })

/** What the AWS CLI gets to see: nothing of whoever runs the tests. */
export const awsEnvironment = (home: string, bin: string): Record<string, string> => ({
  PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`,
  HOME: home,
  AWS_ACCESS_KEY_ID: "testing",
  AWS_SECRET_ACCESS_KEY: "testing",
  AWS_EC2_METADATA_DISABLED: "true"
})

/** Longest run of one command, in ms: Python programs on two shared cores need seconds. */
const PATIENCE_MS = 120_000
