/** The names under which OpenObserve stores members, and which of them it cannot store. Pure. */
import type { Member } from "../json/ObjectScanner.ts"

const QUOTE = 0x22
const OPEN_ARRAY = 0x5b
const OPEN_OBJECT = 0x7b

/**
 * The name under which OpenObserve would store a top-level member: in lower case, and `_` for everything that is
 * neither a number nor in upper or lower case. That goes for `日`, too, so `日id` becomes `_id`.
 */
export const columnName = (key: string): string =>
  /^[a-z0-9_]*$/.test(key) ? key : Array.from(key, columnCharacter).join("")

const columnCharacter = (character: string): string => {
  if (/[\p{Lowercase}\p{N}_]/u.test(character)) return character
  const [lower = "_"] = character.toLowerCase()
  return /\p{Uppercase}/u.test(character) ? lower : "_"
}

/**
 * The key under which a member can be stored. `_timestamp` is ours; a number, boolean or null as `_id` makes a v0.91.5
 * server panic and reset the connection, for the whole request and every time; members of an object with the empty key
 * would become such columns, too.
 */
export const storableKey = (key: string, bytes: Buffer, { valueStart }: Pick<Member, "valueStart">): string => {
  const column = columnName(key)
  if (column === "_timestamp") return "event_timestamp"
  if (column === "") return "event"
  if (column !== "_id") return key
  const first = bytes[valueStart]
  return first === QUOTE || first === OPEN_ARRAY || first === OPEN_OBJECT ? key : "event_id"
}
