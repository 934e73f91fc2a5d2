/** Changing parts of a text without touching the rest: what is not changed stays byte for byte. Pure. */

/** A range of bytes and the text that takes its place. */
export interface Change {
  readonly start: number
  readonly end: number
  readonly text: string | Uint8Array
}

/** The bytes of `[start, end)` with changes, which are in order and do not overlap. */
export const splice = (bytes: Buffer, start: number, end: number, changes: ReadonlyArray<Change>): Buffer => {
  const pieces: Array<Uint8Array> = []
  let at = start
  for (const change of changes) {
    pieces.push(bytes.subarray(at, change.start), Buffer.from(change.text))
    at = change.end
  }
  pieces.push(bytes.subarray(at, end))
  return Buffer.concat(pieces)
}
