/** A sealed group of records: the body of one request, compressed once and kept so for retries. */
import { type BatchFormat, frameBytes } from "./BatchFormat.ts"
import { gunzip } from "./Compression.ts"
import type { Destination } from "./Destination.ts"
import type { Tally } from "./Books.ts"

/**
 * A sealed group of records.
 *
 * @since 0.2.0
 * @category models
 */
export interface Batch {
  readonly destination: Destination
  /**
   * Order of arrival of the first record, over all destinations. Batches that are sealed have whole numbers; parts of a
   * divided one lie between its number and the next, each as far from it as there are records before them
   * (`MAX_RECORDS` to a whole).
   */
  readonly id: number
  /** Records, and their bytes as they were encoded. */
  readonly tally: Tally
  /** Smallest time of a record in µs since the epoch. */
  readonly oldestTimestamp: number
  /** The request body, in the destination's format. It has its memory to itself. */
  readonly body: Buffer
  readonly coding: "gzip" | "identity"
  /** The records may have more columns together than the server takes at once. */
  readonly isWide?: boolean
  /** It is a part of one that was not to be sent as a whole. */
  readonly isPart?: boolean
  /** Present when the server, well otherwise, could not store it or what it is a part of. */
  readonly suspicion?: Suspicion
}

/** What speaks against a batch. */
interface Suspicion {
  /** How often in a row the connection was reset over it. */
  readonly resets: number
  /** How many batches the server had stored before it was suspected. */
  readonly storedBefore: number
  /** The same when there was nothing left to try with it; `undefined` as long as there is. */
  readonly storedWhenExhausted: number | undefined
}

/** The batch when there is nothing left to try with it, after so many had been stored. */
export const exhausted = (batch: Batch, stored: number): Batch => ({
  ...batch,
  suspicion: { resets: 0, storedBefore: stored, ...batch.suspicion, storedWhenExhausted: stored }
})

/** Whether only what becomes of other batches can tell more about this one. */
export const isExhausted = ({ suspicion }: Batch): boolean => suspicion?.storedWhenExhausted !== undefined

/** Whether there is a reason to send a batch before others are tried, when so many have been stored. */
export const isWorthSending = ({ suspicion }: Batch, stored: number): boolean =>
  suspicion?.storedWhenExhausted === undefined || stored > suspicion.storedWhenExhausted

/** Bytes that a rewritten record may have more than the one that was received: its own time beside a new one is 40. */
const MAX_ADDED_BYTES = 64

/** How much longer rewriting can make a record: what becomes text has its quotes escaped, and inside another once more. */
const MAX_EXPANSION = 4

/** More than any body has, in bytes: a batch is set to 10 MiB at most, which rewriting may double; the rest is for the times. */
const MAX_TEXT_BYTES = 32 * 1024 * 1024

/** A batch is not what it says: a file in `/tmp` may have been made to look like one, and to fill the memory. */
export class UnreadableBatch extends Error {}

/** The body, not compressed. Throws `UnreadableBatch` where it cannot be read, or is more than the tally allows. */
export const text = ({ body, coding, destination, tally }: Batch): Buffer => {
  if (coding === "identity") return body
  const stated = frameBytes(destination.format) + tally.bytes * MAX_EXPANSION + tally.records * MAX_ADDED_BYTES
  try {
    return gunzip(body, Math.min(stated, MAX_TEXT_BYTES))
  } catch (cause) {
    throw new UnreadableBatch(String(cause))
  }
}

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
  const frame = frameBytes(batch.destination.format)
  const length = bodies.reduce((sum, { body }) => sum + body.length - frame, 0)
  let recordsBefore = 0
  let lengthBefore = 0
  const bytesUpTo = (position: number) => Math.floor(tally.bytes * position / length)
  return bodies.map(({ body, oldestTimestamp = batch.oldestTimestamp, records }) => {
    const bytesBefore = bytesUpTo(lengthBefore)
    const id = batch.id + recordsBefore / MAX_RECORDS
    recordsBefore += records
    lengthBefore += body.length - frame
    const owned = Buffer.allocUnsafeSlow(body.length)
    body.copy(owned)
    return Object.assign({}, batch, {
      id,
      tally: { records, bytes: bytesUpTo(lengthBefore) - bytesBefore },
      oldestTimestamp,
      body: owned,
      coding: "identity",
      isPart: batch.isPart === true || bodies.length > 1,
      isWide: false
    })
  })
}

/** The batch as two halves by number of records, for when a server refuses the whole. Needs two records or more. */
export const halve = (batch: Batch): readonly [Batch, Batch] => {
  const body = text(batch)
  const { close, endOf, open, separator }: BatchFormat = batch.destination.format
  const half = batch.tally.records >> 1
  const end = endOf(body, half)
  const [first, second] = divide(batch, [
    { body: Buffer.concat([body.subarray(0, end), close]), records: half },
    { body: Buffer.concat([open, body.subarray(end + separator.length)]), records: batch.tally.records - half }
  ])
  return [first!, second!]
}
