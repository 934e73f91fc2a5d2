/** The execution environment: one generation after the other, and what survives between them. */
import { randomUUID } from "node:crypto"
import { now } from "./Clock.ts"
import { Condition } from "./Condition.ts"
import type { ExtensionMounts } from "./ExtensionMounts.ts"
import { Generation } from "./Generation.ts"
import { History } from "./History.ts"
import type { InitResult } from "./InitPhase.ts"
import { runInit } from "./InitPhase.ts"
import type { Call, InvokeOptions } from "./InvokePhase.ts"
import { failInvoke, makeCall, runInvoke } from "./InvokePhase.ts"
import { runManagedInvoke } from "./ManagedInvoke.ts"
import type { ExtensionExit, ExtensionStatus, Invocation, OutputLine } from "./Observations.ts"
import type { EmulatorSettings, ShutdownReason } from "./Options.ts"
import { runShutdown } from "./ShutdownPhase.ts"
import type { StreamEntry } from "./StreamEntry.ts"
import { TelemetryStream } from "./TelemetryStream.ts"

/** How a call has ended: what the platform calls a success may be an error that the handler has thrown. */
const wordFor = ({ outcome, status }: Invocation): string =>
  status === "success" && outcome._tag === "HandlerError" ? "handler error" : status

/** Starts, invokes, resets and ends; requests are served in order, on Managed Instances side by side. */
export class Sandbox {
  readonly stream: TelemetryStream
  readonly output: Array<OutputLine> = []
  readonly history = new History()
  /** Says that there is a new line, event or delivery, or that nothing more will come. */
  readonly changed = new Condition()
  generation: Generation | undefined
  readonly #settings: EmulatorSettings
  readonly #runtimeApi: string
  readonly #logStreamName: string
  readonly #mounts: ExtensionMounts
  #isReady = false
  #isClosed = false
  // after a reset the init is repeated inside the next invocation
  #repeatsInit = false
  #initDurationMs = 0
  #lastReport: StreamEntry | undefined
  #queue: Promise<unknown> = Promise.resolve()

  constructor(settings: EmulatorSettings, runtimeApi: string, mounts: ExtensionMounts) {
    this.#mounts = mounts
    this.#settings = settings
    this.#runtimeApi = runtimeApi
    this.stream = new TelemetryStream(settings, this.changed)
    this.#logStreamName = `${
      new Date(now()).toISOString().slice(0, 10).replaceAll("-", "/")
    }/[${settings.functionVersion}]${randomUUID().replaceAll("-", "")}`
  }

  /** Runs the init unless the environment is ready; throws what went wrong. */
  start(): Promise<{ readonly initDurationMs: number }> {
    return this.#inOrder(async () => {
      if (this.#settings.isManaged) await this.#endIfBroken()
      if (!this.#isReady) {
        const result = await this.#init("init", now() + this.#settings.initTimeoutMs)
        if (result._tag === "Failed") throw new Error(result.problem)
      }
      return { initDurationMs: this.#initDurationMs }
    })
  }

  async invoke(payload: unknown): Promise<Invocation> {
    if (!this.#settings.isManaged) return this.#inOrder(() => this.#invokeAlone(payload))
    await this.start()
    const options = this.#invokeOptions(makeCall(this.#settings, payload), this.#initDurationMs)
    const done = this.#beginInvoke(options.call)
    const invocation = await runManagedInvoke(options)
    done(wordFor(invocation), invocation.endedAt)
    if (options.generation.fatal !== undefined) await this.#inOrder(() => this.#endIfBroken())
    return invocation
  }

  /** Ends the environment; the next start or invocation begins a new generation. */
  shutdown(reason: ShutdownReason): Promise<ReadonlyArray<ExtensionExit>> {
    return this.#inOrder(async () => {
      const exits = await this.#end(reason)
      this.#repeatsInit = reason !== "spindown"
      return exits
    })
  }

  /** Does something while the environment runs, as if an invocation had woken it. */
  async awake<A>(action: () => Promise<A>): Promise<A> {
    return this.#inOrder(async () => {
      const wasFrozen = this.history.frozenSince !== undefined
      if (wasFrozen) this.#thaw()
      try {
        return await action()
      } finally {
        if (wasFrozen) this.#freeze()
      }
    })
  }

  /** Kills everything at once. */
  close(): void {
    this.#isClosed = true
    this.generation?.kill()
    this.stream.closeAll()
    this.history.close()
    this.changed.notify()
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Waits until nothing of it runs any more. */
  async gone(): Promise<void> {
    const { generation } = this
    await generation?.condition.until(() => generation.processes.every((process) => !process.isRunning), now() + 2000)
  }

  extensions(): ReadonlyArray<ExtensionStatus> {
    return (this.generation?.externals ?? []).map(({ name, process, state }) => ({
      name,
      pid: process?.pid,
      state,
      exitCode: process?.exit?.code
    }))
  }

  async #invokeAlone(payload: unknown): Promise<Invocation> {
    if (!this.#isReady && !this.#repeatsInit) await this.#init("init", now() + this.#settings.initTimeoutMs)
    const call = makeCall(this.#settings, payload)
    const done = this.#beginInvoke(call)
    const isReady = this.#isReady
    const failed = isReady ? undefined : await this.#init("invoke", call.invocation.deadlineMs)
    const options = this.#invokeOptions(call, isReady ? this.#initDurationMs : undefined)
    options.generation.invocations += 1
    this.history.thaw()
    const result = failed?._tag === "Failed"
      ? failInvoke(options, { status: failed.status, errorType: failed.errorType }, failed.problem)
      : await runInvoke(options)
    done(wordFor(result.invocation), result.invocation.endedAt)
    this.#lastReport = result.report
    if (result.reset !== undefined) {
      await this.#end(result.reset)
      this.#repeatsInit = true
    } else {
      this.#freeze()
    }
    return result.invocation
  }

  #beginInvoke({ invocation, startedAt }: Call) {
    return this.history.begin("invoke", { from: startedAt, requestId: invocation.requestId })
  }

  #invokeOptions(call: Call, initDurationMs: number | undefined): InvokeOptions {
    const generation = this.generation
    if (generation === undefined) throw new Error("the environment has not been started")
    const isColdStart = generation.invocations === 0
    if (this.#settings.isManaged) generation.invocations += 1
    return {
      settings: this.#settings,
      stream: this.stream,
      history: this.history,
      generation,
      call,
      isColdStart,
      initDurationMs: isColdStart ? initDurationMs : undefined
    }
  }

  // A crash ends an environment of Managed Instances with all that runs in it; the next call gets a new one.
  async #endIfBroken(): Promise<void> {
    if (this.#isReady && this.generation?.fatal !== undefined) await this.#end("failure")
  }

  async #init(phase: "init" | "invoke", deadlineMs: number): Promise<InitResult> {
    if (this.#isClosed) throw new Error("the emulator is closed")
    const context = {
      settings: this.#settings,
      runtimeApi: this.#runtimeApi,
      stream: this.stream,
      output: this.output,
      logStreamName: this.#logStreamName,
      mounts: this.#mounts
    }
    const generation = new Generation(context)
    this.generation = generation
    this.#lastReport = undefined
    this.history.beginGeneration()
    const done = this.history.begin("init")
    const result = await runInit({ ...context, generation, phase, deadlineMs })
    done(result._tag === "Ready" ? "success" : result.status)
    if (result._tag === "Ready") {
      this.#isReady = true
      this.#initDurationMs = result.durationMs
      if (phase === "init") this.#freeze()
    } else if (phase === "init") {
      await this.#end(result.status === "timeout" ? "timeout" : "failure")
      this.#repeatsInit = true
    }
    return result
  }

  async #end(reason: ShutdownReason): Promise<ReadonlyArray<ExtensionExit>> {
    this.#isReady = false
    this.history.thaw()
    if (this.generation === undefined || this.generation.isEnding) return []
    const { generation, stream } = this
    const done = this.history.begin("shutdown", { outcome: reason })
    const lastReport = this.#lastReport
    const exits = await runShutdown({ settings: this.#settings, stream, generation, reason, lastReport })
    done(reason)
    this.history.endGeneration(reason, exits)
    return exits
  }

  #freeze(): void {
    if (!this.#settings.freeze || this.#isClosed) return
    this.history.freeze()
    this.generation?.stop()
  }

  #thaw(): void {
    this.history.thaw()
    this.generation?.resume()
  }

  #inOrder<A>(action: () => Promise<A>): Promise<A> {
    const result = this.#queue.then(() => {
      if (this.#isClosed) throw new Error("the emulator is closed")
      return action()
    })
    this.#queue = result.catch(() => undefined)
    return result
  }
}
