/** One life of the processes in a sandbox: from the spawn of the extensions to the last SIGKILL. */
import { readdirSync, statSync } from "node:fs"
import { dirname, extname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { AgentEvent } from "./Agent.ts"
import { Agent } from "./Agent.ts"
import { now } from "./Clock.ts"
import { Condition } from "./Condition.ts"
import { extensionEnvironment, runtimeEnvironment } from "./Environment.ts"
import type { ExtensionMounts } from "./ExtensionMounts.ts"
import type { OutputLine } from "./Observations.ts"
import type { EmulatorSettings } from "./Options.ts"
import { ManagedProcess } from "./Processes.ts"
import type { ProcessExit } from "./Processes.ts"
import { lineRecord } from "./Records.ts"
import { RuntimeSlot } from "./RuntimeSlot.ts"
import type { TelemetryStream } from "./TelemetryStream.ts"

/** The first thing that went wrong for good; later ones are not recorded. */
export interface Fatal {
  readonly at: number
  readonly errorType: string
  /** One sentence for the person who runs the emulator. */
  readonly problem: string
}

/** What a generation shares with its sandbox. */
export interface GenerationContext {
  readonly settings: EmulatorSettings
  readonly runtimeApi: string
  readonly stream: TelemetryStream
  readonly output: Array<OutputLine>
  readonly logStreamName: string
  readonly mounts: ExtensionMounts
}

/** Lambda's limit of external and internal extensions together. */
export const maxExtensions = 10

// A runtime that is not ours may write through a helper; its lines get this long to come, in ms.
const foreignSilenceMs = 3

// what libc, Node.js, Python, Go, Rust and curl say of a name that is not known
const unresolved = /getaddrinfo|gaierror|ENOTFOUND|EAI_AGAIN|not known|no such host|could not resolve|name resolution/i

// The runtime lies beside this module, compiled or not.
const nodeRuntimeFile = join(
  dirname(fileURLToPath(import.meta.url)),
  `NodeRuntime${extname(fileURLToPath(import.meta.url))}`
)

/** The processes, the states of the extensions and of the runtime, and the first fatal error. */
export class Generation {
  readonly agents: Array<Agent> = []
  readonly runtime: RuntimeSlot
  readonly condition = new Condition()
  fatal: Fatal | undefined
  isEnding = false
  invocations = 0
  readonly #context: GenerationContext

  constructor(context: GenerationContext) {
    this.#context = context
    this.runtime = new RuntimeSlot(context.settings.isManaged)
  }

  get processes(): ReadonlyArray<ManagedProcess> {
    return [this.runtime.process, ...this.agents.map((agent) => agent.process)].filter((process) =>
      process !== undefined
    )
  }

  get externals(): ReadonlyArray<Agent> {
    return this.agents.filter((agent) => agent.isExternal)
  }

  get #isOver(): boolean {
    return this.fatal !== undefined || this.isEnding
  }

  /** Waits for a state; a fatal error, the end of the generation or the deadline ends the wait. */
  async until(isMet: () => boolean, deadlineMs: number): Promise<"met" | "fatal" | "deadline"> {
    const isOver = await this.condition.until(() => this.#isOver || isMet(), deadlineMs)
    return this.#isOver ? "fatal" : isOver ? "met" : "deadline"
  }

  /** Records a fatal error, unless there was one before. */
  fail(errorType: string, problem: string): void {
    if (this.isEnding) return
    this.fatal ??= { at: now(), errorType, problem }
    this.condition.notify()
  }

  /** Starts every file of the extensions directory, in directory order. */
  spawnExtensions(): void {
    const { extensionsDirectory } = this.#context.settings
    const names = readdirSync(extensionsDirectory).sort()
      .filter((name) => !statSync(join(extensionsDirectory, name)).isDirectory())
    for (const name of names) this.agents.push(new Agent(name, true))
    if (names.length > maxExtensions) {
      this.fail("TooManyExtensions", `${names.length} extensions, Lambda allows ${maxExtensions}`)
      return
    }
    for (const agent of this.agents) this.#spawnExtension(agent, join(extensionsDirectory, agent.name))
  }

  spawnRuntime(): void {
    const { runtimeApi, settings } = this.#context
    const { runtime } = settings
    const isFramed = runtime._tag === "Handler"
    const process = new ManagedProcess({
      file: isFramed ? globalThis.process.execPath : runtime.file,
      path: undefined,
      arguments: isFramed ? [nodeRuntimeFile, runtime.file, runtime.export ?? "handler"] : [],
      environment: runtimeEnvironment(settings, runtimeApi, this.#context.logStreamName),
      directory: dirname(runtime.file),
      prefix: [],
      isFramed,
      onLine: (stream, text) => this.#write("runtime", stream, text),
      onFrame: ({ payload }) => this.#write("runtime", "stdout", payload),
      onExit: (exit) => this.#runtimeExited(exit),
      onLaunchError: (error) =>
        this.fail("Runtime.InvalidEntrypoint", `the runtime ${runtime.file} could not be started: ${error.message}`)
    })
    this.runtime.process = process
    process.start()
  }

  /** Waits until everything that the runtime has written is in the stream. */
  async drainRuntime(): Promise<void> {
    await this.runtime.process?.drain(this.#context.settings.runtime._tag === "Bootstrap" ? foreignSilenceMs : 0)
  }

  deliver(event: AgentEvent): void {
    for (const agent of this.agents) {
      if (agent.wants(event.eventType)) agent.deliver(event)
    }
  }

  stop(): void {
    this.#context.stream.hold()
    for (const process of this.processes) process.stop()
  }

  resume(): void {
    for (const process of this.processes) {
      if (process.isStopped) process.resume()
    }
    this.#context.stream.release()
  }

  /** Ends it without ceremony. */
  kill(): void {
    this.isEnding = true
    for (const process of this.processes) process.kill()
    this.condition.notify()
  }

  /** The last lines of a process, for an error message. */
  tail(source: string): string {
    const lines = this.#context.output.filter((line) => line.source === source).slice(-20).map(({ line }) => line)
    return lines.length === 0 ? "it has written nothing" : `its output was:\n${lines.join("\n")}`
  }

  /** The last lines of an extension that never got ready, and what to do if they tell of a name that is not known. */
  tailOfStart(name: string): string {
    const tail = this.tail(name)
    const { hint } = this.#context.mounts
    return hint !== undefined && unresolved.test(tail) ? `${tail}\n${hint}` : tail
  }

  #spawnExtension(agent: Agent, file: string): void {
    const { mounts, runtimeApi, settings } = this.#context
    agent.process = new ManagedProcess({
      file,
      path: mounts.pathOf(file),
      arguments: [],
      environment: extensionEnvironment(settings, runtimeApi),
      directory: "/",
      prefix: mounts.prefix,
      isFramed: false,
      onLine: (stream, text) => this.#write(agent.name, stream, text),
      onFrame: () => undefined,
      onExit: (exit) => this.#extensionExited(agent, exit),
      onLaunchError: (error) => {
        agent.state = "LaunchError"
        agent.errorType = error.code === "EACCES" ? "PermissionDenied" : "Extension.LaunchError"
        this.fail(agent.errorType, `extension ${agent.name} could not be started: ${error.message}`)
      }
    })
    agent.process.start()
  }

  #extensionExited(agent: Agent, exit: ProcessExit): void {
    this.#context.stream.close(agent.name)
    if (this.isEnding) {
      agent.state = exit.code === 0 ? "Exited" : "ShutdownFailed"
    } else {
      const reported = agent.state === "InitError" || agent.state === "ExitError"
      const errorType = reported ? `Extension.${agent.state}` : "Extension.Crash"
      agent.errorType ??= errorType
      if (!reported) agent.state = "Exited"
      const how = exit.code === undefined ? `by ${exit.signal ?? "a signal"}` : `with code ${exit.code}`
      const tail = agent.readyAt === undefined ? this.tailOfStart(agent.name) : this.tail(agent.name)
      this.fail(errorType, `extension ${agent.name} exited ${how}; ${tail}`)
    }
    this.condition.notify()
  }

  #runtimeExited(exit: ProcessExit): void {
    for (const agent of this.agents) {
      if (!agent.isExternal) this.#context.stream.close(agent.name)
    }
    const how = exit.code === undefined ? `by ${exit.signal ?? "a signal"}` : `with code ${exit.code}`
    // the kernel ends a process that needs more memory than the function has so; nothing else in a sandbox does
    const errorType = exit.signal === "SIGKILL" ? "Runtime.OutOfMemory" : "Runtime.ExitError"
    this.fail(this.runtime.errorType ?? errorType, `the runtime exited ${how}; ${this.tail("runtime")}`)
    this.condition.notify()
  }

  #write(source: string, stream: "stdout" | "stderr", text: string): void {
    const { output, settings } = this.#context
    const at = now()
    output.push({ at, source, stream, line: text.endsWith("\n") ? text.slice(0, -1) : text })
    const type = source === "runtime" ? "function" : "extension"
    this.#context.stream.line(type, lineRecord(settings.logFormat, text, at), at)
  }
}
