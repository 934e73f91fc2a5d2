/** Lives of sandboxes, and the moods of the servers before which they are lived. */
import * as fc from "fast-check"
import type { Portion } from "./idealClient.ts"
import type { Interval } from "./intervals.ts"
import type { Episode, MoodyServer, Weather } from "./moodyServer.ts"

/** What a sandbox does. */
export interface Life {
  readonly seed: number
  readonly weather: Weather
  readonly tier: "end" | "continuous"
  readonly batchKilobytes: number
  readonly acceptsPerSecond: number
  readonly recordsPerAccept: number
  readonly recordBytes: number
  readonly callMs: number
  readonly gapMs: number
  /** Whether the sandbox is frozen between calls. */
  readonly isFrozen: boolean
  readonly lifeMs: number
}

/** A wait of the caller. */
export interface Wait {
  readonly what: "flush" | "settled"
  readonly at: number
  readonly tookMs: number
  readonly boundMs: number
  readonly isOutage: boolean
}

/** What was seen at a moment. */
export interface Look {
  readonly at: number
  readonly received: number
  readonly delivered: number
  readonly waiting: number
  readonly waitingBytes: number
  readonly inFlight: number
  readonly sealed: number
  readonly open: number
  readonly isOutage: boolean
}

/** What was seen of a life. */
export interface Report {
  readonly server: MoodyServer
  readonly looks: ReadonlyArray<Look>
  readonly waits: ReadonlyArray<Wait>
  /** From the warning until the server was said to take records again; `Infinity` for what was not over. */
  readonly outages: ReadonlyArray<Interval>
  readonly freezes: ReadonlyArray<Interval>
  /** When what was open was asked to leave. */
  readonly askedAt: ReadonlyArray<number>
  readonly possiblyDuplicated: number
  readonly rejected: number
  readonly dropped: number
  readonly received: number
  readonly mendedAt: number
  /** When everything had been delivered, without any more calls. */
  readonly deliveredAt: number
  /** Connections that were used for a backlog at last: a slot that was lost would be missing. */
  readonly connections: number
  /** Records that are left after the last flush. */
  readonly left: number
  readonly errors: ReadonlyArray<string>
  readonly arrivals: ReadonlyArray<Portion>
}

const from = (min: number, max: number) => fc.integer({ min, max })
const percent = (max: number) => fc.oneof(fc.constant(0), from(0, max).map((n) => n / 100))

const fair = { hang: 0, silent: 0, resetBefore: 0, resetAfter: 0, busy: 0, episodes: [] }
const latency = fc.record({ leastMs: from(10, 50), mostMs: fc.oneof(from(50, 200), from(200, 1500)) })

const faults = fc.record({
  hang: percent(20),
  silent: percent(5),
  resetBefore: percent(5),
  resetAfter: percent(5),
  busy: percent(60)
})

/** Nothing goes wrong. */
export const fairWeather = latency.map((latency): Weather => Object.assign({}, fair, latency))
/** Something goes wrong now and then. */
export const badWeather = fc.tuple(latency, faults).map(([latency, faults]): Weather =>
  Object.assign({}, fair, latency, faults)
)

/** A server is away for a while. */
export const episode = fc.record({
  from: from(0, 30_000),
  length: from(100, 60_000),
  mode: fc.constantFrom("hangs", "refuses")
})
  .map(({ from, length, mode }): Episode => ({ from, to: from + length, mode }))

/** A sandbox before such a server. */
export const lifeIn = (
  weather: fc.Arbitrary<Weather>,
  isFrozen: fc.Arbitrary<boolean>,
  lifeMs: number
): fc.Arbitrary<Life> =>
  fc.record({
    seed: fc.nat(2 ** 31),
    weather,
    tier: fc.constantFrom("end", "continuous"),
    batchKilobytes: fc.constantFrom(16, 64, 256, 1024),
    acceptsPerSecond: from(1, 100),
    recordsPerAccept: from(1, 25),
    recordBytes: from(100, 400),
    callMs: fc.oneof(from(20, 300), from(300, 3000)),
    gapMs: fc.oneof(from(0, 1000), from(1000, 10_000)),
    isFrozen,
    lifeMs: fc.constant(lifeMs)
  })
