/** All that the page shows, ready to be drawn: nothing in it is dangerous, secret or endless. */
import { axisOf } from "./Axis.ts"
import { callsOf } from "./Calls.ts"
import type { Entry } from "./Entry.ts"
import { lanesOf } from "./Lanes.ts"
import { ledgersOf } from "./Ledger.ts"
import { callEntries, lineEntries, postEntries } from "./MomentEntries.ts"
import { phaseEntries } from "./PhaseEntries.ts"
import { recordRows } from "./Records.ts"
import { requestEntries } from "./RequestEntries.ts"
import type { TimelineRun } from "./Run.ts"
import { maskOf } from "./Secrets.ts"
import { shortened, visible } from "./Text.ts"
import { partsOf, workEntries } from "./WorkEntries.ts"

/** More make a page that no browser opens at once. */
const MAX_ENTRIES = 30_000
const MAX_RECORDS = 30_000

/** Details are read, not searched: a beginning says which one it is. */
const MAX_DETAIL_CHARACTERS = 600

const entriesOf = ({ requests = [], timeline }: TimelineRun, calls: ReturnType<typeof callsOf>): ReadonlyArray<Entry> =>
  [
    ...phaseEntries(timeline, calls),
    ...workEntries(timeline, calls),
    ...callEntries(timeline, calls),
    ...postEntries(timeline, calls),
    ...lineEntries(timeline, calls),
    ...requestEntries(requests, timeline, calls)
  ].sort((a, b) => a.from - b.from)

/** From the beginning of the first phase of each generation to the end of its last. */
const generationsOf = ({ timeline }: TimelineRun, end: number) => {
  const found = new Map<number, { from: number; until: number }>()
  for (const { from, generation, until = end } of timeline.phases) {
    const known = found.get(generation)
    if (known === undefined) found.set(generation, { from, until })
    else known.until = Math.max(known.until, until)
  }
  return [...found].map(([number, { from, until }]) => ({ number, from, until }))
}

/** Prepares a run. */
export const pageData = (run: TimelineRun) => {
  const calls = callsOf(run.timeline)
  const all = entriesOf(run, calls)
  const entries = all.slice(0, MAX_ENTRIES)
  const began = all[0]?.from ?? 0
  const end = all.reduce((latest, { from, until = from }) => Math.max(latest, until), began)
  // a microsecond is as much as the clock tells
  const offset = (time: number) => Math.round((time - began) * 1000) / 1000
  const mask = maskOf([...run.requests ?? [], ...run.timeline.calls].map(({ headers }) => headers))
  // masked first: half of a secret is not recognised
  const clean = (text: string, limit?: number) => visible(shortened(mask(text), limit))
  const pairs = (list: ReadonlyArray<readonly [string, string]>) =>
    list.map(([name, value]) => [clean(name), clean(value, MAX_DETAIL_CHARACTERS)] as const)
  const { lanes, places } = lanesOf(entries)
  const parts = partsOf(all, calls.phases.length)
  // a pause is what no phase fills but a freeze: even a function that sleeps is at work
  const busy = all.filter(({ shape }) => shape !== "frozen")
    .map(({ from, shape, until = shape === "request" ? from : end }) => ({ from, until }))
  const { common, rows } = recordRows(run.records ?? [], calls)
  return {
    title: clean(run.title, 200),
    began,
    end: offset(end),
    lanes: lanes.map(({ label, rows }) => ({ label: clean(label, 80), rows })),
    generations: generationsOf(run, end).map(({ from, number, until }) => ({
      number,
      from: offset(from),
      until: offset(until)
    })),
    axis: axisOf(busy).map(({ from, isFolded, until }) => [offset(from), offset(until), isFolded ? 1 : 0] as const),
    calls: calls.phases.map(({ from, generation, outcome, requestId = "", until }, index) => ({
      id: clean(requestId, 80),
      generation,
      from: offset(from),
      until: until === undefined ? undefined : offset(until),
      outcome: clean(outcome, 80),
      isGood: outcome === "success",
      functionMs: parts[index]?.functionMs,
      extensionMs: parts[index]?.extensionMs
    })),
    entries: entries.map(({ calls, details, from, generation, mark, shape, text, tone, until }, index) => ({
      lane: places[index]?.lane ?? 0,
      row: places[index]?.row ?? 0,
      shape,
      tone,
      from: offset(from),
      until: until === undefined ? undefined : offset(until),
      generation,
      calls,
      mark: clean(mark, 40),
      text: clean(text),
      details: pairs(details)
    })),
    records: rows.slice(0, MAX_RECORDS).map(({ at, calls, columns, text, type }) => ({
      at: at === undefined ? undefined : offset(at),
      type: clean(type, 80),
      calls,
      text: clean(text),
      columns: pairs(columns)
    })),
    common: pairs(common),
    ledgers: ledgersOf(run.ledger, run.timeline).map(({ addsUp, caption, rows }) => ({
      addsUp,
      caption: clean(caption, 80),
      rows: pairs(rows)
    })),
    omitted: { entries: all.length - entries.length, records: Math.max(0, rows.length - MAX_RECORDS) }
  }
}

/** All that the page shows. */
export type PageData = ReturnType<typeof pageData>
