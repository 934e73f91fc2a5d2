/** What can be done with a double and asked of it, as effects. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { DoubleError } from "./DoubleError.ts"
import type { Fault, RequestFault } from "./Faults.ts"
import type { ReceivedRequest } from "./Recorder.ts"
import type { StoredRecord } from "./Store.ts"

/**
 * The operations of an `OpenObserveDouble`.
 *
 * @category models
 * @since 0.2.0
 */
export interface DoubleOperations {
  /** `http://127.0.0.1:<port>` and the base path. */
  readonly url: string
  /** A value of the Authorization header that is accepted everywhere. */
  readonly authorization: string
  /** A value of the Authorization header with the ingestion token, good for posts only. */
  readonly ingestionAuthorization: string
  /** Every request that was answered or never will be, in order of arrival. */
  readonly requests: Effect.Effect<ReadonlyArray<ReceivedRequest>>
  /** Stored records of a stream in order of `_timestamp` (ties in order of arrival); empty for an unknown stream. */
  readonly records: (stream: string, organization?: string) => Effect.Effect<ReadonlyArray<StoredRecord>>
  /** Completes once the stream holds at least `count` records; the time-out runs on the test's clock. */
  readonly awaitRecords: (
    stream: string,
    count: number,
    timeout?: Duration.Input,
    organization?: string
  ) => Effect.Effect<ReadonlyArray<StoredRecord>, DoubleError>
  /** Replaces the standing fault of `_json` posts until changed again; `undefined` heals. */
  readonly setFault: (fault: Fault | undefined) => Effect.Effect<void>
  /** Appends faults for the next `_json` posts with records, one each, before the standing one. */
  readonly nextFaults: (faults: ReadonlyArray<RequestFault>) => Effect.Effect<void>
  /** Delays what is done with a request below `/api/`; a batch is stored even when its client is gone by then. */
  readonly setLatency: (millis: number) => Effect.Effect<void>
  /** Forgets requests, records and pending faults; a standing fault and the latency stay. */
  readonly clear: Effect.Effect<void>
}
