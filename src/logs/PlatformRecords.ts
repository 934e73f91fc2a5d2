/** Parts the platform's events from the rest, for where they have a stream of their own. Loaded there alone. Pure. */
import type { EncodedRecords } from "../delivery/EncodedRecords.ts"
import type { Unprocessed } from "./RecordProcessor.ts"

/** A post in two, each in memory of its own. */
export interface Parted {
  readonly platform: EncodedRecords
  readonly others: EncodedRecords
}

/** Copies the records one by one: most posts have a few of them. */
export const part = (post: Unprocessed): Parted => {
  const isPlatform = new Set(post.platformRecords)
  const copy = (isWanted: (record: number) => boolean): EncodedRecords => {
    const pieces: Array<Buffer> = []
    const ends: Array<number> = []
    let length = 0
    for (const [record, end] of post.ends.entries()) {
      if (!isWanted(record)) continue
      const piece = post.bytes.subarray(post.ends[record - 1] ?? 0, end)
      pieces.push(piece)
      ends.push(length += piece.length)
    }
    // times and columns of all: what depends on them looks at the records themselves before it acts
    return { bytes: Buffer.concat(pieces), ends, oldestTimestamp: post.oldestTimestamp, columns: post.columns }
  }
  return {
    platform: copy((record) => isPlatform.has(record)),
    others: copy((record) => !isPlatform.has(record))
  }
}
