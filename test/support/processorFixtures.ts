/** Records through processors, and how to read what comes out. */
import { MAX_PART_BYTES } from "../../src/logs/PostEncoder.ts"
import type { Processed, ProcessingLimits } from "../../src/logs/RecordProcessor.ts"
import { MAX_COLUMNS } from "../../src/openobserve/ColumnCounter.ts"
import type { Processor } from "../../src/processors/Processor.ts"
import * as Stage from "../../src/processors/Stage.ts"
import { makeEncoder, post } from "./encoderFixtures.ts"

/** As usual. */
export const limits: ProcessingLimits = { maxColumns: MAX_COLUMNS, maxPartBytes: MAX_PART_BYTES }

/** Records as an encoder hands them on, written as given. */
export const encodedOf = (texts: ReadonlyArray<string>, platformRecords: ReadonlyArray<number> = []) => {
  const ends: Array<number> = []
  let length = 0
  for (const text of texts) ends.push(length += Buffer.byteLength(text) + 1)
  return {
    bytes: Buffer.from(texts.map((text) => `${text},`).join("")),
    ends,
    oldestTimestamp: 1,
    columns: new Set<string>(),
    platformRecords
  }
}

/** Each record of a part as it is written. */
export const textsOf = ({ bytes, ends }: { readonly bytes: Buffer; readonly ends: ReadonlyArray<number> }) =>
  ends.map((end, index) => bytes.toString("utf8", ends[index - 1] ?? 0, end - 1))

/** What becomes of records, with everything that the stage says. */
export const processAll = (
  processors: ReadonlyArray<Processor>,
  encoded: ReturnType<typeof encodedOf>,
  withLimits = limits
): ReadonlyArray<Processed> => [...Stage.make(processors).process(encoded, withLimits)]

/** What becomes of one record that is not sent elsewhere; `undefined` where it is dropped. */
export const processOne = (processors: ReadonlyArray<Processor>, text: string) => {
  const [processed, ...others] = processAll(processors, encodedOf([text]))
  if (processed === undefined || others.length > 0) throw new Error("one record has become several parts")
  const [json] = processed.parts.flatMap(({ records }) => textsOf(records))
  return { ...processed, json }
}

/** The member as a record of a call has it, written as given, with members behind it. */
export const recordText = (record: string): string =>
  `{"_timestamp":1795355474111000,"type":"function","record":${record},"requestId":"r1"}`

/** The records of a post as they are written. */
export const recordTextsOf = (text: string): ReadonlyArray<string> =>
  textsOf(makeEncoder({ types: new Set(["platform", "function", "extension"]) }).encode(text))

/** Those of this event. */
export const recordTextOf = (event: unknown): string => recordTextsOf(post(event))[0]!

/** A value without what does not count: the order of members, the sign of zero, and what of numbers JSON.stringify does not know. */
export const canonical = (value: unknown, number = asWritten): unknown => {
  if (typeof value === "number") return value === 0 ? 0 : number(value)
  if (Array.isArray(value)) return value.map((element) => canonical(element, number))
  if (typeof value !== "object" || value === null) return value
  return ["object", ...Object.entries(value).map(([key, member]) => [key, canonical(member, number)]).sort(byKey)]
}

const asWritten = (value: number): unknown => Number.isFinite(value) ? value : null

const byKey = ([one]: ReadonlyArray<unknown>, [other]: ReadonlyArray<unknown>): number =>
  String(one) < String(other) ? -1 : 1
