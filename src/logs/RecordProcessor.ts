/** What is done to records between encoding and buffer. Nothing, unless somebody has put a processor here. */
import * as Context from "effect/Context"
import type { EncodedRecords } from "../delivery/EncodedRecords.ts"
import type { Tally } from "../delivery/Books.ts"
import type { EncodedPost } from "./PostEncoder.ts"

/** Records as they come, and which of them are the platform's. */
export type Unprocessed = Pick<EncodedPost, "bytes" | "columns" | "ends" | "oldestTimestamp" | "platformRecords">

/** Some of the records, in order, all for one stream. Those for one of `streams` are of either kind. */
export interface ProcessedPart {
  /** A stream of `streams`; `undefined` for where records of their kind go anyway. */
  readonly stream: string | undefined
  /** Of records that go where their kind goes: whether it is the platform's. */
  readonly isPlatform: boolean
  readonly records: EncodedRecords
}

/** What has become of records. */
export interface Processed {
  /** In memory that is theirs. */
  readonly parts: ReadonlyArray<ProcessedPart>
  /** Records that are not wanted. */
  readonly filtered: Tally
  /** How often a processor has failed; the record went on without what it does. */
  readonly failures: number
  /** The last failure: what was thrown. */
  readonly failure: unknown
}

/** How much is to be made at once. */
export interface ProcessingLimits {
  /** Columns of a batch: where records have more together, which ones does not matter. */
  readonly maxColumns: number
  /** Bytes of records, save a single one that is larger: processors make of each what they like. */
  readonly maxPartBytes: number
}

/** Changes, drops and sends records elsewhere, whole and in order. Never fails. */
export interface RecordProcessor {
  /** Every stream, besides those of the settings, that records may be sent to. */
  readonly streams: ReadonlyArray<string>
  /** What becomes of the first records, then of the next: each is to be taken before the next is made. */
  readonly process: (records: Unprocessed, limits: ProcessingLimits) => Iterable<Processed>
}

/** The processor of this program; `undefined`: records stay as they are. */
export const RecordProcessor = Context.Reference<RecordProcessor | undefined>("o2-lambda-extension/RecordProcessor", {
  defaultValue: () => undefined
})
