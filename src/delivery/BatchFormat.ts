/** How records stand in the body of a request. Pure. */
export interface BatchFormat {
  /** Before the first record. */
  readonly open: Buffer
  /** Between two records; encoders write it behind the last, too. */
  readonly separator: Buffer
  /** Behind the last record, in the separator's place: not longer than `open` and `separator` together. */
  readonly close: Buffer
  /** The offset behind the record number `records` (from 1) of a body, before its separator. */
  readonly endOf: (body: Buffer, records: number) => number
}

/** Bytes of a body beside its records and their separators. */
export const frameBytes = ({ close, open, separator }: BatchFormat): number =>
  open.length + close.length - separator.length
