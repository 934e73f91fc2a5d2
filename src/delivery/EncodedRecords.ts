/**
 * Records of one signal in the form in which they are sent: what an encoder hands to the core.
 *
 * @since 0.2.0
 * @category models
 */
export interface EncodedRecords {
  /**
   * The records, each followed by its format's separator. Valid, as `columns`, until the encoder's next call: whoever
   * keeps them copies them.
   */
  readonly bytes: Buffer
  /** For each record the offset behind its separator. */
  readonly ends: ReadonlyArray<number>
  /** Smallest time of a record in µs since the epoch; `Infinity` without records, or where the server takes any age. */
  readonly oldestTimestamp: number
  /** Columns that the records may have together; empty where the server has no limit. */
  readonly columns: ReadonlySet<string>
}
