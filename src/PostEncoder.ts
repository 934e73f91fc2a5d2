/**
 * Turns posts into records: what Lambda wrote, byte for byte, with `time` replaced by `_timestamp` and a few members
 * added at the end. The state is small: the invocation whose lines are passing, and what is known of the function.
 */
import { ColumnCounter, MAX_COLUMNS } from "./ColumnCounter.ts"
import * as LifecycleEvent from "./LifecycleEvent.ts"
import { OWN_LINE_PREFIX } from "./Logger.ts"
import { ByteWriter, columnName, storableKey } from "./RecordBytes.ts"
import { EventScanner, keyOf, type Member, shapeOf, textOf, typeOf } from "./TelemetryEvent.ts"
import * as Timestamp from "./Timestamp.ts"

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

/** What the register answer says about the function; `undefined` where it does not say. */
export interface FunctionIdentity {
  readonly functionName?: string | undefined
  readonly functionVersion?: string | undefined
  readonly accountId?: string | undefined
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

export interface PostEncoderOptions {
  readonly types: ReadonlySet<string>
  readonly hasMetadata: boolean
  readonly preservesOrder: boolean
  readonly region: string | undefined
  readonly isManagedInstance: boolean
}

/** The synchronous core of `RecordEncoder`: about a microsecond per event, so no Effect inside. */
export class PostEncoder {
  private readonly options: PostEncoderOptions
  private readonly order = new Timestamp.MillisecondOrder()
  private readonly out = new ByteWriter()
  private readonly columns = new ColumnCounter(MAX_COLUMNS, COMMON_COLUMNS)
  private identity: FunctionIdentity = {}
  private instanceId: string | undefined
  private requestId: string | undefined
  private isRestored = false
  private invocations = 0
  // the members at the end of an ordinary record, joined; `undefined` after a change of what they say
  private lineTail: Buffer | undefined
  private otherTail: Buffer | undefined

  constructor(options: PostEncoderOptions) {
    this.options = options
  }

  identify(identity: FunctionIdentity): void {
    this.identity = identity
    this.forgetTails()
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
          this.follow(event)
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

  /** Keeps up with the stream: text lines carry no request id, they belong to the invocation they stand in. */
  private follow(event: LifecycleEvent.LifecycleEvent): void {
    switch (event._tag) {
      case "EnvironmentStart":
        if (event.isRestore) {
          this.isRestored = true
          this.instanceId = event.instanceId
          this.invocations = 0
        } else if (!this.isRestored) this.instanceId = event.instanceId ?? this.instanceId
        // else the snapshot's own start, told again: all sandboxes restored from it know its name, none is called so
        break
      case "InvocationStart":
        this.requestId = event.requestId
        this.invocations++
        break
      case "Report":
        // The report of an earlier invocation may come late; it says nothing about the current one.
        if (event.requestId === this.requestId) this.requestId = undefined
        break
      case "RuntimeDone":
      case "Dropped":
        return
    }
    this.forgetTails()
  }

  private forgetTails(): void {
    this.lineTail = undefined
    this.otherTail = undefined
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
    out.bytes(this.tail(bytes, isLine, record))
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
    const byKey = new Map<string, Member>()
    // as in JSON.parse, the last of several equal keys counts
    for (const member of members) byKey.set(keyOf(bytes, member), member)
    if (hasUsableTime) byKey.delete("time")
    const columns = new Set<string>()
    for (const [key, member] of byKey) {
      const storable = storableKey(key, bytes, member)
      columns.add(columnName(storable))
      out.bytes(Buffer.from(`,${JSON.stringify(storable)}:`))
      if (member.depth <= MAX_DEPTH) out.bytes(bytes, member.valueStart, member.valueEnd)
      else out.bytes(Buffer.from(JSON.stringify(bytes.toString("utf8", member.valueStart, member.valueEnd))))
    }
    for (const [name, value] of this.additions(isLine ? this.requestIdOf(bytes, record) : undefined)) {
      if (!columns.has(columnName(name))) out.bytes(addition(name, value))
    }
  }

  private tail(bytes: Buffer, isLine: boolean, record: Member | undefined): Buffer {
    if (!isLine) return this.otherTail ??= this.joined(undefined)
    if (this.requestId !== undefined && !this.options.isManagedInstance) {
      return this.lineTail ??= this.joined(this.requestId)
    }
    const requestId = this.requestIdOf(bytes, record)
    return requestId === undefined ? this.otherTail ??= this.joined(undefined) : this.joined(requestId)
  }

  private joined(requestId: string | undefined): Buffer {
    return Buffer.concat(this.additions(requestId).map(([name, value]) => addition(name, value)))
  }

  /** The invocation of a function's line, when known; on Managed Instances invocations mix, so only the line can say. */
  private requestIdOf(bytes: Buffer, record: Member | undefined): string | undefined {
    if (this.requestId !== undefined && !this.options.isManagedInstance) return this.requestId
    if (record === undefined || bytes[record.valueStart] !== 0x7b) return undefined
    return LifecycleEvent.text(bytes.toString("utf8", record.valueStart, record.valueEnd), "requestId", "AWSRequestId")
  }

  private additions(requestId: string | undefined): Array<readonly [name: string, value: string | boolean]> {
    const { functionName, functionVersion, accountId } = this.identity
    const fields: Array<readonly [string, string | boolean | undefined]> = [["requestId", requestId]]
    if (this.options.hasMetadata) {
      fields.push(
        ["faas_name", functionName],
        ["faas_version", functionVersion],
        ["faas_instance", this.instanceId],
        ["faas_coldstart", this.invocations <= 1],
        ["cloud_region", this.options.region],
        ["cloud_account_id", accountId]
      )
    }
    return fields.filter((field): field is [string, string | boolean] => field[1] !== undefined)
  }
}

const addition = (name: string, value: string | boolean): Buffer =>
  Buffer.from(`,${JSON.stringify(name)}:${JSON.stringify(typeof value === "string" ? value.toWellFormed() : value)}`)

/** Whether an `extension` record was written by this extension. */
const isOwnLine = (bytes: Buffer, record: Member): boolean =>
  // a string in Text format, an object in JSON format
  textOf(bytes, record).startsWith(OWN_LINE_PREFIX) ||
  bytes.toString("latin1", record.valueStart, record.valueStart + OWN_LINE_PREFIX.length) === OWN_LINE_PREFIX
