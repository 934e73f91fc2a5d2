/** What an ideal client would deliver with as many connections, before a server that behaves the same at random. */
import { chanceOf, fatesOf, type Weather } from "./moodyServer.ts"

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

/** The same time after which a request without an answer is given up. */
const suspectAfterMs = (latencies: ReadonlyArray<number>) =>
  Math.max(1000, ...latencies.slice(-16).map((latency) => latency * 3))

/** What is delivered when, from what arrives when, in such weather. */
export const deliverIdeally = (
  weather: Weather,
  seed: number,
  arrivals: ReadonlyArray<Portion>,
  batchBytes: number,
  untilMs: number
): ReadonlyArray<Portion> => {
  const fateAt = fatesOf(weather, chanceOf(seed))
  const freeAt: Array<number> = Array.from({ length: CONNECTIONS }, () => 0)
  const again: Array<Repetition> = []
  const delivered: Array<Portion> = []
  const latencies: Array<number> = []
  let arrived = 0
  let waitingBytes = 0
  for (;;) {
    const connection = freeAt.indexOf(Math.min(...freeAt))
    again.sort((one, other) => one.at - other.at)
    const work = waitingBytes > 0 ? -Infinity : Math.min(again[0]?.at ?? Infinity, arrivals[arrived]?.at ?? Infinity)
    const now = Math.max(freeAt[connection]!, work)
    if (now > untilMs) return delivered
    for (; arrived < arrivals.length && arrivals[arrived]!.at <= now; arrived++) {
      waitingBytes += arrivals[arrived]!.bytes
    }
    const repeated = again[0] !== undefined && again[0].at <= now ? again.shift() : undefined
    const bytes = repeated?.bytes ?? Math.min(waitingBytes, batchBytes)
    if (repeated === undefined) waitingBytes -= bytes
    const { kind, latencyMs } = fateAt(now)
    const isSilent = kind === "hangs" || kind === "silent"
    const endsAt = now + (isSilent ? suspectAfterMs(latencies) : latencyMs)
    freeAt[connection] = endsAt
    if (kind === "stores") {
      latencies.push(latencyMs)
      delivered.push({ at: endsAt, bytes })
    } else if (kind !== "busy" && kind !== "refused") again.push({ at: endsAt, bytes, failures: 0 })
    else {
      const failures = repeated?.failures ?? 0
      again.push({ at: endsAt + delayMs(failures), bytes, failures: failures + 1 })
      // beside the connections as many batches may wait as there are connections; with more, waiting keeps one
      if (again.filter(({ failures }) => failures > 0).length > CONNECTIONS) freeAt[connection] += delayMs(failures)
    }
  }
}
