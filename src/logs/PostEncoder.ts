/**
 * Turns posts into records: what Lambda wrote, byte for byte, with `time` replaced by `_timestamp` and a few members
 * added at the end (`Additions.ts`).
 */
import { Additions, type AdditionsOptions, type FunctionIdentity } from "./Enrichment.ts"
import { ColumnCounter, MAX_COLUMNS } from "../openobserve/ColumnCounter.ts"
import * as LifecycleEvent from "../telemetry/PlatformEvent.ts"
import { OWN_LINE_PREFIX } from "../platform/Logger.ts"
import { ByteWriter, columnName, storableKey } from "./RecordWriter.ts"
import { EventScanner, lastOfEachKey, type Member, shapeOf, textOf, typeOf } from "../telemetry/TelemetryEvent.ts"
import * as Timestamp from "./EventTime.ts"

/** The records of one post. */
export interface EncodedPost {
  /** The records as JSON objects, each followed by a comma. Valid, as `columns`, until the next post is encoded. */
  readonly bytes: Buffer
  /** For each record the offset behind its comma. */
  readonly ends: ReadonlyArray<number>
  /** Smallest `_timestamp` in µs; `Infinity` without records. */
  readonly oldestTimestamp: number
  /** Columns that the records may have together; incomplete when they are more than `MAX_COLUMNS`. */
  readonly columns: ReadonlySet<string>
  /** What the post says about the course of invocations, in order. */
  readonly lifecycle: ReadonlyArray<LifecycleEvent.LifecycleEvent>
  /** Elements and fragments that are no event. */
  readonly malformed: number
}

/**
 * OpenObserve's parser refuses a request nested deeper than 127 levels (v0.91.5), and stores what is deeper than three
 * as a JSON string anyway: values beyond this depth are sent as the string that they would become.
 */
const MAX_DEPTH = 100

/** Columns that every record may have: what we add, and what becomes of members that cannot be stored as they are. */
const COMMON_COLUMNS = [
  "_timestamp",
  "type",
  "time",
  "record",
  "requestid",
  "faas_name",
  "faas_version",
  "faas_instance",
  "faas_coldstart",
  "cloud_region",
  "cloud_account_id",
  "event",
  "event_id",
  "event_timestamp"
]

const COMMA = 0x2c
const CLOSE_OBJECT = 0x7d

/** What is sent, and in which form. */
export interface PostEncoderOptions extends AdditionsOptions {
  readonly types: ReadonlySet<string>
  readonly preservesOrder: boolean
}

/** The synchronous core of `RecordEncoder`: about half a microsecond per event, so no Effect inside. */
export class PostEncoder {
  private readonly options: PostEncoderOptions
  private readonly order = new Timestamp.MillisecondOrder()
  private readonly out = new ByteWriter()
  private readonly columns = new ColumnCounter(MAX_COLUMNS, COMMON_COLUMNS)
  private readonly additions: Additions

  constructor(options: PostEncoderOptions) {
    this.options = options
    this.additions = new Additions(options)
  }

  identify(identity: FunctionIdentity): void {
    this.additions.identify(identity)
  }

  encode(post: Uint8Array, nowMillis: number): EncodedPost {
    const events = new EventScanner(post)
    const { bytes } = events
    const ends: Array<number> = []
    const lifecycle: Array<LifecycleEvent.LifecycleEvent> = []
    const nowMicros = nowMillis * 1000
    let oldestTimestamp = Infinity
    this.out.clear()
    this.columns.reset()
    while (events.next()) {
      const shape = shapeOf(bytes, events.members)
      const type = typeOf(bytes, shape.type)
      if (type.startsWith("platform.") && shape.record !== undefined) {
        const { valueEnd, valueStart } = shape.record
        const event = LifecycleEvent.parse(type, bytes.toString("utf8", valueStart, valueEnd))
        if (event !== undefined) {
          this.additions.follow(event)
          lifecycle.push(event)
        }
      }
      if (!this.isWanted(bytes, type, shape.record)) continue
      const time = shape.time === undefined ? NaN : Timestamp.parse(bytes, shape.time.valueStart, shape.time.valueEnd)
      // A time that OpenObserve would refuse stays beside the time of receipt, which stands in for it.
      const isUsable = Timestamp.isAccepted(time, nowMicros)
      const timestamp = this.timestamp(isUsable ? time : nowMicros)
      if (timestamp < oldestTimestamp) oldestTimestamp = timestamp
      this.out.start(timestamp)
      const isLine = type === "function"
      // a line of text has only what all have
      if (events.depth > 0 || !shape.isPlain) this.columns.add(bytes, events.members)
      if (shape.isPlain && events.depth <= MAX_DEPTH) {
        this.writePlain(bytes, events.members, isUsable ? shape.time : undefined, isLine, shape.record)
      } else this.writeOther(bytes, events.members, isUsable, isLine, shape.record)
      this.out.byte(CLOSE_OBJECT)
      this.out.byte(COMMA)
      ends.push(this.out.length)
    }
    return {
      bytes: this.out.written,
      ends,
      oldestTimestamp,
      columns: this.columns.columns,
      lifecycle,
      malformed: events.malformed
    }
  }

  private timestamp(micros: number): number {
    return this.options.preservesOrder ? this.order.next(micros) : micros
  }

  private isWanted(bytes: Buffer, type: string, record: Member | undefined): boolean {
    const { types } = this.options
    if (type === "function") return types.has("function")
    if (type.startsWith("platform.")) return types.has("platform")
    if (type !== "extension") return true
    // Our own lines would beget lines about having been sent.
    return types.has("extension") && !(record !== undefined && isOwnLine(bytes, record))
  }

  private writePlain(
    bytes: Buffer,
    members: ReadonlyArray<Member>,
    time: Member | undefined,
    isLine: boolean,
    record: Member | undefined
  ): void {
    const { out } = this
    if (members.length > 0 && (time === undefined || time === members[0])) {
      // all that is kept stands together
      const first = members[time === undefined ? 0 : 1]
      if (first !== undefined) {
        out.byte(COMMA)
        out.bytes(bytes, first.keyStart, members.at(-1)!.valueEnd)
      }
    } else {
      for (const member of members) {
        if (member === time) continue
        out.byte(COMMA)
        out.bytes(bytes, member.keyStart, member.valueEnd)
      }
    }
    out.bytes(this.additions.joinedFor(bytes, isLine, record))
  }

  /** Members that nobody has announced, repeated, escaped or very deep: each is looked at by itself. */
  private writeOther(
    bytes: Buffer,
    members: ReadonlyArray<Member>,
    hasUsableTime: boolean,
    isLine: boolean,
    record: Member | undefined
  ): void {
    const { out } = this
    const byKey = lastOfEachKey(bytes, members)
    if (hasUsableTime) byKey.delete("time")
    const columns = new Set<string>()
    for (const [key, member] of byKey) {
      const storable = storableKey(key, bytes, member)
      columns.add(columnName(storable))
      out.bytes(Buffer.from(`,${JSON.stringify(storable)}:`))
      if (member.depth <= MAX_DEPTH) out.bytes(bytes, member.valueStart, member.valueEnd)
      else out.bytes(Buffer.from(JSON.stringify(bytes.toString("utf8", member.valueStart, member.valueEnd))))
    }
    for (const { name, text } of this.additions.eachFor(bytes, isLine, record)) {
      if (!columns.has(columnName(name))) out.bytes(text)
    }
  }
}

/** Whether an `extension` record was written by this extension. */
const isOwnLine = (bytes: Buffer, record: Member): boolean =>
  // a string in Text format, an object in JSON format
  textOf(bytes, record).startsWith(OWN_LINE_PREFIX) ||
  bytes.toString("latin1", record.valueStart, record.valueStart + OWN_LINE_PREFIX.length) === OWN_LINE_PREFIX
