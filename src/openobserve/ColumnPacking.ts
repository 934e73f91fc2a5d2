/** Puts records into groups of few enough columns, each into the first group that it fits. */

/** Groups that a record is tried in: bounds the work when hardly two records have a column in common. */
const MAX_CANDIDATES = 32

/** Records that go together. */
interface Group {
  /** Its place among the groups. */
  readonly number: number
  readonly columns: Set<number>
}

/**
 * First fit, with at most `limit` columns in a group. A record that alone has more than that shares a group only with such
 * as bring no further ones.
 */
export class ColumnPacking {
  private readonly limit: number
  // the server may refuse what is too wide, so that is no company for others
  private readonly usual: Array<Group> = []
  private readonly wide: Array<Group> = []
  private groups = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** How many groups there are. */
  get size(): number {
    return this.groups
  }

  /** Puts a record with these columns into a group; into a new one where it fits none. Answers with the group's number. */
  add(columns: ReadonlySet<number>): number {
    return this.addToExisting(columns) ?? this.addToNew(columns)
  }

  /** The same, but nothing happens where it fits none. */
  addToExisting(columns: ReadonlySet<number>): number | undefined {
    const found = this.candidatesFor(columns).find((group) => fits(columns, group.columns, this.limit))
    if (found === undefined) return undefined
    for (const column of columns) found.columns.add(column)
    return found.number
  }

  private addToNew(columns: ReadonlySet<number>): number {
    const candidates = this.candidatesFor(columns)
    candidates.push({ number: this.groups, columns: new Set(columns) })
    // the oldest is the fullest
    if (candidates.length > MAX_CANDIDATES) candidates.shift()
    return this.groups++
  }

  private candidatesFor(columns: ReadonlySet<number>): Array<Group> {
    return columns.size > this.limit ? this.wide : this.usual
  }
}

const fits = (columns: ReadonlySet<number>, union: ReadonlySet<number>, limit: number): boolean => {
  let room = limit - union.size
  for (const column of columns) {
    if (!union.has(column) && --room < 0) return false
  }
  return true
}
