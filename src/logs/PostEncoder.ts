/**
 * Turns posts into records: what Lambda wrote, byte for byte, with `time` replaced by `_timestamp` and a few members
 * added at the end (`Enrichment.ts`).
 */
import type { EncodedRecords } from "../delivery/EncodedRecords.ts"
import type { FunctionIdentity } from "../lambda/ExtensionsApi.ts"
import { type Addition, Enrichment, type EnrichmentOptions } from "./Enrichment.ts"
import { ColumnCounter, MAX_COLUMNS } from "../openobserve/ColumnCounter.ts"
import * as PlatformEvent from "../telemetry/PlatformEvent.ts"
import { OWN_LINE_PREFIX } from "../platform/Logger.ts"
import type { NativeLines } from "../platform/NativeLines.ts"
import { COMMON_COLUMNS, MAX_DEPTH, writeMembers } from "./MemberWriter.ts"
import { RecordWriter } from "./RecordWriter.ts"
import { lastOfEachKey, type Member, textOf } from "../json/ObjectScanner.ts"
import { eventsOf, shapeOf, typeOf } from "../telemetry/TelemetryEvent.ts"
import * as AcceptedTime from "../openobserve/AcceptedTime.ts"
import * as EventTime from "./EventTime.ts"

/** The records of one post or of a part of it, their columns incomplete when they are more than `maxColumns`. */
export interface EncodedPost extends EncodedRecords {
  /** What the part says about the course of invocations, in order. */
  readonly events: ReadonlyArray<PlatformEvent.PlatformEvent>
  /** Which of the records are events of the platform's, by number from 0. */
  readonly platformRecords: ReadonlyArray<number>
  /** Elements and fragments of the post so far that are no event. */
  readonly malformed: number
  /** Bytes of the post that are still to be encoded, by `more`. */
  readonly restBytes: number
}

/**
 * What is encoded at once, in bytes of records, save a single one that is larger: an event of 3 bytes becomes a record of
 * 250, and a post may have 8 MiB. An ordinary post is encoded at once.
 */
export const MAX_PART_BYTES = 1024 * 1024

const NOTHING = eventsOf(Buffer.alloc(0))

const COMMA = 0x2c
const CLOSE_OBJECT = 0x7d

/** What is sent, and in which form. */
export interface PostEncoderOptions extends EnrichmentOptions {
  readonly types: ReadonlySet<string>
  readonly preservesOrder: boolean
  /** Begins the lines that this extension has written; `OWN_LINE_PREFIX` unless given. */
  readonly ownLinePrefix?: string
  /** Columns that a batch may have; `MAX_COLUMNS` unless given. */
  readonly maxColumns?: number
  /** What is encoded at once; `MAX_PART_BYTES` unless given. */
  readonly maxPartBytes?: number
  /** What encodes ordinary lines in the place of this code. */
  readonly native?: NativeLines | undefined
}

/** The synchronous core of `RecordEncoder`: about half a microsecond per event, so no Effect inside. */
export class PostEncoder {
  private readonly options: PostEncoderOptions
  private readonly order: Pick<EventTime.MillisecondOrder, "next">
  private readonly out = new RecordWriter()
  private readonly columns: ColumnCounter
  private readonly enrichment: Enrichment
  private readonly maxPartBytes: number
  private readonly ownLinePrefix: string
  // the post that is being encoded
  private post = NOTHING
  private nowMicros = 0

  constructor(options: PostEncoderOptions) {
    this.options = options
    this.columns = new ColumnCounter(options.maxColumns ?? MAX_COLUMNS, COMMON_COLUMNS)
    this.enrichment = new Enrichment(options)
    this.maxPartBytes = options.maxPartBytes ?? MAX_PART_BYTES
    this.ownLinePrefix = options.ownLinePrefix ?? OWN_LINE_PREFIX
    this.order = options.native ?? new EventTime.MillisecondOrder()
  }

  identify(identity: FunctionIdentity): void {
    this.enrichment.identify(identity)
  }

  /** Encodes a post, or its beginning: `more` gives the rest. */
  encode(post: Uint8Array, nowMillis: number): EncodedPost {
    this.post = eventsOf(post)
    this.nowMicros = nowMillis * 1000
    return this.more()
  }

  /** Encodes what comes next of the post. */
  more(): EncodedPost {
    const { maxPartBytes, nowMicros, options: { native }, post: events } = this
    const { bytes } = events
    let isWhole = false
    const ends: Array<number> = []
    const platformEvents: Array<PlatformEvent.PlatformEvent> = []
    const platformRecords: Array<number> = []
    let oldestTimestamp = Infinity
    this.out.clear()
    this.columns.reset()
    native?.forgetShapes()
    for (;;) {
      // nearly everything has lines behind it
      if (native !== undefined) oldestTimestamp = Math.min(oldestTimestamp, this.encodeNative(native, ends))
      if (ends.length > 0 && this.out.length >= maxPartBytes) break
      isWhole = !events.next()
      if (isWhole) break
      const shape = shapeOf(bytes, events.members)
      const type = typeOf(bytes, shape.type)
      if (type.startsWith("platform.") && shape.record !== undefined) {
        const { valueEnd, valueStart } = shape.record
        const event = PlatformEvent.parse(type, bytes.toString("utf8", valueStart, valueEnd))
        if (event !== undefined) {
          const { time } = shape
          const micros = time === undefined ? NaN : EventTime.parse(bytes, time.valueStart, time.valueEnd)
          this.enrichment.follow(event, micros)
          platformEvents.push(event)
        }
      }
      if (!this.isWanted(bytes, type, shape.record)) continue
      if (type.startsWith("platform.")) platformRecords.push(ends.length)
      const time = shape.time === undefined ? NaN : EventTime.parse(bytes, shape.time.valueStart, shape.time.valueEnd)
      // A time that OpenObserve would refuse stays beside the time of receipt, which stands in for it.
      const isUsable = AcceptedTime.isAccepted(time, nowMicros)
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
    if (isWhole) this.post = NOTHING
    return {
      bytes: this.out.written,
      ends,
      oldestTimestamp,
      columns: this.columns.columns,
      events: platformEvents,
      platformRecords,
      malformed: events.malformed,
      restBytes: isWhole ? 0 : bytes.length - events.end
    }
  }

  /** Has the ordinary lines encoded that come next; answers with their oldest timestamp. */
  private encodeNative(native: NativeLines, ends: Array<number>): number {
    const { columns, enrichment, maxPartBytes, nowMicros, options: { preservesOrder, types }, out, post } = this
    if (!post.isWithinArray || !types.has("function")) return Infinity
    const tail = enrichment.joinedFor(post.bytes, true, undefined)
    const [oldestMicros, newestMicros] = AcceptedTime.bounds(nowMicros)
    let oldestTimestamp = Infinity
    for (;;) {
      const before = out.length
      const [records, recordEnds, at, oldest, newShape] = native.encode(
        post.bytes,
        post.end,
        tail,
        enrichment.linesNameInvocation,
        [oldestMicros, newestMicros, maxPartBytes - before],
        preservesOrder
      )
      out.bytes(Buffer.from(records))
      for (const end of recordEnds) ends.push(before + end)
      if (recordEnds.length > 0) post.skipTo(at)
      oldestTimestamp = Math.min(oldestTimestamp, oldest)
      // what has a shape never seen is for the code that reads its keys
      if (newShape === undefined || !columns.addKnown(...newShape)) return oldestTimestamp
    }
  }

  /** What is added to a record that comes from elsewhere, about a call or about none. */
  additionsFor(requestId: string | undefined): ReadonlyArray<Addition> {
    return this.enrichment.additionsFor(requestId)
  }

  /** The `_timestamp` of the next record, whose time in µs is given. */
  timestamp(micros: number): number {
    return this.options.preservesOrder ? this.order.next(micros) : micros
  }

  private isWanted(bytes: Buffer, type: string, record: Member | undefined): boolean {
    const { types } = this.options
    if (type === "function") return types.has("function")
    if (type.startsWith("platform.")) return types.has("platform")
    if (type !== "extension") return true
    // Our own lines would beget lines about having been sent.
    return types.has("extension") && !(record !== undefined && isOwnLine(bytes, record, this.ownLinePrefix))
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
    out.bytes(this.enrichment.joinedFor(bytes, isLine, record))
  }

  /** Members that nobody has announced, repeated, escaped or very deep: each is looked at by itself. */
  private writeOther(
    bytes: Buffer,
    members: ReadonlyArray<Member>,
    hasUsableTime: boolean,
    isLine: boolean,
    record: Member | undefined
  ): void {
    const byKey = lastOfEachKey(bytes, members)
    if (hasUsableTime) byKey.delete("time")
    writeMembers(this.out, bytes, byKey, this.enrichment.eachFor(bytes, isLine, record))
  }
}

/** Whether an `extension` record was written by this extension. */
const isOwnLine = (bytes: Buffer, record: Member, prefix: string): boolean =>
  // a string in Text format, an object in JSON format
  textOf(bytes, record).startsWith(prefix) ||
  bytes.toString("latin1", record.valueStart, record.valueStart + prefix.length) === prefix
