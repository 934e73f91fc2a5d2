/** A sealed group of records: the body of one request, compressed once and kept so for retries. */
import * as Zlib from "node:zlib"
import type { Tally } from "./Ledger.ts"
import * as Memory from "../platform/Memory.ts"
import { EventScanner } from "../telemetry/TelemetryEvent.ts"

/** A sealed group of records. */
export interface Batch {
  /** Order of sealing; parts of a divided batch lie between its number and the next. */
  readonly id: number
  /** Records, and their bytes as they were encoded. */
  readonly tally: Tally
  /** Smallest `_timestamp` in µs. */
  readonly oldestTimestamp: number
  /** The request body: a JSON array. It has its memory to itself. */
  readonly body: Buffer
  readonly coding: "gzip" | "identity"
  /** The records may have more columns together than OpenObserve takes at once. */
  readonly isWide?: boolean
  /** Present when OpenObserve, well otherwise, could not store it or what it is a part of. */
  readonly suspicion?: Suspicion
}

/** What speaks against a batch. */
interface Suspicion {
  /** How often in a row the connection was reset over it. */
  readonly resets: number
  /** How many batches OpenObserve had stored before it was suspected. */
  readonly storedBefore: number
  /** The same when there was nothing left to try with it: only what becomes of others can tell more. */
  readonly storedWhenTried: number | undefined
}

/** The batch when there is nothing left to try with it, after so many had been stored. */
export const tried = (batch: Batch, stored: number): Batch => ({
  ...batch,
  suspicion: { resets: 0, storedBefore: stored, ...batch.suspicion, storedWhenTried: stored }
})

/** Whether there is something to be learnt from sending a batch, even if no other has been stored since it was tried. */
export const isUntried = ({ suspicion }: Batch): boolean => suspicion?.storedWhenTried === undefined

/** Whether sending a batch is worth more than trying others first, when so many have been stored. */
export const isWorthwhile = ({ suspicion }: Batch, stored: number): boolean =>
  suspicion?.storedWhenTried === undefined || stored > suspicion.storedWhenTried

/** Fast rather than small: level 1 costs a third of the default's time and 15 % more bytes on log lines. */
const GZIP_LEVEL = 1

/** Size of the pieces in which compressed bytes come: too large for the memory that small buffers share. */
const CHUNK_BYTES = 64 * 1024

/**
 * Compresses a batch's body off the event loop, as one gzip member (a server reads only the first): `done` gets the
 * batch that takes its place. The body must not change meanwhile.
 */
export const compressUnsafe = (batch: Batch, done: (compressed: Batch) => void): void => {
  const gzip = Zlib.createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK_BYTES })
  const chunks: Array<Buffer> = []
  gzip.on("data", (chunk: Buffer) => chunks.push(chunk))
  gzip.once("end", () => {
    const size = chunks.reduce((sum, { length }) => sum + length, 0)
    const body = Buffer.allocUnsafeSlow(size)
    let at = 0
    for (const chunk of chunks) at += chunk.copy(body, at)
    // several may be parts of the same memory
    for (const chunk of chunks) Memory.freeAll(chunk.buffer)
    done({ ...batch, body, coding: "gzip" })
  })
  // only memory exhaustion can fail here; the batch can still go as it is
  gzip.once("error", () => done(batch))
  gzip.end(batch.body)
}

/** The body as JSON text. */
export const text = ({ body, coding }: Batch): Buffer => coding === "gzip" ? Zlib.gunzipSync(body) : body

/** More records than a batch can have: the smallest takes 2 bytes of the 10 MiB that a batch may be set to. */
export const MAX_RECORDS = 2 ** 23

/** A body that takes the place of a batch's, or of a part of it. */
export interface Part {
  readonly body: Buffer
  readonly records: number
  /** Of the batch unless given. */
  readonly oldestTimestamp?: number
}

/** The batch in other bodies, which together hold its records, each once. Their bytes stay those that were received. */
export const divide = (batch: Batch, bodies: ReadonlyArray<Part>): Array<Batch> => {
  const { tally } = batch
  const records = bodies.reduce((sum, body) => sum + body.records, 0)
  if (records !== tally.records) throw new Error(`${records} records where there should be ${tally.records}`)
  const length = bodies.reduce((sum, { body }) => sum + body.length - 1, 0)
  let recordsBefore = 0
  let lengthBefore = 0
  const bytesUpTo = (position: number) => Math.floor(tally.bytes * position / length)
  return bodies.map(({ body, oldestTimestamp = batch.oldestTimestamp, records }) => {
    const bytesBefore = bytesUpTo(lengthBefore)
    const id = batch.id + recordsBefore / MAX_RECORDS
    recordsBefore += records
    lengthBefore += body.length - 1
    const owned = Buffer.allocUnsafeSlow(body.length)
    body.copy(owned)
    return Object.assign({}, batch, {
      id,
      tally: { records, bytes: bytesUpTo(lengthBefore) - bytesBefore },
      oldestTimestamp,
      body: owned,
      coding: "identity",
      isWide: false
    })
  })
}

/** The batch as two halves by number of records, for when a server refuses the whole. Needs two records or more. */
export const halve = (batch: Batch): readonly [Batch, Batch] => {
  const body = text(batch)
  const half = batch.tally.records >> 1
  const records = new EventScanner(body)
  for (let index = 0; index < half; index++) records.next()
  // behind the first half's last record stands a comma
  const [first, second] = divide(batch, [
    { body: Buffer.concat([body.subarray(0, records.end), Buffer.from("]")]), records: half },
    {
      body: Buffer.concat([Buffer.from("["), body.subarray(records.end + 1)]),
      records: batch.tally.records - half
    }
  ])
  return [first!, second!]
}
