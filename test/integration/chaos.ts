/** Chances that a seed repeats, and what they can bring: the weather at OpenObserve, and what the function does. */
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import type { Payload } from "./functions.ts"

/** Random numbers that depend on nothing but the seed. */
export class Chance {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** A number from 0 to 1, 1 excluded (Mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  pick<A>(choices: readonly [A, ...ReadonlyArray<A>]): A {
    return choices[this.below(choices.length)] ?? choices[0]
  }
}

/** Some lines have this in them; a server that is set so cannot read them. */
const POISON = "poison"

/** Every way to misbehave after which the answer, or its absence, can be told from success. */
const TROUBLES: readonly [Fault, ...ReadonlyArray<Fault>] = [
  Fault.memoryOverflow,
  Fault.cloudPressure,
  Fault.streamDeleting,
  Fault.internalError,
  Fault.RetryAfter({ seconds: 1, status: 503 }),
  Fault.RefuseConnections(),
  Fault.ResetBeforeStoring(),
  Fault.ResetAfterStoring(),
  Fault.HangBeforeHeaders(),
  Fault.HangInBody(),
  Fault.SlowBody({ bytesPerSecond: 20 }),
  Fault.Garbage(),
  Fault.HugeAnswer({ bytes: 2_000_000 }),
  Fault.EarlyReject401(),
  Fault.TakesNoCompression(),
  Fault.Redirect({ location: "http://127.0.0.1:9/elsewhere", status: 302 }),
  Fault.Answer({ status: 502, body: "Proxy request failed", stores: true }),
  Fault.Answer({ status: 200, body: "<html></html>", stores: true })
]

/** Ways to be particular about single records and batches. */
const WHIMS: readonly [Fault, ...ReadonlyArray<Fault>] = [
  Fault.RefusesRecords({ containing: POISON }),
  Fault.ForBody({ matches: (body) => body.includes(POISON), fault: Fault.ResetBeforeStoring() }),
  Fault.ForBody({
    matches: (body) => body.includes(POISON),
    fault: Fault.Answer({ status: 400, body: "{\"code\":400,\"message\":\"SerdeJsonError# \"}" })
  }),
  Fault.ForBody({ matches: (body) => body.length > 32 * 1024, fault: Fault.Answer({ status: 413, body: "too large" }) })
]

/** How the weather is for the next while; good half of the time. */
export const weather = (chance: Chance) => {
  const dice = chance.next()
  return {
    fault: dice < 0.5 ? undefined : chance.pick(dice < 0.65 ? WHIMS : TROUBLES),
    latencyMs: chance.pick([0, 0, 0, 30, 300]),
    forMs: chance.pick([20, 100, 300, 1000, 2000])
  }
}

/** Something that happens to a sandbox. */
export type Step =
  | { readonly _tag: "Call"; readonly payload: Payload }
  | { readonly _tag: "Frozen"; readonly forMs: number }
  | { readonly _tag: "Spindown" }

/** What happens next; lines are told apart by the step's number. */
export const step = (chance: Chance, number: number): Step => {
  const dice = chance.next()
  if (dice < 0.15) return { _tag: "Frozen", forMs: chance.pick([10, 10, 100, 1200]) }
  if (dice < 0.18) return { _tag: "Spindown" }
  const count = chance.pick([1, 1, 3, 3, 10, 10, 100, 100, 500, 1000, 10_000])
  const mark = chance.next() < 0.5 ? POISON : "good"
  return {
    _tag: "Call",
    payload: {
      lines: [`${number} ${mark}`],
      flood: { text: `${number} ${"".padEnd(chance.pick([0, 100, 400]), ".")}`, count },
      // beyond the function's time, or within it
      sleepMs: dice < 0.2 ? 60_000 : chance.pick([0, 0, 10, 500]),
      ...(dice > 0.96 ? { exits: 1 } : {}),
      ...(dice > 0.92 && dice <= 0.96 ? { throws: "out of luck" } : {})
    }
  }
}
