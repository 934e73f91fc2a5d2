/** How long the function and the extensions kept the sandbox, as their polls for the next event tell. */
import type { Phase, Timeline } from "../lambda/Timeline.ts"
import type { Calls } from "./Calls.ts"
import type { Entry, Lane } from "./Entry.ts"

type TimedCall = Timeline["calls"][number]

/** The end of a phase and the poll that brought it about are told by the same clock, but not at the same moment. */
const SLACK_MS = 1

const RUNTIME_NEXT = "/2018-06-01/runtime/invocation/next"
const EXTENSION_NEXT = "/2020-01-01/extension/event/next"
const REGISTER = "/2020-01-01/extension/register"

const pathOf = ({ path }: TimedCall): string => path.split("?", 1)[0] ?? ""

interface Poller {
  readonly lane: Lane
  readonly polls: ReadonlyArray<TimedCall>
}

/** The first poll within a phase that was made after its beginning. */
const firstWithin = ({ polls }: Poller, { from, generation, until = Infinity }: Phase): number | undefined => {
  let low = 0
  let high = polls.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((polls[middle]?.at ?? Infinity) <= from) low = middle + 1
    else high = middle
  }
  const found = polls[low]
  return found !== undefined && found.generation === generation && found.at <= until + SLACK_MS ? found.at : undefined
}

/** Extensions that asked for INVOKE events. */
const extensionsOf = (calls: ReadonlyArray<TimedCall>): ReadonlyArray<Poller> => {
  const listeners = new Set(
    calls.flatMap((call) =>
      pathOf(call) === REGISTER && call.extension !== undefined && call.body.includes("\"INVOKE\"")
        ? [call.extension]
        : []
    )
  )
  return [...listeners].map((name) => ({
    lane: `extension ${name}`,
    polls: calls.filter((call) => call.extension === name && pathOf(call) === EXTENSION_NEXT)
  }))
}

/** When the answer to each call came, for environments that serve several at once. */
const answersOf = (calls: ReadonlyArray<TimedCall>): ReadonlyMap<string, number> =>
  new Map(calls.flatMap((call) => {
    const id = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(?:response|error)$/.exec(pathOf(call))?.[1]
    return id === undefined ? [] : [[id, call.at]]
  }))

const bar = (
  phase: Phase,
  number: number,
  entry: Pick<Entry, "lane" | "shape" | "tone" | "mark" | "text"> & {
    readonly from?: number
    readonly until: number | undefined
  }
): Entry => ({ from: phase.from, generation: phase.generation, calls: [number], details: [], ...entry })

/** The function's and the extensions' part of every call. */
export const workEntries = ({ calls: apiCalls }: Timeline, { phases }: Calls): ReadonlyArray<Entry> => {
  const runtime: Poller = { lane: "function", polls: apiCalls.filter((call) => pathOf(call) === RUNTIME_NEXT) }
  const extensions = extensionsOf(apiCalls)
  const answers = answersOf(apiCalls)
  const isConcurrent = phases.some(({ from }, number) => number > 0 && from < (phases[number - 1]?.until ?? Infinity))
  return phases.flatMap((phase, number) => {
    const done = isConcurrent ? answers.get(phase.requestId ?? "") : firstWithin(runtime, phase)
    const found = [bar(phase, number, {
      lane: "function",
      shape: "runs",
      tone: done === undefined && phase.until !== undefined ? "bad" : "plain",
      until: done ?? phase.until,
      mark: `#${number + 1}`,
      text: done === undefined ? "the function runs and does not come to an end" : "the function runs"
    })]
    for (const extension of extensions) {
      const { lane } = extension
      const polled = firstWithin(extension, phase)
      const until = polled ?? phase.until
      const tone = polled === undefined && phase.until !== undefined ? "bad" : "plain"
      const ready = polled === undefined ? " and does not ask for the next event" : ""
      const worksUntil = done === undefined || until === undefined ? until : Math.min(done, until)
      found.push(bar(phase, number, {
        lane,
        shape: "works",
        tone: done === undefined ? tone : "plain",
        until: worksUntil,
        mark: "",
        text: `the extension works beside the function${done === undefined ? ready : ""}`
      }))
      if (done === undefined || (until !== undefined && until <= done)) continue
      found.push(bar(phase, number, {
        lane,
        shape: "after",
        tone,
        from: done,
        until,
        mark: "flush",
        text: `the extension keeps the sandbox after the function: it takes the last telemetry and delivers${ready}`
      }))
    }
    return found
  })
}

/** How long the parts of one call took, in ms; `undefined` for what did not come to an end. */
export interface Parts {
  readonly functionMs: number | undefined
  readonly extensionMs: number | undefined
}

/** The parts of every call, of the extension that took longest. */
export const partsOf = (entries: ReadonlyArray<Entry>, calls: number): ReadonlyArray<Parts> => {
  const parts = Array.from({ length: calls }, () => ({
    functionMs: undefined as number | undefined,
    extensionMs: undefined as number | undefined
  }))
  for (const { calls: [number], from, shape, tone, until } of entries) {
    const part = parts[number ?? -1]
    if (part === undefined || until === undefined || tone === "bad") continue
    if (shape === "runs") part.functionMs = until - from
    if (shape === "after") part.extensionMs = Math.max(part.extensionMs ?? 0, until - from)
  }
  return parts
}
