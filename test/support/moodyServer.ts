/** A server whose moods are drawn from a seed: slow, silent, breaking, overloaded, away. Counts what it has stored. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Transport, TransportError } from "../../src/platform/Transport.ts"
import type { TransportRequest, TransportResponse } from "../../src/platform/Transport.ts"

/** A time, in ms since the start, in which it takes nothing. */
export interface Episode {
  readonly from: number
  readonly to: number
  /** No request gets an answer, or every connection is refused. */
  readonly mode: "hangs" | "refuses"
}

/** How it behaves: probabilities of what becomes of a request, and of when it is answered. */
export interface Weather {
  readonly leastMs: number
  readonly mostMs: number
  /** Neither stored nor answered. */
  readonly hang: number
  /** Stored, but not answered. */
  readonly silent: number
  readonly resetBefore: number
  readonly resetAfter: number
  /** 503. */
  readonly busy: number
  readonly episodes: ReadonlyArray<Episode>
}

/** What becomes of a request. */
export interface Fate {
  readonly kind: "stores" | "hangs" | "silent" | "resetBefore" | "resetAfter" | "busy" | "refused"
  readonly latencyMs: number
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export const chanceOf = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What happens to requests in such weather, each in turn. */
export const fatesOf = (weather: Weather, chance: () => number) => (at: number): Fate => {
  const episode = weather.episodes.find(({ from, to }) => at >= from && at < to)
  const latencyMs = Math.round(weather.leastMs + (weather.mostMs - weather.leastMs) * chance() ** 2)
  let rest = chance()
  if (episode !== undefined) {
    return { kind: episode.mode === "refuses" ? "refused" : rest < 0.5 ? "hangs" : "silent", latencyMs }
  }
  for (const kind of ["hang", "silent", "resetBefore", "resetAfter", "busy"] as const) {
    rest -= weather[kind]
    if (rest < 0) return { kind: kind === "hang" ? "hangs" : kind, latencyMs }
  }
  return { kind: "stores", latencyMs }
}

/** A request as the server has seen it. */
interface Seen {
  /** In ms since the start. */
  readonly at: number
  /** Numbers of the records; none in a question whether records would be taken. */
  readonly numbers: ReadonlyArray<number>
  readonly bytes: number
  readonly fate: Fate
  /** What the client saw: an answer, or that it has given up waiting. */
  end: "open" | "answered" | "broken" | "cut"
  endedAt: number
}

/** A server in such weather, whose time begins at `epoch`. */
export const makeMoodyServer = (weather: Weather, seed: number, epoch: number) => {
  const chance = chanceOf(seed)
  let fateAt = fatesOf(weather, chance)
  let { episodes } = weather
  const seen: Array<Seen> = []
  /** How often each record was stored, and how often the client was told. */
  const stored = new Map<number, number>()
  const told = new Map<number, number>()
  let inFlight = 0
  let mostInFlight = 0
  const count = (counts: Map<number, number>, numbers: ReadonlyArray<number>) => {
    for (const n of numbers) counts.set(n, (counts.get(n) ?? 0) + 1)
  }
  const exchange = Effect.fnUntraced(
    function*(request: TransportRequest): Effect.fn.Return<TransportResponse, TransportError> {
      const at = (yield* Clock.currentTimeMillis) - epoch
      const body = Buffer.from(request.body ?? "").toString("latin1")
      const numbers = [...body.matchAll(/"n":(\d+)/gu)].map(([, n]) => Number(n))
      const fate = fateAt(at)
      const { kind, latencyMs } = fate
      const entry: Seen = { at, numbers, bytes: body.length, fate, end: "open", endedAt: Infinity }
      seen.push(entry)
      const isQuestion = numbers.length === 0
      if (!isQuestion) inFlight++
      mostInFlight = Math.max(mostInFlight, inFlight)
      const exchanging = Effect.gen(function*() {
        if (kind === "refused") {
          return yield* new TransportError({
            code: "ECONNREFUSED",
            host: request.url.host,
            isSent: false,
            isStale: false
          })
        }
        request.onConnected?.()
        if (kind === "stores" || kind === "silent" || kind === "resetAfter") count(stored, numbers)
        if (kind === "hangs" || kind === "silent") return yield* Effect.never
        yield* Effect.sleep(latencyMs)
        // what arrives during a freeze is read after the timers that are due; half of the connections do not survive it
        if ((yield* Clock.currentTimeMillis) - epoch > at + latencyMs) {
          if (chance() < 0.5) return yield* Effect.never
          yield* Effect.sleep(5)
        }
        const answeredAt = at + latencyMs
        if (episodes.some(({ from, mode, to }) => mode === "hangs" && answeredAt >= from && answeredAt < to)) {
          return yield* Effect.never
        }
        if (kind === "resetBefore" || kind === "resetAfter") {
          return yield* new TransportError({ code: "ECONNRESET", host: request.url.host, isSent: true, isStale: false })
        }
        if (kind === "busy") return { status: 503, headers: {}, body: "Error# MemoryTableOverflowError" }
        count(told, numbers)
        const status = [{ name: "default", successful: numbers.length, failed: 0 }]
        return { status: 200, headers: {}, body: JSON.stringify({ code: 200, status }) }
      })
      return yield* exchanging.pipe(
        Effect.tap(() => Effect.sync(() => void (entry.end = "answered"))),
        Effect.tapError(() => Effect.sync(() => void (entry.end = "broken"))),
        Effect.ensuring(Effect.map(Clock.currentTimeMillis, (now) => {
          if (!isQuestion) inFlight--
          entry.endedAt = now - epoch
          if (entry.end === "open") entry.end = "cut"
        }))
      )
    }
  )
  return {
    layer: Layer.succeed(Transport, { exchange, dropIdle: Effect.void }),
    seen: seen as ReadonlyArray<Seen>,
    stored: stored as ReadonlyMap<number, number>,
    told: told as ReadonlyMap<number, number>,
    inFlight: () => inFlight,
    mostInFlight: () => mostInFlight,
    /** From now on it stores and answers everything. */
    mend: () => {
      episodes = []
      fateAt = fatesOf({ ...weather, hang: 0, silent: 0, resetBefore: 0, resetAfter: 0, busy: 0, episodes: [] }, chance)
    }
  }
}

/** What such a server is. */
export type MoodyServer = ReturnType<typeof makeMoodyServer>
