/** Writes the members of a record one by one, each in a form that OpenObserve stores. */
import type { Member } from "../json/ObjectScanner.ts"
import { columnName, storableKey } from "../openobserve/ColumnName.ts"
import type { Addition } from "./Enrichment.ts"
import type { RecordWriter } from "./RecordWriter.ts"

/**
 * OpenObserve's parser refuses a request nested deeper than 127 levels (v0.91.5), and stores what is deeper than three
 * as a JSON string anyway: values beyond this depth are sent as the string that they would become.
 */
export const MAX_DEPTH = 100

/** Columns that every record may have: what we add, and what becomes of members that cannot be stored as they are. */
export const COMMON_COLUMNS = [
  "_timestamp",
  "type",
  "time",
  "record",
  "requestid",
  "faas_name",
  "faas_version",
  "faas_instance",
  "faas_coldstart",
  "cloud_region",
  "cloud_account_id",
  "event",
  "event_id",
  "event_timestamp"
]

/** Appends the members of an object, and what is added unless a member makes the same column. */
export const writeMembers = (
  out: RecordWriter,
  bytes: Buffer,
  members: ReadonlyMap<string, Member>,
  additions: ReadonlyArray<Addition>
): void => {
  const columns = new Set<string>()
  for (const [key, member] of members) {
    const storable = storableKey(key, bytes, member)
    columns.add(columnName(storable))
    out.bytes(Buffer.from(`,${JSON.stringify(storable)}:`))
    if (member.depth <= MAX_DEPTH) out.bytes(bytes, member.valueStart, member.valueEnd)
    else out.bytes(Buffer.from(JSON.stringify(bytes.toString("utf8", member.valueStart, member.valueEnd))))
  }
  for (const { name, text } of additions) {
    if (!columns.has(columnName(name))) out.bytes(text)
  }
}
