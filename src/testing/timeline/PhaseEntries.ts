/** What the platform did with the sandbox: its phases, and the time in between, in which it is frozen. */
import type { Phase, Timeline } from "../lambda/Timeline.ts"
import type { Calls } from "./Calls.ts"
import type { Entry, Tone } from "./Entry.ts"

const GOOD = new Set(["success", "spindown"])

const toneOf = ({ outcome, until }: Phase): Tone => until === undefined ? "plain" : GOOD.has(outcome) ? "good" : "bad"

const textOf = ({ outcome, phase, requestId, until }: Phase): string => {
  const end = until === undefined ? "goes on" : phase === "shutdown" ? `because of ${outcome}` : outcome
  return `${phase}${requestId === undefined ? "" : ` ${requestId}`}: ${end}`
}

/** The phases; a call's place among those of `invoke` is its number. */
export const phaseEntries = ({ freezes, phases }: Timeline, calls: Calls): ReadonlyArray<Entry> => {
  const numbers = new Map(calls.phases.map((phase, index) => [phase, index]))
  return [
    ...phases.map((phase): Entry => {
      const number = numbers.get(phase)
      return {
        lane: "phases",
        shape: phase.phase,
        tone: toneOf(phase),
        from: phase.from,
        until: phase.until,
        generation: phase.generation,
        calls: number === undefined ? [] : [number],
        mark: number === undefined ? phase.phase : `#${number + 1}`,
        text: textOf(phase),
        details: [
          ...(phase.requestId === undefined ? [] : [["request id", phase.requestId] as const]),
          ["outcome", phase.outcome]
        ]
      }
    }),
    ...freezes.map(({ from, generation, until }): Entry => ({
      lane: "phases",
      shape: "frozen",
      tone: "plain",
      from,
      until,
      generation,
      calls: [],
      mark: "frozen",
      text: "frozen: no process of the sandbox runs",
      details: []
    }))
  ]
}
