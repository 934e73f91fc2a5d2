/** Gives records that OpenObserve would discard for their age a time that it takes, and keeps the original beside it. */
import { type RecordBody, rewrite, timestampOf } from "./RecordBody.ts"
import { columnName } from "./ColumnName.ts"
import { isSomething } from "./Columns.ts"
import { keyOf } from "../json/ObjectScanner.ts"
import { type Change, splice } from "../json/Splice.ts"
import * as AcceptedTime from "./AcceptedTime.ts"

/**
 * Records whose `_timestamp` is too old get `nowMicros` and the following microseconds, so that their order survives,
 * and the original time as `time`, unless they have a time of their own (one that OpenObserve would not have taken, or
 * from an earlier restamping).
 */
export const restamp = (body: Buffer, nowMicros: number, isTooOld: (micros: number) => boolean): RecordBody => {
  let next = nowMicros
  return rewrite(body, ({ bytes, end, members, start }) => {
    const micros = timestampOf(bytes, start)
    const stamp = members[0]
    if (stamp === undefined || !isTooOld(micros)) return undefined
    const changes: Array<Change> = [{ start: stamp.valueStart, end: stamp.valueEnd, text: String(next++) }]
    const hasTime = members.some((member) => columnName(keyOf(bytes, member)) === "time" && isSomething(bytes, member))
    if (!hasTime) changes.push({ start: end - 1, end: end - 1, text: `,"time":"${AcceptedTime.format(micros)}"` })
    return splice(bytes, start, end, changes)
  })
}
