/** Posts as Lambda makes them of a record that it cuts. */

const RECORD_KEY = "\"record\":"

/** One event that is cut, and what stands beside it in the posts. All are JSON texts. */
export interface CutEvent {
  readonly before?: ReadonlyArray<string>
  readonly event: string
  readonly after?: ReadonlyArray<string>
  /** Offsets of the cuts into the bytes of the event, in order. */
  readonly places: ReadonlyArray<number>
  /** Whether the brackets of event and array follow a piece, as production was seen to write them. */
  readonly isFramed: boolean
}

/** Where an event can be cut: behind the first byte of its record's value, up to before the last. */
export const placesOf = (event: string): ReadonlyArray<number> => {
  const start = valueStart(event)
  return Array.from({ length: Buffer.byteLength(event) - "}".length - start - 1 }, (_, index) => start + index + 1)
}

/** The event's offset at which the value of its record begins, in bytes. */
const valueStart = (event: string): number =>
  Buffer.byteLength(event.slice(0, event.indexOf(RECORD_KEY) + RECORD_KEY.length))

/** The posts: one more than there are cuts. */
export const cutPosts = ({ after = [], before = [], event, isFramed, places }: CutEvent): ReadonlyArray<Buffer> => {
  const bytes = Buffer.from(event)
  const envelope = bytes.subarray(0, valueStart(event))
  const ends = [...places, bytes.length]
  return ends.map((end, index) => {
    const start = ends[index - 1] ?? 0
    const isLast = index === places.length
    return Buffer.concat([
      Buffer.from("["),
      Buffer.from(index === 0 ? before.map((text) => `${text},`).join("") : ""),
      index === 0 ? Buffer.alloc(0) : envelope,
      bytes.subarray(start, end),
      Buffer.from(isLast ? `${after.map((text) => `,${text}`).join("")}]` : isFramed ? "}]" : "")
    ])
  })
}
