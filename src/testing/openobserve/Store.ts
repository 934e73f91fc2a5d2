/** What the double keeps: organizations, their streams, and the records in order of arrival. */
import { type Columns, type ColumnValue, read, widen } from "./Columns.ts"
import { type FlatRecord, normalizeStream } from "./Flatten.ts"
import { inKeyOrder } from "./JsonText.ts"

/**
 * A record with one value per column, as a search answer carries it.
 *
 * @category models
 * @since 0.2.0
 */
export type StoredRecord = Readonly<Record<string, unknown>>

interface Stream {
  columns: Columns
  readonly rows: Array<FlatRecord>
}

/** Columns the server fills or folds itself and leaves out of `SELECT *`. */
const HIDDEN_COLUMNS = new Set(["_original", "_all_values"])

/** Streams and records in memory, visible to a search at once. */
export class Store {
  private readonly organizations = new Map<string, Map<string, Stream>>()
  private readonly listeners = new Set<() => void>()

  constructor() {
    this.clear()
  }

  /** Forgets everything but the organization every server starts with. */
  clear(): void {
    this.organizations.clear()
    this.addOrganization("default")
  }

  hasOrganization(name: string): boolean {
    return this.organizations.has(name)
  }

  addOrganization(name: string): void {
    if (!this.organizations.has(name)) this.organizations.set(name, new Map())
  }

  /** The names of the streams of an organization, sorted. */
  streams(organization: string): ReadonlyArray<string> {
    return [...this.organizations.get(organization)?.keys() ?? []].sort()
  }

  hasStream(organization: string, stream: string): boolean {
    return this.find(organization, stream) !== undefined
  }

  /** The columns of a stream; none for one that is not there. */
  columns(organization: string, stream: string): Columns {
    return this.find(organization, stream)?.columns ?? new Map()
  }

  /** How many records a stream holds. */
  count(organization: string, stream: string): number {
    return this.find(organization, stream)?.rows.length ?? 0
  }

  /** Creates the stream if need be and widens its columns, without storing a record. */
  evolve(organization: string, stream: string, records: ReadonlyArray<FlatRecord>): void {
    const found = this.open(organization, stream)
    found.columns = widen(found.columns, records)
  }

  /** Appends the records; nothing is ever deduplicated. */
  append(organization: string, stream: string, records: ReadonlyArray<FlatRecord>): void {
    const { rows } = this.open(organization, stream)
    for (const record of records) rows.push(record)
    for (const listener of this.listeners) listener()
  }

  /** The records of a stream in order of `_timestamp`, those of one instant in order of arrival. */
  records(organization: string, stream: string): ReadonlyArray<StoredRecord> {
    const found = this.find(organization, stream)
    if (found === undefined) return []
    return found.rows
      .toSorted((a, b) => Number(a.get("_timestamp")) - Number(b.get("_timestamp")))
      .map((row) => toStored(row, found.columns))
  }

  /** Calls the listener after every batch that was stored; answers with how to stop. */
  onAppend(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  private find(organization: string, stream: string): Stream | undefined {
    return this.organizations.get(organization)?.get(normalizeStream(stream))
  }

  private open(organization: string, stream: string): Stream {
    this.addOrganization(organization)
    const found = this.find(organization, stream)
    if (found !== undefined) return found
    const created: Stream = { columns: new Map(), rows: [] }
    this.organizations.get(organization)?.set(normalizeStream(stream), created)
    return created
  }
}

const toStored = (row: FlatRecord, columns: Columns): StoredRecord => {
  const record: Record<string, ColumnValue> = {}
  for (const [name, value] of inKeyOrder(row)) {
    const type = columns.get(name)
    if (value === null || type === undefined || HIDDEN_COLUMNS.has(name)) continue
    if (name === "__proto__") {
      // Assigning would set the prototype instead of a field.
      Object.defineProperty(record, name, { value: read(value, type), enumerable: true })
    } else {
      record[name] = read(value, type)
    }
  }
  return record
}
