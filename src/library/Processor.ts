/**
 * What is done to records on their way: changed, dropped, hidden in part, sent to another stream.
 *
 * @since 0.2.0
 */
export { filter, map, type Processor, redact, type RedactOptions, route, when } from "../processors/Processor.ts"
export type { RecordFields, TelemetryRecord } from "../processors/TelemetryRecord.ts"
