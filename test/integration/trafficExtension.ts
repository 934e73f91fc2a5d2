/** The built artefact as a process of Lambda's, without Lambda: started, frozen, thawed and ended by its own pid. */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { OwnLine } from "./sandbox.ts"
import { changed, type Machine, NAMED_HOST, resolves, setsClockBack } from "./trafficEngine.ts"

/** Something that the extension has logged. */
interface Said {
  /** `performance.now()` when it was read. */
  readonly at: number
  readonly line: OwnLine
}

/** How the process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** `performance.now()` of the end. */
  readonly at: number
}

/** Lets a process run for a share of each 100 ms, until it is gone. */
const THROTTLE = `
  const [pid, share] = process.argv.slice(1).map(Number)
  const sleep = (millis) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
  for (let period = 0; period < 300; period++) {
    process.kill(pid, "SIGCONT")
    sleep(100 * share)
    process.kill(pid, "SIGSTOP")
    sleep(100 * (1 - share))
  }
`

/** A running process. */
export interface TrafficExtension {
  readonly said: ReadonlyArray<Said>
  /** Whatever it wrote beside its log lines. */
  readonly noise: ReadonlyArray<string>
  readonly exited: Promise<Exit>
  readonly freeze: () => void
  /** From now on it gets this share of a CPU, in periods of 100 ms, as Lambda gives it to small functions. */
  readonly throttle: (share: number) => void
  readonly thaw: () => void
  /** Sets its wall clock back by an hour, where the machine is one whose clock can be. */
  readonly setClockBack: () => void
  /** How many files wait in `TMPDIR` for the next process. */
  readonly spillFiles: () => number
  /** Kills it if need be, and removes what it has left on the disk. */
  readonly end: () => Promise<void>
}

/** Starts the extension of an unpacked layer, with nothing in its environment but this. */
export const startExtension = (
  layer: string,
  environment: Readonly<Record<string, string>>,
  machine: Machine
): TrafficExtension => {
  const temporaryDirectory = mkdtempSync(join(tmpdir(), "o2-traffic-"))
  const spillDirectory = join(temporaryDirectory, "o2-lambda-extension")
  const clockFile = join(temporaryDirectory, "clock")
  const changes = [
    ...(machine.setsClockBack === true ? [setsClockBack(clockFile)] : []),
    ...(machine.addresses === undefined ? [] : [resolves(NAMED_HOST, machine.addresses)])
  ]
  const built = join(layer, "extensions/o2-lambda-extension")
  // the Node.js of this test run first
  const { extension, path } = changes.length === 0
    ? { extension: built, path: dirname(process.execPath) }
    : changed(built, temporaryDirectory, changes.join(""), machine.addresses ?? [])
  const child = spawn(extension, [], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: `${path}:/usr/bin:/bin`, TMPDIR: temporaryDirectory, ...environment }
  })
  const said: Array<Said> = []
  const noise: Array<string> = []
  let rest = ""
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => noise.push(chunk))
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const at = performance.now()
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      if (line.startsWith("{")) said.push({ at, line: JSON.parse(line) as OwnLine })
      else noise.push(line)
    }
  })
  const signal = (name: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(name)
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once("error", () => resolve({ code: null, signal: null, at: performance.now() }))
    child.once("close", (code, signal) => resolve({ code, signal, at: performance.now() }))
  })
  // a test run that is broken off leaves no process behind
  const kill = () => signal("SIGKILL")
  let throttling: ReturnType<typeof spawn> | undefined
  process.once("exit", kill)
  return {
    said,
    noise,
    exited,
    freeze: () => signal("SIGSTOP"),
    throttle: (share) => {
      // apart, so that what this process does delays nothing
      throttling = spawn(process.execPath, ["-e", THROTTLE, String(child.pid), String(share)], { stdio: "ignore" })
    },
    thaw: () => signal("SIGCONT"),
    setClockBack: () => writeFileSync(clockFile, ""),
    spillFiles: () => existsSync(spillDirectory) ? readdirSync(spillDirectory).length : 0,
    end: async () => {
      throttling?.kill("SIGKILL")
      kill()
      await exited
      process.removeListener("exit", kill)
      rmSync(temporaryDirectory, { recursive: true, force: true })
    }
  }
}
