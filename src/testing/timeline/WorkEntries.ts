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

interface Extension extends Poller {
  readonly posts: Timeline["posts"]
}

/** The index of the first that came after a moment. */
const indexAfter = (moments: ReadonlyArray<{ readonly at: number }>, time: number): number => {
  let low = 0
  let high = moments.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((moments[middle]?.at ?? Infinity) <= time) low = middle + 1
    else high = middle
  }
  return low
}

/** The first poll within a phase that was made after its beginning. */
const firstWithin = ({ polls }: Poller, { from, generation, until = Infinity }: Phase): number | undefined => {
  const found = polls[indexAfter(polls, from)]
  return found !== undefined && found.generation === generation && found.at <= until + SLACK_MS ? found.at : undefined
}

/** Extensions that asked for INVOKE events. */
const extensionsOf = ({ calls, posts }: Timeline): ReadonlyArray<Extension> => {
  const listeners = new Set(
    calls.flatMap((call) =>
      pathOf(call) === REGISTER && call.extension !== undefined && call.body.includes("\"INVOKE\"")
        ? [call.extension]
        : []
    )
  )
  return [...listeners].map((name) => ({
    lane: `extension ${name}`,
    polls: calls.filter((call) => call.extension === name && pathOf(call) === EXTENSION_NEXT),
    posts: posts.filter(({ subscriber }) => subscriber === name)
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

/** When the last telemetry was taken between two moments; the first of them when none was. */
const lastPost = ({ posts }: Extension, from: number, until = Infinity): number => {
  const at = posts[indexAfter(posts, until) - 1]?.at ?? from
  return at > from ? at : from
}

/** The function's and the extensions' part of every call. */
export const workEntries = (timeline: Timeline, { phases }: Calls): ReadonlyArray<Entry> => {
  const { calls: apiCalls } = timeline
  const runtime: Poller = { lane: "function", polls: apiCalls.filter((call) => pathOf(call) === RUNTIME_NEXT) }
  const extensions = extensionsOf(timeline)
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
      const last = lastPost(extension, done, until)
      if (last > done) {
        found.push(bar(phase, number, {
          lane,
          shape: "waits",
          tone: "plain",
          from: done,
          until: last,
          mark: "",
          text: "the function is done, and the extension takes the telemetry that is left"
        }))
      }
      found.push(bar(phase, number, {
        lane,
        shape: "flush",
        tone,
        from: last,
        until,
        mark: "flush",
        text: `the extension delivers${ready}`
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
    extensionMs: undefined as number | undefined,
    doneAt: undefined as number | undefined
  }))
  for (const { calls: [number], from, shape, tone, until } of entries) {
    const part = parts[number ?? -1]
    if (part === undefined || until === undefined || tone === "bad") continue
    if (shape === "runs") Object.assign(part, { functionMs: until - from, doneAt: until })
    // the flush follows the waiting, if there was any
    if (shape === "flush") part.extensionMs = Math.max(part.extensionMs ?? 0, until - (part.doneAt ?? from))
  }
  return parts
}
