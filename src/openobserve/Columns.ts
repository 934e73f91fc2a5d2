/**
 * The columns in which OpenObserve stores a record (observed on v0.91.5): objects are flattened to three levels, their
 * keys joined by `_`; what lies deeper, and every array, is one column of JSON text; what holds nothing makes no column.
 */
import { columnName } from "./ColumnName.ts"
import { keyOf, lastOfEachKey, type Member, ObjectScanner } from "../json/ObjectScanner.ts"

/** Default of ZO_INGEST_FLATTEN_LEVEL: an object on this level is stored as JSON text. */
export const FLATTEN_LEVEL = 3

const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const LETTER_N = 0x6e
const SPACE = 0x20

/**
 * The columns of the record with these members: all of them, and one too many only where a null hides another member that
 * gives the same column (`{"Time":1,"time":null}`).
 */
export const columnsOf = (bytes: Buffer, members: ReadonlyArray<Member>): Set<string> => {
  const columns = new Set<string>()
  collect(bytes, members, "", 1, isSomething, columns)
  return columns
}

/**
 * The columns that a record with the same keys can have: members that hold nothing here may hold something there, and
 * objects that are flattened here may be sent as text there, because they are nested too deep or too wide.
 */
export const possibleColumnsOf = (bytes: Buffer, members: ReadonlyArray<Member>): Set<string> => {
  const columns = new Set(members.map((member) => columnName(keyOf(bytes, member))))
  collect(bytes, members, "", 1, () => true, columns)
  return columns
}

type Predicate = (bytes: Buffer, member: Member) => boolean

const collect = (
  bytes: Buffer,
  members: ReadonlyArray<Member>,
  prefix: string,
  level: number,
  counts: Predicate,
  columns: Set<string>
): void => {
  for (const [key, member] of lastOfEachKey(bytes, members)) {
    const column = prefix + columnName(key)
    if (isFlattened(bytes, member, level)) {
      collect(bytes, membersOf(bytes, member), `${column}_`, level + 1, counts, columns)
    } else if (counts(bytes, member)) columns.add(column)
  }
}

/** Whether a member on this level (the record's own are on level 1) is stored as its members. */
export const isFlattened = (bytes: Buffer, member: Member, level: number): boolean =>
  level < FLATTEN_LEVEL && bytes[member.valueStart] === OPEN_OBJECT

/** Whether a member holds anything: not null, not an empty array, not an empty object. */
export const isSomething: Predicate = (bytes, { valueStart }) => {
  switch (bytes[valueStart]) {
    case LETTER_N:
      return false
    case OPEN_OBJECT:
    case OPEN_ARRAY: {
      let at = valueStart + 1
      while (bytes[at]! <= SPACE) at++
      return bytes[at] !== CLOSE_OBJECT && bytes[at] !== CLOSE_ARRAY
    }
    default:
      return true
  }
}

/** The members of a member that is an object, in the same bytes. */
export const membersOf = (bytes: Buffer, object: Member): Array<Member> => {
  const offset = object.valueStart
  const scanner = new ObjectScanner(bytes.subarray(offset, object.valueEnd))
  scanner.next()
  return scanner.members.map((member) => ({
    keyStart: member.keyStart + offset,
    keyEnd: member.keyEnd + offset,
    valueStart: member.valueStart + offset,
    valueEnd: member.valueEnd + offset,
    depth: member.depth
  }))
}
