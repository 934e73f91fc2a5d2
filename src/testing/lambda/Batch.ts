/** Which waiting events leave together, and the bytes they leave as. */
import type { Subscription } from "./Subscription.ts"

/** An event that has been serialised for its subscriber. */
export interface Serialized {
  readonly json: string
  /** What is still to be sent of it. */
  readonly bytes: number
  /** Where its record was cut: how much of it has left in earlier requests; 0 for an event that has not been touched. */
  readonly sentBytes: number
}

/** The body of one request, and how many events begin in it. */
export interface Batch {
  readonly events: number
  readonly body: Buffer
}

/** A request, how many of the waiting events it takes with it, and what is left of the last when that was cut. */
export interface Taken<Event extends Serialized> {
  readonly batch: Batch
  readonly taken: number
  readonly remainder: Event | undefined
}

type Limits = Pick<Subscription, "maxBytes" | "maxItems">

// A batch is closed by the event that reaches the limit, so it can be as large as twice maxBytes.
const countWithin = (events: ReadonlyArray<Serialized>, { maxBytes, maxItems }: Limits): number => {
  let count = 0
  for (let bytes = 0; count < events.length && count < maxItems && bytes < maxBytes; count++) {
    bytes += events[count]?.bytes ?? 0
  }
  return count
}

const recordKey = "\"record\":"

/** What leaves of an event: the rest of one that was cut stands behind a repetition of what precedes its record. */
const pieceOf = ({ json, sentBytes }: Serialized, mostBytes = Infinity): Buffer => {
  const repeated = sentBytes === 0 ? "" : json.slice(0, json.indexOf(recordKey) + recordKey.length)
  return Buffer.concat([Buffer.from(repeated), Buffer.from(json).subarray(sentBytes, sentBytes + mostBytes)])
}

const arrayOf = (events: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat([
    Buffer.from("["),
    ...events.flatMap((event, index) => index === 0 ? [event] : [Buffer.from(","), event]),
    Buffer.from("]")
  ])

/**
 * Takes the next events off the buffer's front as one request.
 *
 * When asked to, cuts a record larger than `maxBytes` in the middle of its value. The request ends there, with the brackets
 * that a whole event would end with; the next one repeats what stands before the value and goes on with the bytes behind
 * the cut. Neither is JSON (as seen in production: DataDog/datadog-lambda-extension #1357).
 */
export const takeBatch = <Event extends Serialized>(
  events: ReadonlyArray<Event>,
  limits: Limits,
  cutRecords: boolean
): Taken<Event> => {
  const { maxBytes } = limits
  const taken = countWithin(events, limits)
  const leaving = events.slice(0, taken)
  const last = leaving.at(-1)
  // the event's closing brace is no part of the value
  const cut = cutRecords && last !== undefined && last.bytes - 1 > maxBytes ? last : undefined
  const pieces = leaving.map((event) =>
    event === cut ? Buffer.concat([pieceOf(event, maxBytes), Buffer.from("}")]) : pieceOf(event)
  )
  return {
    batch: { events: leaving.filter(({ sentBytes }) => sentBytes === 0).length, body: arrayOf(pieces) },
    taken,
    remainder: cut && { ...cut, bytes: cut.bytes - maxBytes, sentBytes: cut.sentBytes + maxBytes }
  }
}

/** Takes the next events for a TCP subscriber: one JSON object a line. */
export const takeLines = <Event extends Serialized>(events: ReadonlyArray<Event>, limits: Limits): Taken<Event> => {
  const taken = countWithin(events, limits)
  const body = Buffer.from(events.slice(0, taken).map(({ json }) => `${json}\n`).join(""))
  return { batch: { events: taken, body }, taken, remainder: undefined }
}
