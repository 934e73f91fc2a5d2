/** The restore of a SnapStart environment: what its subscribers see before the first invocation. */
import { now, roundedMs } from "./Clock.ts"
import type { EmulatorSettings } from "./Options.ts"
import type { TelemetryStream } from "./TelemetryStream.ts"

/** Creates the events of a restore that began at the given time; answers how long it took, in ms. */
export const restored = (settings: EmulatorSettings, stream: TelemetryStream, startedAt: number): number => {
  const { functionName, functionVersion, memorySizeMB } = settings
  stream.platform("platform.restoreStart", {
    functionName,
    functionVersion,
    instanceMaxMemory: memorySizeMB * 1024 * 1024
  })
  stream.platform("platform.restoreRuntimeDone", { status: "success" })
  const durationMs = roundedMs(now() - startedAt)
  stream.platform("platform.restoreReport", { status: "success", metrics: { durationMs } })
  return durationMs
}
