/** The rows of the picture: one lane for each kind of thing, in it as many rows as go on at once. */
import type { Entry, Lane } from "./Entry.ts"

/** A lane of the picture. */
export interface PageLane {
  readonly label: string
  readonly rows: number
}

/** More rows make a lane higher than a screen; what goes on beside so many others shares the last one. */
const MAX_ROWS = 12

/** Times that are told to the microsecond may differ by one where one thing follows the other. */
const TOUCH_MS = 0.002

const LABELS: Readonly<Record<string, string>> = {
  phases: "Lambda",
  function: "Function",
  lines: "Log lines",
  posts: "Telemetry posts",
  requests: "OpenObserve"
}

const labelOf = (lane: Lane): string => LABELS[lane] ?? lane.replace(/^extension /, "")

/** From the platform down to the server, extensions in the order in which they turned up. */
const inOrder = (lanes: ReadonlySet<Lane>): ReadonlyArray<Lane> => {
  const known = (names: ReadonlyArray<Lane>) => names.filter((name) => lanes.has(name))
  const extensions = [...lanes].filter((lane) => lane.startsWith("extension "))
  return [...known(["phases", "function", "lines", "posts"]), ...extensions, ...known(["requests"])]
}

/** Numbers the lanes and gives each entry its row; the entries are in order of their beginning. */
export const lanesOf = (entries: ReadonlyArray<Entry>) => {
  const names = inOrder(new Set(entries.map(({ lane }) => lane)))
  const numbers = new Map(names.map((name, index) => [name, index]))
  const ends = names.map((): Array<number> => [])
  const places = entries.map(({ from, lane, shape, until = Infinity }) => {
    const number = numbers.get(lane) ?? 0
    const rows = ends[number] ?? []
    // the platform has a call before it thaws the sandbox: the ground of a lane, not a thing beside others
    if (from === until || shape === "frozen") return { lane: number, row: 0 }
    const free = rows.findIndex((end) => end <= from + TOUCH_MS)
    const row = free >= 0 ? free : Math.min(rows.length, MAX_ROWS - 1)
    rows[row] = Math.max(until, free >= 0 ? 0 : rows[row] ?? 0)
    return { lane: number, row }
  })
  const lanes = names.map((name, index): PageLane => ({
    label: labelOf(name),
    rows: Math.max(1, ends[index]?.length ?? 0)
  }))
  return { lanes, places }
}
