/** One event of the stream, in the forms it is kept and sent in. */
import type { TelemetryEvent } from "./Observations.ts"
import type { LineRecord } from "./Records.ts"

/** One event, as the object and as the JSON texts that subscribers get. */
export interface StreamEntry {
  readonly event: TelemetryEvent
  readonly json: string
  /** For subscribers that get string records only. */
  readonly textJson: string
}

/** Wraps a record into the envelope of an event. */
export const entryOf = (time: string, type: string, record: LineRecord): StreamEntry => {
  const head = `{"time":${JSON.stringify(time)},"type":${JSON.stringify(type)},"record":`
  return {
    event: { time, type, record: JSON.parse(record.json) as unknown },
    json: `${head}${record.json}}`,
    textJson: `${head}${record.text}}`
  }
}
