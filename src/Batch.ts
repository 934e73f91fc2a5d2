/** A sealed group of records: the body of one request, compressed once and kept so for retries. */
import * as Zlib from "node:zlib"
import type { Tally } from "./Ledger.ts"
import { OpenBatch } from "./OpenBatch.ts"
import { EventScanner } from "./TelemetryEvent.ts"

/** A sealed group of records. */
export interface Batch {
  /** Order of sealing; parts of a divided batch lie between its number and the next. */
  readonly id: number
  /** Records, and their bytes as they were encoded. */
  readonly tally: Tally
  /** Smallest `_timestamp` in µs. */
  readonly oldestTimestamp: number
  /** The request body: a JSON array. As identity it has its memory to itself. */
  readonly body: Buffer
  readonly coding: "gzip" | "identity"
  /** How often in a row the connection was reset over it while the server was well otherwise. */
  readonly resets?: number
}

/** Fast rather than small: level 1 costs a third of the default's time and 15 % more bytes on log lines. */
const GZIP_LEVEL = 1

/**
 * Compresses a batch's body off the event loop, as one gzip member (a server reads only the first): `done` gets the
 * batch that takes its place. The body must not change meanwhile.
 */
export const compressUnsafe = (batch: Batch, done: (compressed: Batch) => void): void => {
  Zlib.gzip(batch.body, { level: GZIP_LEVEL }, (error, body) => {
    // only memory exhaustion can fail here; the batch can still go as it is
    done(error === null ? { ...batch, body, coding: "gzip" } : batch)
  })
}

/** The body as JSON text. */
export const text = ({ body, coding }: Batch): Buffer => coding === "gzip" ? Zlib.gunzipSync(body) : body

/** More records than a batch can have: the smallest takes 2 bytes of the 10 MiB that a batch may be set to. */
export const MAX_RECORDS = 2 ** 23

/** The batch as two halves by number of records, for when a server refuses the whole. Needs two records or more. */
export const halve = (batch: Batch): readonly [Batch, Batch] => {
  const body = text(batch)
  const half = batch.tally.records >> 1
  const records = new EventScanner(body)
  for (let index = 0; index < half; index++) records.next()
  // behind the first half's last record stands a comma, behind the second's a bracket
  const middle = records.end + 1
  const bytes = Math.floor(batch.tally.bytes * (middle - 1) / (body.length - 1))
  const { tally } = batch
  return [
    { ...batch, ...part(body, 1, middle), tally: { records: half, bytes } },
    {
      ...batch,
      ...part(body, middle, body.length),
      id: batch.id + half / MAX_RECORDS,
      tally: { records: tally.records - half, bytes: tally.bytes - bytes }
    }
  ]
}

const part = (body: Buffer, start: number, end: number) => {
  const records = new OpenBatch()
  records.append(body, start, end, 1, Infinity)
  return { body: records.seal().body, coding: "identity" as const }
}
