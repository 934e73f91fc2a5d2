/** Encodes records that do not come from Lambda: what a program says itself. */
import type { EncodedRecords } from "../delivery/EncodedRecords.ts"
import { lastOfEachKey, ObjectScanner } from "../json/ObjectScanner.ts"
import * as AcceptedTime from "../openobserve/AcceptedTime.ts"
import { ColumnCounter } from "../openobserve/ColumnCounter.ts"
import type { Addition } from "./Enrichment.ts"
import { COMMON_COLUMNS, writeMembers } from "./MemberWriter.ts"
import { RecordWriter } from "./RecordWriter.ts"

/** What every record gets from the program that it is of. */
export interface Stamp {
  readonly additions: () => ReadonlyArray<Addition>
  /** The `_timestamp` of the next record, whose time in µs is given. */
  readonly timestamp: (micros: number) => number
}

/** A record as somebody has put it together. */
export interface OwnRecord {
  /** An object in JSON; `_timestamp` is ours. */
  readonly json: string
  /** Epoch ms, with a fraction if need be. */
  readonly timeMs: number
}

const COMMA = 0x2c
const CLOSE_OBJECT = 0x7d

/** Every call gives bytes of its own. */
export class OwnRecordEncoder {
  private readonly stamp: Stamp
  private readonly columns: ColumnCounter

  constructor(stamp: Stamp, maxColumns: number) {
    this.stamp = stamp
    this.columns = new ColumnCounter(maxColumns, COMMON_COLUMNS)
  }

  encode(records: ReadonlyArray<OwnRecord>, nowMs: number): EncodedRecords {
    const { columns, stamp } = this
    const out = new RecordWriter()
    const additions = stamp.additions()
    const ends: Array<number> = []
    let oldestTimestamp = Infinity
    columns.reset()
    for (const { json, timeMs } of records) {
      const asked = Math.round(timeMs * 1000)
      const isUsable = AcceptedTime.isAccepted(asked, nowMs * 1000)
      const timestamp = stamp.timestamp(isUsable ? asked : nowMs * 1000)
      const object = new ObjectScanner(Buffer.from(json))
      object.next()
      columns.add(object.bytes, object.members)
      out.start(timestamp)
      writeMembers(
        out,
        object.bytes,
        lastOfEachKey(object.bytes, object.members),
        isUsable ? additions : [
          ...additions,
          ...timeBeside(timeMs)
        ]
      )
      out.byte(CLOSE_OBJECT)
      out.byte(COMMA)
      ends.push(out.length)
      oldestTimestamp = Math.min(oldestTimestamp, timestamp)
    }
    return { bytes: out.written, ends, oldestTimestamp, columns: new Set(columns.columns) }
  }
}

/** A time that OpenObserve would refuse stays beside the time of receipt, which stands in for it. */
const timeBeside = (timeMs: number): ReadonlyArray<Addition> => {
  const date = new Date(timeMs)
  return Number.isNaN(date.getTime()) ? [] : [{ name: "time", text: Buffer.from(`,"time":"${date.toISOString()}"`) }]
}
