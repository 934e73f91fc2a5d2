/** Encodes records that do not come from Lambda: what a program says itself. */
import type { EncodedRecords } from "../delivery/EncodedRecords.ts"
import { lastOfEachKey, ObjectScanner } from "../json/ObjectScanner.ts"
import * as AcceptedTime from "../openobserve/AcceptedTime.ts"
import { ColumnCounter } from "../openobserve/ColumnCounter.ts"
import { columnName, storableKey } from "../openobserve/ColumnName.ts"
import type { Addition } from "./Enrichment.ts"
import { COMMON_COLUMNS, writeMembers } from "./MemberWriter.ts"
import { RecordWriter } from "./RecordWriter.ts"

/** What every record gets from the program that it is of. */
export interface Stamp {
  readonly additions: (requestId: string | undefined) => ReadonlyArray<Addition>
  /** The `_timestamp` of the next record, whose time in µs is given. */
  readonly timestamp: (micros: number) => number
}

/** What records that are encoded together have in common. */
export interface CommonMembers {
  readonly type: string
  readonly requestId: string | undefined
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

/** What a record takes besides its own members, in bytes: `_timestamp`, `type` and some metadata. */
const EXPECTED_ADDITIONS_BYTES = 200

/** A member that records get unless they have it themselves; `undefined` for a value that JSON has no form for. */
export const addition = (name: string, value: unknown): Addition | undefined => {
  const json = JSON.stringify(value) as string | undefined
  if (json === undefined) return undefined
  const storable = storableKey(name, Buffer.from(json), { valueStart: 0 })
  return { name: storable, text: Buffer.from(`,${JSON.stringify(storable)}:${json}`) }
}

/** Every call gives bytes of its own. */
export class OwnRecordEncoder {
  private readonly stamp: Stamp
  private readonly columns: ColumnCounter

  constructor(stamp: Stamp, maxColumns: number) {
    this.stamp = stamp
    const added = stamp.additions(undefined).map(({ name }) => columnName(name))
    this.columns = new ColumnCounter(maxColumns, [...new Set([...COMMON_COLUMNS, ...added])])
  }

  /** The records get what they have in common, unless they have it themselves. */
  encode(records: ReadonlyArray<OwnRecord>, nowMs: number, { requestId, type }: CommonMembers): EncodedRecords {
    const { columns, stamp } = this
    const sources = records.map(({ json }) => Buffer.from(json))
    const out = new RecordWriter(
      sources.reduce((sum, { length }) => sum + length + EXPECTED_ADDITIONS_BYTES, 0)
    )
    const members = [addition("type", type), addition("requestId", requestId)].filter((member) => member !== undefined)
    const additions = [...members, ...stamp.additions(requestId)]
    const ends: Array<number> = []
    let oldestTimestamp = Infinity
    columns.reset()
    for (const [index, { timeMs }] of records.entries()) {
      const asked = Math.round(timeMs * 1000)
      const isUsable = AcceptedTime.isAccepted(asked, nowMs * 1000)
      const timestamp = stamp.timestamp(isUsable ? asked : nowMs * 1000)
      const object = new ObjectScanner(sources[index]!)
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
