/** The older shapes in which a subscriber of the Logs API gets the platform's events. */
import type { TelemetryEvent } from "./Observations.ts"

type Members = Readonly<Record<string, unknown>>

const pick = (record: Members, names: ReadonlyArray<string>): Members =>
  Object.fromEntries(names.filter((name) => record[name] !== undefined).map((name) => [name, record[name]]))

const fault = (record: Members): string =>
  `RequestId: ${String(record["requestId"])} Error: ${String(record["errorType"])}\n${String(record["errorType"])}\n`

/** Translates one event; init events vanish, and the report is preceded by `platform.end`. */
export const toLogsApi = (event: TelemetryEvent, schemaVersion: string): ReadonlyArray<TelemetryEvent> => {
  const { time } = event
  const record = event.record as Members
  switch (event.type) {
    case "platform.start":
      return [{ time, type: event.type, record: pick(record, ["requestId", "version"]) }]
    case "platform.runtimeDone":
      return [
        ...(record["status"] === "error" ? [{ time, type: "platform.fault", record: fault(record) }] : []),
        ...(schemaVersion === "2021-03-18"
          ? [{ time, type: event.type, record: pick(record, ["requestId", "status"]) }]
          : [])
      ]
    case "platform.report":
      return [
        { time, type: "platform.end", record: pick(record, ["requestId"]) },
        { time, type: event.type, record: pick(record, ["requestId", "metrics"]) }
      ]
    case "platform.telemetrySubscription":
      return [{ ...event, type: "platform.logsSubscription" }]
    case "platform.extension":
    case "platform.logsDropped":
      return [event]
    default:
      return event.type.startsWith("platform.") ? [] : [event]
  }
}
