/** What a simulated sandbox goes through: when it is called, for how long, how much it writes. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { EncodedRecords } from "../../src/delivery/EncodedRecords.ts"

/** One call to the function; `at` in ms since the start of the simulation. */
export interface PlannedCall {
  readonly at: number
  readonly durationMs: number
  readonly lines: number
}

/** Mean times between two calls in ms; each sandbox has one of its own between the two. */
const LEAST_MEAN_GAP_MS = 30_000
const GREATEST_MEAN_GAP_MS = 60_000

/** Calls at exponential intervals, so that every sandbox has its own phase, of 10 to 500 ms and 1 to 20 lines each. */
export const planCalls = Effect.fnUntraced(function*(untilMs: number) {
  const meanGapMs = yield* Random.nextBetween(LEAST_MEAN_GAP_MS, GREATEST_MEAN_GAP_MS)
  const calls: Array<PlannedCall> = []
  for (let at = 0;;) {
    at += Math.ceil(-Math.log(1 - (yield* Random.next)) * meanGapMs)
    if (at >= untilMs) return calls
    const durationMs = yield* Random.nextIntBetween(10, 500)
    calls.push({ at, durationMs, lines: yield* Random.nextIntBetween(1, 20) })
  }
})

/** What the platform posts at the end of a call; the report of the call before came while the sandbox was frozen. */
export const eventsOf = (call: PlannedCall, index: number, now: number): ReadonlyArray<object> => {
  const time = new Date(now).toISOString()
  const requestId = `r${index}`
  const report = { time, type: "platform.report", record: { requestId: `r${index - 1}`, status: "success" } }
  return [
    ...(index === 0 ? [] : [report]),
    { time, type: "platform.start", record: { requestId } },
    ...Array.from({ length: call.lines }, (_, line) => ({
      time,
      type: "function",
      record: `order ${index}.${line} stored ${"with its items ".repeat(8)}`
    })),
    { time, type: "platform.runtimeDone", record: { requestId, status: "success" } }
  ]
}

/** What the function's tracing hands over at the end of a call: a few spans, one for each line. */
export const spansOf = ({ lines }: PlannedCall, index: number, now: number): EncodedRecords => {
  const ends: Array<number> = []
  let text = ""
  for (let span = 0; span < lines; span++) {
    text += `${JSON.stringify({ _timestamp: now * 1000 + span, span: `${index}.${span}` })},`
    ends.push(text.length)
  }
  return { bytes: Buffer.from(text), ends, oldestTimestamp: now * 1000, columns: new Set() }
}
