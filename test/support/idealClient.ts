/** What an ideal client would deliver with as many connections, before a server that behaves the same at random. */
import { LATE_GRACE_MS } from "../../src/platform/Freeze.ts"
import type { Interval } from "./intervals.ts"
import { isWithin } from "./intervals.ts"
import { chanceOf, type Fate, fatesOf, type Weather } from "./moodyServer.ts"

/** Records that were accepted or delivered together. */
export interface Portion {
  /** In ms since the start. */
  readonly at: number
  readonly bytes: number
}

/** A batch that has to be sent again. */
interface Repetition extends Portion {
  readonly failures: number
}

/** As many as ours. */
const CONNECTIONS = 4

/** The same delays after an answer that says "not now": 1, 2, 4, 4, … s. */
const delayMs = (failures: number) => 1000 * 2 ** Math.min(failures, 2)

/** The same time after which a request without an answer is suspect. */
export const suspectAfterMs = (latencies: ReadonlyArray<number>) => {
  const slowest = Math.max(0, ...latencies.slice(-16))
  return Math.max(1000, Math.min(slowest * 3, slowest + 5000))
}

/** Before which server, with what to deliver. */
export interface Task {
  readonly weather: Weather
  readonly seed: number
  /** What may leave when, in order. */
  readonly arrivals: ReadonlyArray<Portion>
  readonly batchBytes: number
  readonly from: number
  readonly to: number
  /** When nothing is begun. */
  readonly rests: ReadonlyArray<Interval>
  /** When nothing is read either: half of what is answered then is lost. */
  readonly freezes: ReadonlyArray<Interval>
}

/** What is delivered when. */
export const deliverIdeally = ({ arrivals, batchBytes, freezes, from, rests, seed, to, weather }: Task) => {
  const chance = chanceOf(seed)
  const fateAt = fatesOf(weather, chance)
  const freeAt: Array<number> = Array.from({ length: CONNECTIONS }, () => from)
  const again: Array<Repetition> = []
  const delivered: Array<Portion> = []
  const latencies: Array<number> = []
  const hangs = weather.episodes.filter(({ mode }) => mode === "hangs")
  const standstillAt = (at: number) => rests.find(isWithin(at)) ?? freezes.find(isWithin(at))
  const startAfter = (at: number): number => {
    const standstill = standstillAt(at)
    return standstill === undefined ? at : startAfter(standstill.to)
  }
  /** When the client knows what has come of a request, and whether that is nothing. */
  const end = (begunAt: number, { kind, latencyMs }: Fate) => {
    const at = begunAt + latencyMs
    const freeze = freezes.find(isWithin(at))
    const isLost = kind === "hangs" || kind === "silent" || hangs.some(isWithin(at)) ||
      freeze !== undefined && chance() < 0.5
    if (!isLost) return { isLost, at: freeze?.to ?? at }
    const suspectAt = begunAt + suspectAfterMs(latencies)
    const late = freezes.find(isWithin(suspectAt))
    return { isLost, at: late === undefined ? suspectAt : late.to + LATE_GRACE_MS }
  }
  /** After a reset an empty request asks how the server is, on the same connection. */
  const isWellAfter = (at: number, connection: number) => {
    const fate = fateAt(at)
    const answer = end(at, fate)
    freeAt[connection] = answer.at
    return !answer.isLost && fate.kind === "stores"
  }
  let arrived = 0
  let waitingBytes = 0
  let now = from
  for (;;) {
    const connection = freeAt.indexOf(Math.min(...freeAt))
    again.sort((one, other) => one.at - other.at)
    const work = waitingBytes > 0 ? -Infinity : Math.min(again[0]?.at ?? Infinity, arrivals[arrived]?.at ?? Infinity)
    now = startAfter(Math.max(now, freeAt[connection]!, work))
    // `Infinity` where there is nothing left
    if (now > to) return delivered
    for (; arrived < arrivals.length && arrivals[arrived]!.at <= now; arrived++) {
      waitingBytes += arrivals[arrived]!.bytes
    }
    const repeated = again[0] !== undefined && again[0].at <= now ? again.shift() : undefined
    const bytes = repeated?.bytes ?? Math.min(waitingBytes, batchBytes)
    if (repeated === undefined) waitingBytes -= bytes
    const failures = repeated?.failures ?? 0
    const fate = fateAt(now)
    const { at, isLost } = end(now, fate)
    freeAt[connection] = at
    if (isLost) again.push({ at, bytes, failures: 0 })
    else if (fate.kind === "stores") {
      latencies.push(fate.latencyMs)
      delivered.push({ at, bytes })
    } else if (fate.kind !== "busy" && fate.kind !== "refused" && isWellAfter(at, connection)) {
      again.push({ at: freeAt[connection], bytes, failures })
    } else {
      again.push({ at: freeAt[connection] + delayMs(failures), bytes, failures: failures + 1 })
      // where others are stored meanwhile, as many wait beside the connections as there are connections
      const waiting = again.filter((repetition) => repetition.failures > 0 && repetition.at > now).length
      const othersAreStored = delivered.slice(-2 * CONNECTIONS).some((portion) => portion.at > now && portion.at <= at)
      if (!othersAreStored || waiting > CONNECTIONS) freeAt[connection] += delayMs(failures)
    }
  }
}
