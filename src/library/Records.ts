/**
 * Records of your own.
 *
 * @since 0.2.0
 */
export { SinkClosed } from "../delivery/SinkClosed.ts"
export { CurrentRequestId, RecordError, type RecordOptions, Records } from "../logs/Records.ts"
