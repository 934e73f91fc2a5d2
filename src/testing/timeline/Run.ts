/** What a page is made of. */
import type { Timeline } from "../lambda/Timeline.ts"
import type { ReceivedRequest } from "../openobserve/Recorder.ts"
import type { StoredRecord } from "../openobserve/Store.ts"

/**
 * A run of the emulated Lambda, and what came of it.
 *
 * @since 0.2.0
 * @category models
 */
export interface TimelineRun {
  /** The heading of the page. */
  readonly title: string
  /** `LambdaEmulator`'s `timeline`. */
  readonly timeline: Timeline
  /** `OpenObserveDouble`'s `requests`; none for a server that keeps no account of them. */
  readonly requests?: ReadonlyArray<ReceivedRequest>
  /** What is stored, one value per column. */
  readonly records?: ReadonlyArray<StoredRecord>
  /** The extension's ledger; the ones that it has written at `SHUTDOWN` when absent. */
  readonly ledger?: Readonly<Record<string, unknown>>
}
