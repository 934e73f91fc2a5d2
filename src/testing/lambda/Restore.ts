/** The restore of a SnapStart environment: what its subscribers see before the first invocation. */
import { now, roundedMs } from "./Clock.ts"
import type { History } from "./History.ts"
import type { EmulatorSettings } from "./Options.ts"
import type { TelemetryStream } from "./TelemetryStream.ts"

/** What a restore runs with. */
interface RestoreOptions {
  readonly settings: EmulatorSettings
  readonly stream: TelemetryStream
  readonly history: History
}

/** Creates the events of a restore that began at the given time; answers how long it took, in ms. */
export const restored = ({ history, settings, stream }: RestoreOptions, startedAt: number): number => {
  const done = history.begin("restore", { from: startedAt })
  const { functionName, functionVersion, memorySizeMB } = settings
  stream.platform("platform.restoreStart", {
    functionName,
    functionVersion,
    instanceMaxMemory: memorySizeMB * 1024 * 1024
  })
  stream.platform("platform.restoreRuntimeDone", { status: "success" })
  const durationMs = roundedMs(now() - startedAt)
  stream.platform("platform.restoreReport", { status: "success", metrics: { durationMs } })
  done("success")
  return durationMs
}
