/** What is done to records between encoding and buffer. Nothing, unless somebody has put a processor here. */
import * as Context from "effect/Context"
import type { EncodedRecords } from "../delivery/EncodedRecords.ts"
import type { Tally } from "../delivery/Ledger.ts"
import type { EncodedPost } from "./PostEncoder.ts"

/** Records as they come, and which of them are the platform's. */
export type Unprocessed = Pick<EncodedPost, "bytes" | "columns" | "ends" | "oldestTimestamp" | "platformRecords">

/** Some of the records, in order, all for one stream. */
export interface ProcessedPart {
  /** A stream of `streams`; `undefined` for where records of their kind go anyway. */
  readonly stream: string | undefined
  readonly isPlatform: boolean
  readonly records: EncodedRecords
}

/** What has become of records. */
export interface Processed {
  /** In memory that is theirs. */
  readonly parts: ReadonlyArray<ProcessedPart>
  /** Records that are not wanted. */
  readonly filtered: Tally
  /** How often a processor has failed; the record went on as it was. */
  readonly failures: number
  /** The last failure in words. */
  readonly failure: string | undefined
}

/** Changes, drops and sends records elsewhere, whole and in order. Never fails. */
export interface RecordProcessor {
  /** Every stream, besides those of the settings, that records may be sent to. */
  readonly streams: ReadonlyArray<string>
  readonly process: (records: Unprocessed) => Processed
}

/** The processor of this program; `undefined`: records stay as they are. */
export const RecordProcessor = Context.Reference<RecordProcessor | undefined>("o2-lambda-extension/RecordProcessor", {
  defaultValue: () => undefined
})
