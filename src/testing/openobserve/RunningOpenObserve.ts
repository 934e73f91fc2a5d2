/** A double for programs that do not use Effect. */
import type { Closeable, Run } from "../Running.ts"
import type { DoubleOperations } from "./DoubleOperations.ts"
import type { Fault, RequestFault } from "./Faults.ts"
import type { ReceivedRequest } from "./Recorder.ts"
import type { StoredRecord } from "./Store.ts"

/** The operations of {@link DoubleOperations}, with promises. */
interface PromisedOperations {
  /** `http://127.0.0.1:<port>` and the base path. */
  readonly url: string
  /** A value of the Authorization header that is accepted everywhere. */
  readonly authorization: string
  /** A value of the Authorization header with the ingestion token, good for posts only. */
  readonly ingestionAuthorization: string
  /** Every request that was answered or never will be, in order of arrival. */
  readonly requests: () => Promise<ReadonlyArray<ReceivedRequest>>
  /** Stored records of a stream in order of `_timestamp` (ties in order of arrival); empty for an unknown stream. */
  readonly records: (stream: string, organization?: string) => Promise<ReadonlyArray<StoredRecord>>
  /** Resolves once the stream holds at least `count` records; rejects after the time-out, in ms, 4000 when absent. */
  readonly awaitRecords: (
    stream: string,
    count: number,
    timeout?: number | `${number} millis` | `${number} seconds`,
    organization?: string
  ) => Promise<ReadonlyArray<StoredRecord>>
  /** Replaces the standing fault of `_json` posts until changed again; `undefined` heals. */
  readonly setFault: (fault: Fault | undefined) => Promise<void>
  /** Appends faults for the next `_json` posts with records, one each, before the standing one. */
  readonly nextFaults: (faults: ReadonlyArray<RequestFault>) => Promise<void>
  /** Delays what is done with a request below `/api/`; a batch is stored even when its client is gone by then. */
  readonly setLatency: (millis: number) => Promise<void>
  /** Forgets requests, records and pending faults; a standing fault and the latency stay. */
  readonly clear: () => Promise<void>
}

/**
 * A running double in the Promise form. Promises reject with a `DoubleError`, whose `message` says what was seen.
 *
 * @category models
 * @since 0.2.0
 */
export interface RunningOpenObserve extends PromisedOperations, Closeable {}

/** Runs each operation when it is called. */
export const promised = (double: DoubleOperations, run: Run): PromisedOperations => ({
  url: double.url,
  authorization: double.authorization,
  ingestionAuthorization: double.ingestionAuthorization,
  requests: () => run(double.requests),
  records: (stream, organization) => run(double.records(stream, organization)),
  awaitRecords: (stream, count, timeout, organization) =>
    run(double.awaitRecords(stream, count, timeout, organization)),
  setFault: (fault) => run(double.setFault(fault)),
  nextFaults: (faults) => run(double.nextFaults(faults)),
  setLatency: (millis) => run(double.setLatency(millis)),
  clear: () => run(double.clear)
})
