/** A way to a server for records of one signal: everything that the core does not know, and asks when it needs it. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { TransportResponse } from "../platform/Transport.ts"
import type { Batch, Part } from "./Batch.ts"
import type { BatchFormat } from "./BatchFormat.ts"
import type { Accepted, Divide, Verdict } from "./Verdict.ts"

/**
 * What records are of; the books are kept by it. The terms of OpenTelemetry.
 *
 * @since 0.2.0
 * @category models
 */
export type Signal = "logs" | "traces" | "metrics"

/**
 * Where batches go, in which form, and what the answers mean.
 *
 * @since 0.2.0
 * @category models
 */
export interface Destination {
  /** Stands in spill files, so it must stay what it is: 1 to 64 characters of ASCII. */
  readonly name: string
  readonly signal: Signal
  /** The server's name in words for the operator. */
  readonly server: string
  readonly url: URL
  /** Made when a request is sent: secrets are `Redacted` until then. */
  readonly headers: () => Readonly<Record<string, string>>
  /** The answer without secrets, which servers and proxies have been known to quote. */
  readonly redact: (response: TransportResponse) => TransportResponse
  /** Advice to the operator when the server gives no answer. */
  readonly unreachableRemedy: string
  readonly format: BatchFormat
  /** Columns that a batch may have; `Infinity` where it does not matter. */
  readonly maxColumns: number
  /** A body that is admitted like data and stores nothing. */
  readonly probe: Uint8Array
  /** The answer table: reads the answer to `sent` records. Pure. */
  readonly judge: (response: TransportResponse, sent: number, nowMillis: number) => Verdict
  /** The form in which the server stores what it would discard as it is; `undefined` when nothing needs to be done. */
  readonly prepare: (batch: Batch, nowMillis: number) => Effect.Effect<ReadonlyArray<Part>> | undefined
  /** The form in which the server may take what it has just refused; `undefined` when there is none. */
  readonly rewrite: (
    batch: Batch,
    verdict: Accepted | Divide,
    nowMillis: number
  ) => Effect.Effect<ReadonlyArray<Part> | undefined>
}

/** Every destination in use. */
export class Destinations extends Context.Service<Destinations, ReadonlyArray<Destination>>()(
  "o2-lambda-extension/Destinations"
) {}
