/** Real processes of the sandbox: each leads a process group of its own, and its output is read without loss. */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"
import type { Readable } from "node:stream"
import { setImmediate as nextTurn } from "node:timers/promises"
import { now, sleep } from "./Clock.ts"
import { telemetryLogDescriptor } from "./Environment.ts"
import { assertLaunchable } from "./Launch.ts"
import { FrameReader, LineSplitter } from "./Lines.ts"
import type { Frame } from "./Lines.ts"

/** How a process ended. */
export interface ProcessExit {
  readonly at: number
  readonly code: number | undefined
  readonly signal: string | undefined
}

/** What to start, and who reads what it writes. */
export interface ProcessOptions {
  readonly file: string
  /** Where it finds itself, if not there. */
  readonly path: string | undefined
  readonly arguments: ReadonlyArray<string>
  readonly environment: Record<string, string>
  readonly directory: string
  /** A program that becomes this one, and its arguments; it is to change nothing else. */
  readonly prefix: ReadonlyArray<string>
  /** Adds the framed log descriptor of managed runtimes. */
  readonly isFramed: boolean
  readonly onLine: (stream: "stdout" | "stderr", text: string) => void
  readonly onFrame: (frame: Frame) => void
  /** Called once, after everything the process wrote has been read. */
  readonly onExit: (exit: ProcessExit) => void
  /** The process could not be started at all. */
  readonly onLaunchError: (error: NodeJS.ErrnoException) => void
}

// Each turn of the event loop reads what the kernel holds; after two turns without a byte there is nothing left.
const quietTurns = 2

// bounds the wait for a process that never stops writing
const mostTurns = 20_000

/** One running process and its group. */
export class ManagedProcess {
  exit: ProcessExit | undefined
  isStopped = false
  readonly #options: ProcessOptions
  #child: ChildProcess | undefined
  #activity = 0
  #flushes: Array<() => void> = []

  constructor(options: ProcessOptions) {
    this.#options = options
  }

  /** Starts the process; a failure is reported to `onLaunchError`, never thrown. */
  start(): void {
    const { arguments: args, directory, environment, file, isFramed, path = file, prefix } = this.#options
    try {
      assertLaunchable(file, prefix.length > 0)
      const [program = file, ...rest] = [...prefix, path, ...args]
      this.#child = spawn(program, rest, {
        cwd: directory,
        env: environment,
        detached: true,
        stdio: isFramed ? ["ignore", "pipe", "pipe", "pipe"] : ["ignore", "pipe", "pipe"]
      })
    } catch (error) {
      this.#options.onLaunchError(error as NodeJS.ErrnoException)
      return
    }
    const child = this.#child
    child.once("error", (error) => {
      if (child.pid === undefined) this.#options.onLaunchError(error)
    })
    child.once("exit", (code, signal) => {
      const exit = { at: now(), code: code ?? undefined, signal: signal ?? undefined }
      // what it left behind goes with it, as the whole environment would
      this.#kill("SIGKILL")
      void this.#finish(exit)
    })
    this.#readLines("stdout", child.stdout)
    this.#readLines("stderr", child.stderr)
    if (isFramed) this.#readFrames(child.stdio[telemetryLogDescriptor] as Readable)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get isRunning(): boolean {
    return this.#child?.pid !== undefined && this.exit === undefined
  }

  /** Waits until everything written so far has been read and handed on. */
  async drain(silenceMs = 0): Promise<void> {
    await this.#quiet()
    if (silenceMs === 0) return
    await sleep(silenceMs)
    await this.#quiet()
  }

  stop(): void {
    this.isStopped = true
    this.#kill("SIGSTOP")
  }

  resume(): void {
    this.isStopped = false
    this.#kill("SIGCONT")
  }

  terminate(): void {
    this.#kill("SIGTERM")
  }

  kill(): void {
    this.#kill("SIGKILL")
  }

  /** The most memory it has held so far, in bytes; 0 where the system does not tell. */
  get peakMemoryBytes(): number {
    if (!this.isRunning) return 0
    try {
      const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))
      return Number(peak?.[1] ?? 0) * 1024
    } catch {
      return 0
    }
  }

  #kill(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    if (pid === undefined || this.exit !== undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // the group is gone already
    }
  }

  async #finish(exit: ProcessExit): Promise<void> {
    await this.#quiet()
    for (const flush of this.#flushes) flush()
    this.exit = exit
    for (const stream of this.#child?.stdio ?? []) stream?.destroy()
    this.#options.onExit(exit)
  }

  async #quiet(): Promise<void> {
    let seen = this.#activity
    for (let turn = 0, calm = 0; turn < mostTurns && calm < quietTurns; turn++) {
      await nextTurn()
      calm = this.#activity === seen ? calm + 1 : 0
      seen = this.#activity
    }
  }

  #readLines(stream: "stdout" | "stderr", source: Readable | null): void {
    const splitter = new LineSplitter()
    source?.on("data", (chunk: Buffer) => {
      this.#activity++
      for (const line of splitter.push(chunk)) this.#options.onLine(stream, line)
    })
    // a reset by the dying process is no news: its exit is
    source?.on("error", () => undefined)
    this.#flushes.push(() => {
      const rest = splitter.end()
      if (rest !== undefined) this.#options.onLine(stream, rest)
    })
  }

  #readFrames(source: Readable): void {
    const reader = new FrameReader()
    source.on("data", (chunk: Buffer) => {
      this.#activity++
      for (const frame of reader.push(chunk)) this.#options.onFrame(frame)
    })
    source.on("error", () => undefined)
  }
}
