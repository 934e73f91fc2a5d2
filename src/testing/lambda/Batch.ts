/** Which waiting events leave together, and the bytes they leave as. */
import type { Subscription } from "./Subscription.ts"

/** An event that has been serialised for its subscriber. */
export interface Serialized {
  readonly json: string
  readonly bytes: number
}

/** The body of one request, and how many events begin in it. */
export interface Batch {
  readonly events: number
  readonly body: Buffer
}

type Limits = Pick<Subscription, "maxBytes" | "maxItems">

const separator = Buffer.from(",")

// A batch is closed by the event that reaches the limit, so it can be as large as twice maxBytes.
const countWithin = (events: ReadonlyArray<Serialized>, { maxBytes, maxItems }: Limits): number => {
  let count = 0
  for (let bytes = 0; count < events.length && count < maxItems && bytes < maxBytes; count++) {
    bytes += events[count]?.bytes ?? 0
  }
  return count
}

const joined = (events: ReadonlyArray<Serialized>): Buffer => Buffer.from(events.map(({ json }) => json).join(","))

const whole = (events: ReadonlyArray<Serialized>): Batch => ({
  events: events.length,
  body: Buffer.concat([Buffer.from("["), joined(events), Buffer.from("]")])
})

/**
 * Cuts the last of the first events in the middle of its value.
 *
 * The first request ends within the value; each later one repeats what stands before the value, goes on with the next
 * bytes, and the last of them takes the rest of the batch along: none is JSON (DataDog/datadog-lambda-extension #1357).
 */
const cut = (first: ReadonlyArray<Serialized>, rest: ReadonlyArray<Serialized>, maxBytes: number): Array<Batch> => {
  const json = first.at(-1)?.json ?? ""
  const large = Buffer.from(json)
  const envelope = Buffer.from(`[${json.slice(0, json.indexOf("\"record\":") + "\"record\":".length)}`)
  const before = first.slice(0, -1)
  const batches: Array<Batch> = [{
    events: first.length,
    body: Buffer.concat([
      Buffer.from("["),
      joined(before),
      before.length === 0 ? Buffer.alloc(0) : separator,
      large.subarray(0, maxBytes)
    ])
  }]
  for (let start = maxBytes; start < large.length; start += maxBytes) {
    const piece = large.subarray(start, start + maxBytes)
    const isLast = start + maxBytes >= large.length
    batches.push({
      events: isLast ? rest.length : 0,
      body: Buffer.concat([
        envelope,
        piece,
        ...(isLast && rest.length > 0 ? [separator, joined(rest)] : []),
        ...(isLast ? [Buffer.from("]")] : [])
      ])
    })
  }
  return batches
}

/** Takes the next events off the buffer's front as one request, or as several when a record has to be cut. */
export const takeBatch = (
  events: ReadonlyArray<Serialized>,
  limits: Limits,
  cutRecords: boolean
): { readonly batches: ReadonlyArray<Batch>; readonly taken: number } => {
  const taken = countWithin(events, limits)
  const first = events.slice(0, taken)
  if (!cutRecords || (first.at(-1)?.bytes ?? 0) <= limits.maxBytes) return { batches: [whole(first)], taken }
  const others = events.slice(taken, taken + countWithin(events.slice(taken), limits))
  const nextLarge = others.findIndex(({ bytes }) => bytes > limits.maxBytes)
  const rest = nextLarge === -1 ? others : others.slice(0, nextLarge)
  return { batches: cut(first, rest, limits.maxBytes), taken: taken + rest.length }
}

/** Takes the next events for a TCP subscriber: one JSON object a line. */
export const takeLines = (
  events: ReadonlyArray<Serialized>,
  limits: Limits
): { readonly batches: ReadonlyArray<Batch>; readonly taken: number } => {
  const taken = countWithin(events, limits)
  const body = Buffer.from(events.slice(0, taken).map(({ json }) => `${json}\n`).join(""))
  return { batches: [{ events: taken, body }], taken }
}
