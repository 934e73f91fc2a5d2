/** Objects as strings of the JSON text that they were, byte for byte. */
import { type Change, splice } from "../json/Splice.ts"

/** `[start, end)` with the objects at these offsets, none of them in another, replaced by strings of their JSON text. */
export const withObjectsAsText = (
  bytes: Buffer,
  start: number,
  end: number,
  objects: ReadonlyArray<{ readonly start: number; readonly end: number }>
): Buffer => {
  const changes = objects.map(({ end, start }): Change => ({
    start,
    end,
    text: JSON.stringify(bytes.toString("utf8", start, end))
  }))
  return splice(bytes, start, end, changes.toSorted((one, other) => one.start - other.start))
}
