/** The end of a generation: SIGTERM to the runtime, the telemetry, SHUTDOWN to the extensions, SIGKILL. */
import type { Agent } from "./Agent.ts"
import { now, sleep } from "./Clock.ts"
import type { Generation } from "./Generation.ts"
import type { ExtensionExit } from "./Observations.ts"
import type { EmulatorSettings, ShutdownReason } from "./Options.ts"
import type { StreamEntry } from "./StreamEntry.ts"
import type { TelemetryStream } from "./TelemetryStream.ts"

// budgets of a sandbox without external extensions (developer guide, "Shutdown phase")
const internalOnlyBudgetMs = 500

// the runtime's share of the budget (developer guide; on Managed Instances the Runtime Interface Emulator's 30 %)
const runtimeShareMs = { usual: 300, withInternalExtensions: 500, managed: 600 } as const

/** The Runtime Interface Emulator gives the flush before SHUTDOWN this long. */
const flushShareMs = 1000

// SIGKILL acts at once; this only bounds the wait for the report of it, in ms
const killGraceMs = 1000

/** What a shutdown runs with. */
export interface ShutdownOptions {
  readonly settings: EmulatorSettings
  readonly stream: TelemetryStream
  readonly generation: Generation
  readonly reason: ShutdownReason
  /** The report of the last invocation, to which `lastReport` and `reportDelayAfterShutdownMs` apply. */
  readonly lastReport: StreamEntry | undefined
}

const budgetOf = ({ generation, settings }: ShutdownOptions): number => {
  if (generation.externals.length > 0) return settings.shutdownBudgetMs
  return generation.agents.length > 0 ? Math.min(internalOnlyBudgetMs, settings.shutdownBudgetMs) : 0
}

const runtimeShare = ({ generation, settings }: ShutdownOptions): number => {
  if (settings.isManaged) return runtimeShareMs.managed
  const hasInternal = generation.agents.some((agent) => !agent.isExternal)
  return hasInternal ? runtimeShareMs.withInternalExtensions : runtimeShareMs.usual
}

const endRuntime = async (generation: Generation, budgetMs: number): Promise<void> => {
  const { process } = generation.runtime
  if (process === undefined) return
  const isGone = () => !process.isRunning
  if (budgetMs > 0 && !isGone()) {
    process.terminate()
    await generation.condition.until(isGone, now() + budgetMs)
  }
  if (!isGone()) process.kill()
  await generation.condition.until(isGone, now() + killGraceMs)
}

const deliverLastReport = async (options: ShutdownOptions, release: (() => void) | undefined): Promise<void> => {
  const delayMs = options.settings.reportDelayAfterShutdownMs
  if (delayMs === undefined || release === undefined || options.settings.lastReport === "never") return
  await sleep(delayMs)
  release()
}

const isGone = (agent: Agent): boolean => agent.process === undefined || !agent.process.isRunning

/** Ends the generation; nothing of it runs afterwards. */
export const runShutdown = async (options: ShutdownOptions): Promise<ReadonlyArray<ExtensionExit>> => {
  const { generation, reason, settings, stream } = options
  const { externals } = generation
  const isLate = settings.lastReport === "never" || settings.reportDelayAfterShutdownMs !== undefined
  const release = isLate && options.lastReport !== undefined ? stream.withhold(options.lastReport) : undefined
  generation.isEnding = true
  generation.resume()
  const budgetMs = budgetOf(options)
  const deadlineMs = now() + budgetMs
  await endRuntime(generation, Math.min(budgetMs, runtimeShare(options)))
  await stream.flush(Math.min(deadlineMs, now() + flushShareMs))

  const shutdownAt = now()
  for (const agent of externals) {
    if (isGone(agent)) continue
    if (agent.wants("SHUTDOWN") && budgetMs > 0) continue
    agent.wasKilled = true
    agent.process?.kill()
  }
  generation.deliver({
    eventType: "SHUTDOWN",
    body: { eventType: "SHUTDOWN", deadlineMs: Math.round(deadlineMs), shutdownReason: reason }
  })
  const late = deliverLastReport(options, release)
  await generation.condition.until(() => externals.every(isGone), deadlineMs)
  for (const agent of externals) {
    if (isGone(agent)) continue
    agent.wasKilled = true
    agent.process?.kill()
  }
  await generation.condition.until(() => externals.every(isGone), now() + killGraceMs)
  stream.closeAll()
  await late
  for (const agent of generation.agents) agent.abandon()
  generation.runtime.abandon()
  return externals.map((agent) => {
    const exit = agent.process?.exit
    return {
      name: agent.name,
      exitCode: exit?.code,
      killed: agent.wasKilled,
      exitedAfterMs: exit === undefined ? undefined : exit.at - shutdownAt
    }
  })
}
