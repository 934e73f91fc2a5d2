/** What every route of the control plane works on. */
import type { Generation } from "./Generation.ts"
import type { EmulatorSettings } from "./Options.ts"
import type { TelemetryStream } from "./TelemetryStream.ts"

/** The running generation and what surrounds it. */
export interface RouteContext {
  readonly settings: EmulatorSettings
  readonly stream: TelemetryStream
  readonly generation: Generation
  readonly runtimePort: number
}
