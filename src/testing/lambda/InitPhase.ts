/** The init of a generation: extensions first, then the runtime, then everybody's first poll. */
import { now, roundedMs } from "./Clock.ts"
import type { Generation } from "./Generation.ts"
import type { EmulatorSettings } from "./Options.ts"
import type { TelemetryStream } from "./TelemetryStream.ts"

/** How an init ended. */
export type InitResult =
  | { readonly _tag: "Ready"; readonly durationMs: number }
  | {
    readonly _tag: "Failed"
    readonly durationMs: number
    readonly status: "error" | "timeout"
    readonly errorType: string | undefined
    readonly problem: string
  }

/** What an init runs with. */
export interface InitOptions {
  readonly settings: EmulatorSettings
  readonly stream: TelemetryStream
  readonly generation: Generation
  readonly logStreamName: string
  /** "invoke" for an init that is repeated inside an invocation. */
  readonly phase: "init" | "invoke"
  readonly deadlineMs: number
}

const bytesPerMB = 1024 * 1024

const initStart = ({ logStreamName, phase, settings, stream }: InitOptions): void => {
  const { functionName, functionVersion, initializationType, memorySizeMB, region, runtime } = settings
  stream.platform("platform.initStart", {
    initializationType,
    phase,
    functionName,
    functionVersion,
    ...(runtime._tag === "Handler"
      ? { runtimeVersion: "nodejs:24.v21", runtimeVersionArn: `arn:aws:lambda:${region}::runtime:0a1b2c3d4e5f` }
      : {}),
    ...(settings.tellsInstanceId ? { instanceId: logStreamName } : {}),
    instanceMaxMemory: memorySizeMB * bytesPerMB
  })
}

const isReady = (generation: Generation): boolean =>
  generation.runtime.isIdle && generation.agents.every((agent) => agent.readyAt !== undefined)

// The names of the steps are what a failure is reported with.
const steps = [
  {
    isMet: (generation: Generation) => generation.externals.every((agent) => agent.isRegistered),
    missing: (generation: Generation) => generation.externals.filter((agent) => !agent.isRegistered),
    verb: "register"
  },
  {
    isMet: (generation: Generation) => generation.runtime.hasPolled,
    missing: () => [],
    verb: "poll /runtime/invocation/next"
  },
  {
    isMet: isReady,
    missing: (generation: Generation) => generation.agents.filter((agent) => agent.readyAt === undefined),
    verb: "poll /extension/event/next"
  }
] as const

const timeoutProblem = (generation: Generation, step: typeof steps[number], afterMs: number): string => {
  const agents = step.missing(generation)
  const wait = `did not ${step.verb} within ${Math.round(afterMs)} ms`
  return agents.length === 0
    ? `the runtime ${wait}; ${generation.tail("runtime")}`
    : agents.map(({ name }) => `extension ${name} ${wait}; ${generation.tailOfStart(name)}`).join("\n")
}

const endEvents = (options: InitOptions, status: string, errorType: string | undefined, durationMs: number): void => {
  const { generation, phase, settings: { initializationType }, stream } = options
  for (const agent of generation.agents) {
    stream.platform("platform.extension", {
      name: agent.name,
      state: agent.state,
      events: agent.events,
      errorType: agent.errorType
    })
  }
  stream.platform("platform.initReport", {
    initializationType,
    phase,
    status,
    errorType,
    metrics: { durationMs: roundedMs(durationMs) }
  })
}

/** Runs an init to its end; a failed one leaves its processes for the shutdown to end. */
export const runInit = async (options: InitOptions): Promise<InitResult> => {
  const { deadlineMs, generation, phase, settings: { initializationType }, stream } = options
  const startedAt = now()
  const runtimeDone = (status: string, errorType?: string) =>
    stream.platform("platform.initRuntimeDone", { initializationType, phase, status, errorType })
  stream.beginGeneration()
  initStart(options)
  generation.spawnExtensions()
  for (const [index, step] of steps.entries()) {
    if (index === 1 && generation.fatal === undefined) generation.spawnRuntime()
    const outcome = await generation.until(() => step.isMet(generation), deadlineMs)
    if (outcome !== "met") {
      const isTimeout = outcome === "deadline"
      const status = isTimeout ? "timeout" : "error"
      const errorType = generation.fatal?.errorType ??
        generation.agents.find((a) => a.errorType !== undefined)?.errorType
      const problem = generation.fatal?.problem ?? timeoutProblem(generation, step, deadlineMs - startedAt)
      const durationMs = now() - startedAt
      if (index === 1) runtimeDone(status, errorType)
      endEvents(options, status, errorType, durationMs)
      stream.endSubscribing()
      return { _tag: "Failed", durationMs, status, errorType, problem }
    }
    if (index === 1) {
      await generation.drainRuntime()
      runtimeDone("success")
    }
  }
  const polls = [generation.runtime, ...generation.agents].map(({ readyAt }) => readyAt ?? startedAt)
  const durationMs = Math.max(...polls) - startedAt
  stream.endSubscribing()
  endEvents(options, "success", undefined, durationMs)
  return { _tag: "Ready", durationMs }
}
