/** Small sealed batches as one: a request and a file cost by the piece. Pure. */
import { type Batch, text } from "./Batch.ts"

/** What is smaller than this part of a batch is worth the copying and the second compression. */
const SMALL_PART = 4

/** Whether a batch may be merged with others: it is small, and nothing speaks against sending it with them. */
export const isSmall = ({ isPart, suspicion, tally }: Batch, maxBatchBytes: number): boolean =>
  isPart !== true && suspicion === undefined && tally.bytes * SMALL_PART < maxBatchBytes

/** As many of the first as one batch takes. */
export const takeFitting = (batches: ReadonlyArray<Batch>, maxBatchBytes: number): ReadonlyArray<Batch> => {
  let bytes = 0
  const end = batches.findIndex(({ tally }) => (bytes += tally.bytes) > maxBatchBytes)
  return end < 0 ? batches : batches.slice(0, end)
}

/** One batch of the records of some of one destination, at least one, in their order; not compressed. */
export const merge = (batches: ReadonlyArray<Batch>): Batch => {
  const first = batches[0]!
  const { close, open, separator } = first.destination.format
  const pieces = batches.flatMap((batch) => {
    const body = text(batch)
    return [separator, body.subarray(open.length, body.length - close.length)]
  })
  // no separator before the first
  const parts = [open, ...pieces.slice(1), close]
  const body = Buffer.allocUnsafeSlow(parts.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const part of parts) end += part.copy(body, end)
  return {
    ...first,
    tally: {
      records: batches.reduce((sum, { tally }) => sum + tally.records, 0),
      bytes: batches.reduce((sum, { tally }) => sum + tally.bytes, 0)
    },
    oldestTimestamp: batches.reduce((oldest, batch) => Math.min(oldest, batch.oldestTimestamp), Infinity),
    body,
    coding: "identity",
    isWide: first.destination.maxColumns < Infinity
  }
}
