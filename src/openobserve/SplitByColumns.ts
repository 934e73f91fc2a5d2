/**
 * Divides a body into bodies of few enough columns each: OpenObserve counts the columns of a whole batch, and drops it
 * when they are too many.
 */
import { BodyWriter, type RecordBody } from "./RecordBody.ts"
import { columnsOf } from "./Columns.ts"
import { ObjectScanner } from "../json/ObjectScanner.ts"

/** Groups that a record is tried in: bounds the work when hardly two records have a column in common. */
const MAX_CANDIDATES = 32

interface Group {
  readonly columns: Set<string>
  readonly writer: BodyWriter
}

/**
 * The records in as few bodies as first fit makes, each with at most `limit` columns. Within a body they keep their
 * order. A record that alone has more columns than that shares a body only with such as bring no further ones.
 */
export const splitByColumns = (body: Buffer, limit: number): Array<RecordBody> => {
  const records = new ObjectScanner(body)
  const groups: Array<Group> = []
  // the server may refuse what is too wide, so that is no company for others
  const usual: Array<Group> = []
  const wide: Array<Group> = []
  while (records.next()) {
    const columns = columnsOf(records.bytes, records.members)
    const candidates = columns.size > limit ? wide : usual
    let found = candidates.find((group) => fits(columns, group.columns, limit))
    if (found === undefined) {
      found = { columns: new Set(), writer: new BodyWriter(records.bytes) }
      groups.push(found)
      candidates.push(found)
      // the oldest is the fullest
      if (candidates.length > MAX_CANDIDATES) candidates.shift()
    }
    for (const column of columns) found.columns.add(column)
    found.writer.keep(records.start, records.end)
  }
  return groups.map(({ writer }) => writer.finish())
}

const fits = (columns: Set<string>, union: Set<string>, limit: number): boolean => {
  let room = limit - union.size
  for (const column of columns) {
    if (!union.has(column) && --room < 0) return false
  }
  return true
}
