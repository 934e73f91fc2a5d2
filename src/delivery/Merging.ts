/** Small sealed batches as one: a request and a file cost by the piece. Pure. */
import { type Batch, text } from "./Batch.ts"
import type { Tally } from "./Books.ts"

/** What is smaller than this part of a batch is worth the copying and the second compression. */
const SMALL_PART = 4

/** Whether a batch may be merged with others: it is small, and nothing speaks against sending it with them. */
const isSmall = ({ isPart, suspicion, tally }: Batch, maxBatchBytes: number): boolean =>
  isPart !== true && suspicion === undefined && tally.bytes * SMALL_PART < maxBatchBytes

/** Neighbours of one destination that are to be merged, by two or more, each as large as a batch may be. */
export const groups = (
  batches: ReadonlyArray<Batch>,
  isFree: (batch: Batch) => boolean,
  maxBatchBytes: number
): ReadonlyArray<ReadonlyArray<Batch>> => {
  const found: Array<Array<Batch>> = []
  let group: Array<Batch> = []
  let bytes = 0
  for (const batch of batches) {
    const fits = isSmall(batch, maxBatchBytes) && isFree(batch)
    if (!fits || bytes + batch.tally.bytes > maxBatchBytes) {
      found.push(group)
      group = []
      bytes = 0
    }
    if (!fits) continue
    group.push(batch)
    bytes += batch.tally.bytes
  }
  return [...found, group].filter(({ length }) => length > 1)
}

/** What batches hold together. */
export const tallyOf = (batches: ReadonlyArray<Batch>): Tally => ({
  records: batches.reduce((sum, { tally }) => sum + tally.records, 0),
  bytes: batches.reduce((sum, { tally }) => sum + tally.bytes, 0)
})

/** One batch of the records of some, in their order; not compressed. `undefined` when there is no memory for it. */
export const merge = (batches: ReadonlyArray<Batch>): Batch | undefined => {
  const first = batches[0]!
  const body = bodyOf(batches)
  return body && {
    ...first,
    tally: tallyOf(batches),
    oldestTimestamp: batches.reduce((oldest, batch) => Math.min(oldest, batch.oldestTimestamp), Infinity),
    body,
    coding: "identity",
    isWide: first.destination.maxColumns < Infinity
  }
}

const bodyOf = (batches: ReadonlyArray<Batch>): Buffer | undefined => {
  const { close, open, separator } = batches[0]!.destination.format
  try {
    const pieces = batches.flatMap((batch) => {
      const body = text(batch)
      return [separator, body.subarray(open.length, body.length - close.length)]
    })
    // no separator before the first
    const parts = [open, ...pieces.slice(1), close]
    const body = Buffer.allocUnsafeSlow(parts.reduce((sum, { length }) => sum + length, 0))
    let end = 0
    for (const part of parts) end += part.copy(body, end)
    return body
  } catch {
    return undefined
  }
}
