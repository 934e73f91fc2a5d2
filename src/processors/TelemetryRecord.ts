/** A record as processors see it: read from its bytes as far as somebody asks. */

/**
 * A record's members. Times are in `_timestamp`, in µs since the epoch.
 *
 * @since 0.2.0
 * @category models
 */
export interface RecordFields {
  readonly [key: string]: unknown
}

/**
 * A record on its way to OpenObserve, whole: what Lambda has cut has been joined before. Nothing is decoded before it is
 * asked for.
 *
 * @since 0.2.0
 * @category models
 */
export interface TelemetryRecord {
  /** `function`, `extension`, `platform.report` and the like, or what a record of your own says; empty without any. */
  readonly type: string
  /** The call that the record is of, when known. */
  readonly requestId: string | undefined
  /** The line, when the record is one of text; `undefined` when it is an object. */
  readonly line: string | undefined
  /** All members, decoded: numbers may have lost digits that the record keeps. */
  readonly fields: RecordFields
  /** The record as it will be sent, in JSON. */
  readonly json: string
}

/** The same, made of bytes that hold nothing else. They must not change while it is in use. */
export class RecordView implements TelemetryRecord {
  readonly bytes: Buffer
  #json: string | undefined
  #fields: RecordFields | undefined

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get json(): string {
    return this.#json ??= this.bytes.toString("utf8")
  }

  get fields(): RecordFields {
    return this.#fields ??= this.decode()
  }

  get type(): string {
    const { type } = this.fields
    return typeof type === "string" ? type : ""
  }

  get requestId(): string | undefined {
    const { requestId } = this.fields
    return typeof requestId === "string" ? requestId : undefined
  }

  get line(): string | undefined {
    const { record } = this.fields
    return typeof record === "string" ? record : undefined
  }

  /** The members anew: nobody else has these. */
  decode(): RecordFields {
    return JSON.parse(this.json) as RecordFields
  }
}
