/** The run in a few figures. */
import type { PageData } from "./PageData.ts"

/** One figure, with a remark. */
export interface Figure {
  readonly name: string
  readonly value: string
  readonly remark: string
}

const whole = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 0 })

const duration = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const spread = (name: string, values: ReadonlyArray<number | undefined>): ReadonlyArray<Figure> => {
  const known = values.filter((value) => value !== undefined)
  if (known.length === 0) return []
  const most = known.reduce((a, b) => Math.max(a, b))
  return [{ name, value: duration(median(known)), remark: `median, longest ${duration(most)}` }]
}

const tally = (words: ReadonlyArray<string>): string => {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a).map(([word, count]) => `${whole(count)} × ${word}`).join(", ")
}

/** The figures that a run has. */
export const glance = (data: PageData): ReadonlyArray<Figure> => {
  const { calls, entries, generations, ledgers, records } = data
  const requests = entries.filter(({ shape }) => shape === "request")
  const posts = entries.filter(({ shape }) => shape === "post")
  const refused = posts.filter(({ tone }) => tone === "bad").length
  return [
    {
      name: "Calls",
      value: whole(calls.length),
      remark: tally(calls.map(({ outcome }) => outcome || "goes on")) || "none"
    },
    { name: "Generations", value: whole(generations.length), remark: `${duration(data.end)} in all` },
    ...spread("In the function", calls.map(({ functionMs }) => functionMs)),
    ...spread("Extension, after it", calls.map(({ extensionMs }) => extensionMs)),
    {
      name: "Telemetry posts",
      value: whole(posts.length),
      remark: refused === 0 ? "all taken" : `${whole(refused)} not taken`
    },
    { name: "Requests sent", value: whole(requests.length), remark: tally(requests.map(({ mark }) => mark)) || "none" },
    {
      name: "Records stored",
      value: whole(records.length + data.omitted.records),
      remark: ledgers.length === 0
        ? "no ledger"
        : ledgers.every(({ addsUp }) => addsUp !== false)
        ? "✔ the ledger adds up"
        : "✘ the ledger does not add up"
    }
  ]
}

/** The picture in a sentence, for those who cannot see it. */
export const summary = (data: PageData): string =>
  `${
    glance(data).map(({ name, remark, value }) => `${name}: ${value} (${remark})`).join(". ")
  }. The tables below say the same in words.`
