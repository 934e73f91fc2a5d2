/** A record as processors see it: read as far as somebody asks. */
import { membersOf } from "../json/JsonText.ts"

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
 * asked for, so it is of use during the call alone to which it is given: who keeps something of it keeps its `json` or its
 * `fields`.
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

/** The same, made of bytes, which must not change while it is in use, or of what they say. */
export class RecordView implements TelemetryRecord {
  readonly #bytes: Buffer
  readonly #start: number
  readonly #end: number
  #json: string | undefined
  #fields: RecordFields | undefined

  constructor(bytes: Buffer, start = 0, end = bytes.length, json?: string) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#json = json
  }

  get json(): string {
    return this.#json ??= this.#bytes.toString("utf8", this.#start, this.#end)
  }

  get fields(): RecordFields {
    return this.#fields ??= this.decode()
  }

  get type(): string {
    return this.#string("type") ?? ""
  }

  get requestId(): string | undefined {
    return this.#string("requestId")
  }

  get line(): string | undefined {
    return this.#string("record")
  }

  /** The members anew: nobody else has these. */
  decode(): Record<string, unknown> {
    return JSON.parse(this.json) as Record<string, unknown>
  }

  /** A member that is a string, read alone: encoders write no key twice at the top. */
  #string(name: string): string | undefined {
    for (const { end, key, start } of membersOf(this.json, 0)) {
      if (key === name) return this.json[start] === "\"" ? JSON.parse(this.json.slice(start, end)) as string : undefined
    }
  }
}
