/** What every run of traffic is asked at its end, and what is counted in it. */
import { assert } from "@effect/vitest"
import { complaints } from "./books.ts"
import { sidesOf } from "./sandbox.ts"
import type { Sample, Traffic, Word } from "./traffic.ts"
import type { Asked, Behaviour, Served } from "./trafficServer.ts"

// --- Servers -----------------------------------------------------------------

/** How a server behaves at a moment. */
export type Behave = (asked: Asked) => Behaviour

export const well = (latencyMs: number): Behave => () => ({ _tag: "Answers", latencyMs })

/** One trouble for a while, and well before and after it. */
export const during = (fromMs: number, toMs: number, trouble: Behave, otherwise: Behave): Behave => (asked) =>
  asked.atMs >= fromMs && asked.atMs < toMs ? trouble(asked) : otherwise(asked)

export const hangs: Behave = () => ({ _tag: "Hangs" })

export const swallows: Behave = () => ({ _tag: "Swallows" })

// --- Counting ----------------------------------------------------------------

/** Requests that carried records. */
export const carrying = ({ requests }: Traffic): ReadonlyArray<Served> => requests.filter(({ records }) => records > 0)

/** The warnings that there is an outage. */
export const outageWarnings = ({ said }: Traffic): ReadonlyArray<Word> =>
  said.filter(({ line }) => line.level === "warn" && /takes no records/.test(line.message))

/** How things stood at a moment. */
export const sampleAt = ({ samples }: Traffic, atMs: number): Sample => {
  const sample = samples.findLast((sample) => sample.atMs <= atMs)
  if (sample === undefined) throw new Error(`there is no sample of ${atMs} ms`)
  return sample
}

/** When everything older than a moment had been stored, as far as nothing was stored out of turn. */
export const caughtUp = (traffic: Traffic, atMs: number): Sample | undefined => {
  const { taken } = sampleAt(traffic, atMs)
  return traffic.samples.find((sample) => sample.atMs >= atMs && sample.stored >= taken)
}

/** The figures of a run in one line, for the message of whatever fails. */
export const figuresOf = (traffic: Traffic): string =>
  JSON.stringify({
    calls: traffic.calls,
    lines: traffic.lines,
    missing: traffic.missing,
    copies: traffic.copies,
    maxBacklog: traffic.maxBacklog,
    requests: carrying(traffic).length,
    empty: traffic.requests.length - carrying(traffic).length,
    maxSpillFiles: traffic.maxSpillFiles,
    exitMs: Math.round(traffic.exitMs),
    said: traffic.said.map(({ atMs, line: { cause, level, message } }) => [Math.round(atMs), level, message, cause]),
    ledger: traffic.ledger
  })

// --- Ends --------------------------------------------------------------------

/** The process ended by itself, in good order, with balanced books that say what the server says. */
export const assertClosed = (traffic: Traffic): void => {
  const figures = figuresOf(traffic)
  assert.deepStrictEqual([traffic.exit.code, traffic.exit.signal], [0, null], figures)
  assert.deepStrictEqual(traffic.noise, [])
  const { came, went } = sidesOf(traffic.ledger)
  assert.strictEqual(came, went, figures)
  assert.include(traffic.ledger, { buffered: 0, inFlight: 0, malformed: 0, postsDropped: 0 }, figures)
  assert.deepStrictEqual(traffic.ledger["rejected"], {}, figures)
  assert.isAbove(traffic.lines, 0, figures)
}

/** Every line arrived, within the process's time. */
export const assertAllDelivered = (traffic: Traffic): void => {
  const figures = figuresOf(traffic)
  assertClosed(traffic)
  assert.strictEqual(traffic.missing, 0, figures)
  assert.deepStrictEqual(traffic.ledger["dropped"], {}, figures)
  assert.include(traffic.ledger, { spilled: 0, delivered: traffic.ledger["received"] }, figures)
}

/** Nobody had anything to complain of, and nothing was sent twice. */
export const assertUntroubled = (traffic: Traffic): void => {
  const figures = figuresOf(traffic)
  assertAllDelivered(traffic)
  assert.strictEqual(traffic.copies, 0, figures)
  assert.deepStrictEqual(complaints(traffic.said.map(({ line }) => line)), [], figures)
}
