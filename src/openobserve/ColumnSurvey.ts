/** What the records of a body bring in columns, and which of their objects bring them; on this dividing it is decided. */
import { type Member, ObjectScanner } from "../json/ObjectScanner.ts"
import { columnName } from "./ColumnName.ts"
import { isFlattened, isSomething, membersOf } from "./Columns.ts"
import { withObjectsAsText } from "./ObjectText.ts"
import { BodyWriter, type RecordBody } from "./RecordBody.ts"

/** Where in records an object stands. */
export interface Place {
  /** The keys that lead there, with dots between them. */
  readonly path: string
  /** The column that such an object is when it is text. */
  readonly column: number
  /** How the columns inside begin. */
  readonly prefix: string
  readonly level: number
  /** The places inside, by key. */
  readonly places: Map<string, Place>
  /** The columns of members that are a column each, by key. */
  readonly columns: Map<string, number>
}

/** An object that is stored as its members: a record, or one inside it. */
export interface Flattened {
  readonly place: Place
  readonly start: number
  readonly end: number
  /** Its members that are a column each; two of them may be the same. */
  readonly columns: ReadonlyArray<number>
  /** Its members that are stored as their members. */
  readonly objects: ReadonlyArray<Flattened>
  /** To be stored as JSON text, in one column. */
  isText: boolean
}

/** Reads the records of a body. */
export class ColumnSurvey {
  /** The records, in order. */
  readonly records: ReadonlyArray<Flattened>
  /** What offsets refer to. */
  readonly bytes: Buffer
  private readonly names = new Map<string, number>()

  constructor(body: Buffer) {
    const scanner = new ObjectScanner(body)
    this.bytes = scanner.bytes
    const root: Place = { path: "", column: -1, prefix: "", level: 1, places: new Map(), columns: new Map() }
    const records: Array<Flattened> = []
    while (scanner.next()) records.push(this.read(root, scanner.start, scanner.end, scanner.members))
    this.records = records
  }

  /** Columns are numbered from 0 to here. */
  get size(): number {
    return this.names.size
  }

  /** The columns of a record, those of its texts among them. */
  columnsOf(record: Flattened): Set<number> {
    const columns = new Set<number>()
    collect(record, columns)
    return columns
  }

  /** How many records have each column, by its number. */
  spread(): Uint32Array {
    const spread = new Uint32Array(this.size)
    for (const record of this.records) {
      for (const column of this.columnsOf(record)) spread[column]!++
    }
    return spread
  }

  /** The records in bodies, as their numbers in `groups` say, each in its order and with its texts. */
  bodies(groups: ReadonlyArray<number>): Array<RecordBody> {
    const { bytes, records } = this
    const writers: Array<BodyWriter> = []
    for (const [index, record] of records.entries()) {
      const { end, start } = record
      const texts: Array<Flattened> = []
      forEachObject(record, (object) => {
        if (object.isText) texts.push(object)
      })
      const writer = writers[groups[index]!] ??= new BodyWriter(bytes)
      if (texts.length === 0) writer.keep(start, end)
      else writer.write(withObjectsAsText(bytes, start, end, texts))
    }
    return writers.map((writer) => writer.finish())
  }

  private read(place: Place, start: number, end: number, members: ReadonlyArray<Member>): Flattened {
    const { bytes } = this
    const columns: Array<number> = []
    const objects: Array<Flattened> = []
    for (const [key, member] of this.lastOfEachKey(members)) {
      if (!isSomething(bytes, member)) continue
      if (isFlattened(bytes, member, place.level)) {
        const inside = this.placeIn(place, key)
        objects.push(this.read(inside, member.valueStart, member.valueEnd, membersOf(bytes, member)))
      } else columns.push(this.columnIn(place, key))
    }
    return { place, start, end, columns, objects, isText: false }
  }

  /** As `ObjectScanner` has it, without `JSON.parse` where nothing is escaped: this reads every key of a batch. */
  private lastOfEachKey(members: ReadonlyArray<Member>): Map<string, Member> {
    const { bytes } = this
    const byKey = new Map<string, Member>()
    for (const member of members) {
      const text = bytes.toString("utf8", member.keyStart, member.keyEnd)
      byKey.set(text.includes("\\") ? JSON.parse(text) as string : text.slice(1, -1), member)
    }
    return byKey
  }

  private placeIn(place: Place, key: string): Place {
    const known = place.places.get(key)
    if (known !== undefined) return known
    const name = place.prefix + columnName(key)
    const inside: Place = {
      path: place.path === "" ? key : `${place.path}.${key}`,
      column: this.numberOf(name),
      prefix: `${name}_`,
      level: place.level + 1,
      places: new Map(),
      columns: new Map()
    }
    place.places.set(key, inside)
    return inside
  }

  private columnIn(place: Place, key: string): number {
    const known = place.columns.get(key)
    if (known !== undefined) return known
    const number = this.numberOf(place.prefix + columnName(key))
    place.columns.set(key, number)
    return number
  }

  private numberOf(name: string): number {
    const known = this.names.get(name)
    if (known !== undefined) return known
    const number = this.names.size
    this.names.set(name, number)
    return number
  }
}

/** Hands over the objects of a record: all of them, outer before inner, but none that is inside a text. */
export const forEachObject = (record: Flattened, visit: (object: Flattened) => void): void => {
  for (const object of record.objects) {
    visit(object)
    if (!object.isText) forEachObject(object, visit)
  }
}

const collect = ({ columns: own, isText, objects, place }: Flattened, columns: Set<number>): void => {
  if (isText) {
    columns.add(place.column)
    return
  }
  for (const column of own) columns.add(column)
  for (const object of objects) collect(object, columns)
}
