/** Processors, one after the other, as the stage between encoding and buffer. */
import type { EncodedRecords } from "../delivery/EncodedRecords.ts"
import { ObjectScanner } from "../json/ObjectScanner.ts"
import { MAX_DEPTH } from "../logs/MemberWriter.ts"
import type {
  Processed,
  ProcessedPart,
  ProcessingLimits,
  RecordProcessor,
  Unprocessed
} from "../logs/RecordProcessor.ts"
import { ColumnCounter } from "../openobserve/ColumnCounter.ts"
import type { Outcome, Processor } from "./Processor.ts"
import { RecordView } from "./TelemetryRecord.ts"

/** The separator behind each record of an encoder's. */
const SEPARATOR = Buffer.from(",")

/** Makes the stage of these processors. */
export const make = (processors: ReadonlyArray<Processor>): RecordProcessor => {
  let columns: ColumnCounter | undefined
  return {
    streams: [...new Set(processors.flatMap(({ streams }) => streams))],
    process: (records, limits) => {
      columns ??= new ColumnCounter(limits.maxColumns, [])
      return process(processors, records, columns, limits)
    }
  }
}

function* process(
  processors: ReadonlyArray<Processor>,
  records: Unprocessed,
  columns: ColumnCounter,
  { maxPartBytes }: ProcessingLimits
): Generator<Processed, void> {
  const platform = new Set(records.platformRecords)
  let run = new Run(processors, records, columns)
  let start = 0
  for (const [index, end] of records.ends.entries()) {
    run.take(start, end, platform.has(index))
    start = end
    if (run.bytes < maxPartBytes || index === records.ends.length - 1) continue
    yield run.result()
    run = new Run(processors, records, columns)
  }
  yield run.result()
}

/** Processes some records of one post. */
class Run {
  /** What the records that are wanted take. */
  bytes = 0
  private readonly processors: ReadonlyArray<Processor>
  private readonly records: Unprocessed
  private readonly columns: ColumnCounter
  private readonly parts = new Map<string | boolean, Part>()
  private filtered = { records: 0, bytes: 0 }
  private isReshaped = false
  private failures = 0
  private failure: unknown

  constructor(processors: ReadonlyArray<Processor>, records: Unprocessed, columns: ColumnCounter) {
    this.processors = processors
    this.records = records
    this.columns = columns
    columns.reset()
  }

  result(): Processed {
    const { columns, oldestTimestamp } = this.records
    const known = this.isReshaped ? new Set([...columns, ...this.columns.columns]) : columns
    const parts = [...this.parts.values()].map((part) => part.finish(oldestTimestamp, known))
    return { parts, filtered: this.filtered, failures: this.failures, failure: this.failure }
  }

  /** Processes the record in a range of bytes, its separator included. */
  take(start: number, end: number, isPlatform: boolean): void {
    const { bytes } = this.records
    let view = new RecordView(bytes, start, end - SEPARATOR.length)
    let changed: Buffer | undefined
    let stream: string | undefined
    for (const processor of this.processors) {
      const outcome = this.attempt(processor, view)
      switch (outcome?._tag) {
        case "Dropped":
          // as it came: nobody has seen it otherwise
          this.filtered = { records: this.filtered.records + 1, bytes: this.filtered.bytes + end - start }
          return
        case "Routed":
          stream = outcome.stream
          break
        case "Changed":
          changed = outcome.bytes
          view = outcome.view
      }
    }
    const key = stream === undefined ? isPlatform : stream
    let part = this.parts.get(key)
    if (part === undefined) this.parts.set(key, part = new Part(bytes, stream, stream === undefined && isPlatform))
    const before = part.length
    if (changed === undefined) part.add(start, end)
    else part.addChanged(changed)
    this.bytes += part.length - before
  }

  private attempt(processor: Processor, view: RecordView): Attempt {
    try {
      return this.checked(processor.apply(view))
    } catch (error) {
      this.failures++
      this.failure = error
      return this.checked(processor.recover?.(view))
    }
  }

  /** Counts the columns of a record that was changed; throws when OpenObserve could not store it. */
  private checked(outcome: Outcome): Attempt {
    if (outcome?._tag !== "Changed") return outcome
    const bytes = Buffer.from(outcome.json)
    if (outcome.isReshaped) {
      const scanner = new ObjectScanner(bytes)
      if (!scanner.next() || scanner.depth > MAX_DEPTH) {
        throw new Error(`a value is nested deeper than ${MAX_DEPTH} levels`)
      }
      this.isReshaped = true
      this.columns.add(bytes, scanner.members)
    }
    // halves of surrogate pairs have been mended in the bytes
    const view = new RecordView(bytes, 0, bytes.length, outcome.isReshaped ? undefined : outcome.json)
    return { _tag: "Changed", bytes, view }
  }
}

/** What has become of a record, in a form that can be stored. */
type Attempt =
  | Exclude<Outcome, { readonly _tag: "Changed" }>
  | { readonly _tag: "Changed"; readonly bytes: Buffer; readonly view: RecordView }

/** Records of one kind for one stream. */
class Part {
  length = 0
  private readonly bytes: Buffer
  private readonly stream: string | undefined
  private readonly isPlatform: boolean
  private readonly pieces: Array<Buffer> = []
  private readonly ends: Array<number> = []
  // what stands together is copied together
  private runStart = 0
  private runEnd = 0

  constructor(bytes: Buffer, stream: string | undefined, isPlatform: boolean) {
    this.bytes = bytes
    this.stream = stream
    this.isPlatform = isPlatform
  }

  /** Adds a record as it came. */
  add(start: number, end: number): void {
    if (start !== this.runEnd) {
      this.endRun()
      this.runStart = start
    }
    this.runEnd = end
    this.ends.push(this.length += end - start)
  }

  addChanged(record: Buffer): void {
    this.endRun()
    this.pieces.push(record, SEPARATOR)
    this.ends.push(this.length += record.length + SEPARATOR.length)
  }

  finish(oldestTimestamp: number, columns: ReadonlySet<string>): ProcessedPart {
    this.endRun()
    const records: EncodedRecords = { bytes: Buffer.concat(this.pieces), ends: this.ends, oldestTimestamp, columns }
    return { stream: this.stream, isPlatform: this.isPlatform, records }
  }

  private endRun(): void {
    if (this.runEnd > this.runStart) this.pieces.push(this.bytes.subarray(this.runStart, this.runEnd))
    this.runStart = this.runEnd
  }
}
