/** Waits for a line or an event, and what is said when it does not come. */
import { now } from "./Clock.ts"
import type { Condition } from "./Condition.ts"
import type { History } from "./History.ts"
import type { EventFilter, OutputFilter, OutputLine, TelemetryEvent } from "./Observations.ts"
import type { TelemetryStream } from "./TelemetryStream.ts"

/** Where the waits look, and what wakes them. */
export interface Waited {
  readonly output: ReadonlyArray<OutputLine>
  readonly stream: TelemetryStream
  readonly history: History
  readonly changed: Condition
  readonly isClosed: boolean
}

/** How long to wait, and what ends the wait early. */
export interface Patience {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

// enough to see what a process was doing
const shownLines = 20

/** Goes through items that only ever become more, each once. */
const finder = <A, B>(items: ReadonlyArray<A>, find: (item: A) => B | undefined): () => B | undefined => {
  let next = 0
  let found: B | undefined
  return () => {
    while (found === undefined && next < items.length) found = find(items[next++]!)
    return found
  }
}

const first = async <A>(waited: Waited, find: () => A | undefined, patience: Patience): Promise<A | undefined> => {
  const { signal, timeoutMs } = patience
  await waited.changed.until(() => waited.isClosed || find() !== undefined, now() + timeoutMs, signal)
  return find()
}

const state = ({ history, isClosed }: Waited): string => {
  if (isClosed) return "; the emulator has been closed"
  const { frozenSince } = history
  return frozenSince === undefined
    ? ""
    : `; the environment has been frozen for ${
      Math.round(now() - frozenSince)
    } ms: invoke again or shut down for it to go on`
}

const within = ({ timeoutMs }: Patience): string => `within ${timeoutMs} ms`

/** The first line that matches, written already or not. */
export const awaitOutput = async (
  waited: Waited,
  pattern: RegExp | string,
  { after = 0, source }: OutputFilter,
  patience: Patience
): Promise<OutputLine> => {
  // a global or sticky expression would remember where it was
  const expression = typeof pattern === "string" ? pattern : new RegExp(pattern, pattern.flags.replace(/[gy]/g, ""))
  const matches = (line: string) => typeof expression === "string" ? line.includes(expression) : expression.test(line)
  const isMeant = (line: OutputLine) => line.at >= after && (source === undefined || line.source === source)
  const find = finder(waited.output, (line) => isMeant(line) && matches(line.line) ? line : undefined)
  const line = await first(waited, find, patience)
  if (line !== undefined) return line
  const shown = waited.output.filter((line) => source === undefined || line.source === source).slice(-shownLines)
  const lines = shown.map((line) => `${line.source}: ${line.line}`).join("\n")
  const seen = lines === "" ? "nothing was written" : `the last lines were:\n${lines}`
  const from = source === undefined ? "" : ` of ${source}`
  const wanted = typeof pattern === "string" ? JSON.stringify(pattern) : String(pattern)
  throw new Error(`no line${from} matched ${wanted} ${within(patience)}${state(waited)}; ${seen}`)
}

const requestIdOf = ({ record }: TelemetryEvent): unknown =>
  typeof record === "object" && record !== null && "requestId" in record ? record.requestId : undefined

/** The first event of a type that the platform has created, or that a subscriber has accepted. */
export const awaitEvent = async (
  waited: Waited,
  type: string,
  { after = 0, requestId, subscriber }: EventFilter,
  patience: Patience
): Promise<TelemetryEvent> => {
  const { accepted, events } = waited.stream
  const isMeant = (event: TelemetryEvent) =>
    event.type === type && (requestId === undefined || requestIdOf(event) === requestId)
  const find = subscriber === undefined
    // the time of an event has no fraction
    ? finder(events, (event) => isMeant(event) && Date.parse(event.time) >= Math.floor(after) ? event : undefined)
    : finder(
      accepted,
      (batch) => batch.subscriber === subscriber && batch.at >= after ? batch.events.find(isMeant) : undefined
    )
  const event = await first(waited, find, patience)
  if (event !== undefined) return event
  const types = new Set(
    subscriber === undefined
      ? events.map(({ type }) => type)
      : accepted.filter((batch) => batch.subscriber === subscriber).flatMap(({ events }) => events.map((e) => e.type))
  )
  const done = subscriber === undefined ? "was created" : `was accepted by ${subscriber}`
  const of = requestId === undefined ? "" : ` of ${requestId}`
  const seen = types.size === 0 ? "no event was" : `there were ${[...types].join(", ")}`
  throw new Error(`no ${type}${of} ${done} ${within(patience)}${state(waited)}; ${seen}`)
}
