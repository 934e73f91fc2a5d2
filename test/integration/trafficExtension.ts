/** The built artefact as a process of Lambda's, without Lambda: started, frozen, thawed and ended by its own pid. */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { OwnLine } from "./sandbox.ts"

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

/** Sets the wall clock of a Node.js process back by an hour as soon as a file is there. */
const setsClockBack = (file: string) => `
  const { existsSync } = process.getBuiltinModule("node:fs")
  const now = Date.now
  let back = 0
  Date.now = () => {
    if (back === 0 && existsSync(${JSON.stringify(file)})) back = 3600000
    return now() - back
  }
`

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
  /** Sets its wall clock back by an hour; without effect where the engine is not Node.js. */
  readonly setClockBack: () => void
  /** How many files wait in `TMPDIR` for the next process. */
  readonly spillFiles: () => number
  /** Kills it if need be, and removes what it has left on the disk. */
  readonly end: () => Promise<void>
}

/** A Node.js whose clock can be set. */
const withClock = (directory: string, clockFile: string): string => {
  const node = join(directory, "bin/node")
  const preload = `data:text/javascript,${encodeURIComponent(setsClockBack(clockFile))}`
  mkdirSync(dirname(node))
  writeFileSync(node, `#!/bin/sh\nexec "${process.execPath}" --import "${preload}" "$@"\n`, { mode: 0o755 })
  return node
}

/**
 * Starts the launcher of an unpacked layer, with nothing in its environment but this. `hasClock`: its wall clock can be set.
 */
export const startExtension = (
  layer: string,
  environment: Readonly<Record<string, string>>,
  hasClock: boolean
): TrafficExtension => {
  const temporaryDirectory = mkdtempSync(join(tmpdir(), "o2-traffic-"))
  const spillDirectory = join(temporaryDirectory, "o2-lambda-extension")
  const clockFile = join(temporaryDirectory, "clock")
  // the Node.js of this test run first
  const engine = hasClock ? withClock(temporaryDirectory, clockFile) : process.execPath
  const child = spawn(join(layer, "extensions/o2-lambda-extension"), [], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: `${dirname(engine)}:/usr/bin:/bin`, TMPDIR: temporaryDirectory, ...environment }
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
