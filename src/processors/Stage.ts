/** Processors, one after the other, as the stage between encoding and buffer. */
import type { EncodedRecords } from "../delivery/EncodedRecords.ts"
import { ObjectScanner } from "../json/ObjectScanner.ts"
import { MAX_DEPTH } from "../logs/MemberWriter.ts"
import type { Processed, ProcessedPart, RecordProcessor, Unprocessed } from "../logs/RecordProcessor.ts"
import { possibleColumnsOf } from "../openobserve/Columns.ts"
import type { Outcome, Processor } from "./Processor.ts"
import { RecordView } from "./TelemetryRecord.ts"

/** The separator behind each record of an encoder's. */
const SEPARATOR = Buffer.from(",")

/** Makes the stage of these processors. */
export const make = (processors: ReadonlyArray<Processor>): RecordProcessor => ({
  streams: [...new Set(processors.flatMap(({ streams }) => streams))],
  process: (records) => new Run(processors, records).result()
})

/** Processes the records of one post. */
class Run {
  private readonly processors: ReadonlyArray<Processor>
  private readonly records: Unprocessed
  private readonly columns: Set<string>
  private readonly parts = new Map<string, Part>()
  private failures = 0
  private failure: string | undefined

  constructor(processors: ReadonlyArray<Processor>, records: Unprocessed) {
    this.processors = processors
    this.records = records
    this.columns = new Set(records.columns)
  }

  result(): Processed {
    const { bytes, ends, oldestTimestamp, platformRecords } = this.records
    const platform = new Set(platformRecords)
    let start = 0
    let filtered = { records: 0, bytes: 0 }
    for (const [index, end] of ends.entries()) {
      const record = bytes.subarray(start, end - SEPARATOR.length)
      if (!this.take(record, platform.has(index))) {
        filtered = { records: filtered.records + 1, bytes: filtered.bytes + end - start }
      }
      start = end
    }
    const parts = [...this.parts.values()].map((part) => part.finish(oldestTimestamp, this.columns))
    return { parts, filtered, failures: this.failures, failure: this.failure }
  }

  /** Processes a record; false when it is not wanted. */
  private take(record: Buffer, isPlatform: boolean): boolean {
    let view = new RecordView(record)
    let stream: string | undefined
    for (const processor of this.processors) {
      const outcome = this.attempt(processor, view)
      switch (outcome?._tag) {
        case "Dropped":
          return false
        case "Routed":
          stream = outcome.stream
          break
        case "Changed":
          view = new RecordView(outcome.bytes)
      }
    }
    const key = `${isPlatform} ${stream ?? ""}`
    let part = this.parts.get(key)
    if (part === undefined) this.parts.set(key, part = new Part(stream, isPlatform))
    part.add(view.bytes)
    return true
  }

  private attempt(processor: Processor, view: RecordView): Outcome {
    try {
      const outcome = processor.apply(view)
      if (outcome?._tag === "Changed") this.check(outcome.bytes)
      return outcome
    } catch (error) {
      this.failures++
      this.failure = String(error)
      return undefined
    }
  }

  /** Counts the columns of a record that was changed; throws when OpenObserve could not store it. */
  private check(bytes: Buffer): void {
    const scanner = new ObjectScanner(bytes)
    if (!scanner.next() || scanner.depth > MAX_DEPTH) {
      throw new Error(`a value is nested deeper than ${MAX_DEPTH} levels`)
    }
    for (const column of possibleColumnsOf(bytes, scanner.members)) this.columns.add(column)
  }
}

/** Records of one kind for one stream. */
class Part {
  private readonly stream: string | undefined
  private readonly isPlatform: boolean
  private readonly pieces: Array<Buffer> = []
  private readonly ends: Array<number> = []
  private length = 0

  constructor(stream: string | undefined, isPlatform: boolean) {
    this.stream = stream
    this.isPlatform = isPlatform
  }

  add(record: Buffer): void {
    this.pieces.push(record, SEPARATOR)
    this.ends.push(this.length += record.length + SEPARATOR.length)
  }

  finish(oldestTimestamp: number, columns: ReadonlySet<string>): ProcessedPart {
    const records: EncodedRecords = { bytes: Buffer.concat(this.pieces), ends: this.ends, oldestTimestamp, columns }
    return { stream: this.stream, isPlatform: this.isPlatform, records }
  }
}
