/** Which call something belongs to: those that it names, or else those that were running. */
import type { Phase, Timeline } from "../lambda/Timeline.ts"

/** The calls of a run, in order of their beginning. */
export interface Calls {
  readonly phases: ReadonlyArray<Phase>
  /** Those that a text names. */
  readonly named: (text: string) => ReadonlyArray<number>
  /** Those that were running at a moment. */
  readonly at: (time: number) => ReadonlyArray<number>
  /** Those that a text names, or else those that were running. */
  readonly of: (text: string, time: number) => ReadonlyArray<number>
}

/** As Lambda writes them. */
const REQUEST_ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** The last index whose phase began at or before a time, or -1. */
const lastBegun = (phases: ReadonlyArray<Phase>, time: number): number => {
  let low = 0
  let high = phases.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((phases[middle]?.from ?? Infinity) <= time) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Finds the calls of a run. */
export const callsOf = ({ phases: all }: Timeline): Calls => {
  const phases = all.filter(({ phase }) => phase === "invoke")
  const indices = new Map(phases.flatMap(({ requestId }, index) => requestId === undefined ? [] : [[requestId, index]]))
  // on Managed Instances calls overlap: how far back one may have begun that still runs
  let latest = -Infinity
  const latestEnds = phases.map(({ until = Infinity }) => (latest = Math.max(latest, until)))
  const named = (text: string): ReadonlyArray<number> => {
    const found = new Set<number>()
    for (const [id] of text.matchAll(REQUEST_ID)) {
      const index = indices.get(id)
      if (index !== undefined) found.add(index)
    }
    return [...found].sort((a, b) => a - b)
  }
  const at = (time: number): ReadonlyArray<number> => {
    const found: Array<number> = []
    for (let index = lastBegun(phases, time); index >= 0 && (latestEnds[index] ?? 0) >= time; index--) {
      if ((phases[index]?.until ?? Infinity) >= time) found.unshift(index)
    }
    return found
  }
  return {
    phases,
    named,
    at,
    of: (text, time) => {
      const byName = named(text)
      return byName.length > 0 ? byName : at(time)
    }
  }
}
