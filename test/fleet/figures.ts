/** What a simulated fleet comes to. */
import type { Timeline } from "./FleetServer.ts"

/** What became of one sandbox. */
export interface SandboxResult {
  /** Records: written, different ones that the server has, left at the end, and how often it got one again. */
  readonly written: number
  readonly stored: number
  readonly left: number
  readonly duplicated: number
  readonly mostHeldBytes: number
  /** From the server's return until it had the last record from before. */
  readonly backlogMs: number
}

/** Rates are multiples of the steady one. */
export interface Figures {
  readonly steadyPerSecond: number
  /** The server away: mean over the whole time. */
  readonly away: number
  /** The server away: the busiest 10 s. */
  readonly awayPeak: number
  /** After its return: the busiest second, 10 s and minute. */
  readonly peakSecond: number
  readonly peakTenSeconds: number
  readonly peakMinute: number
  /** Time in s after which half, 99 % and all sandboxes had delivered what is older than the return. */
  readonly backlogSeconds: { readonly half: number; readonly most: number; readonly all: number }
  readonly written: number
  readonly lost: number
  readonly duplicated: number
  readonly mostHeldBytes: number
}

/** Adds up; `requests` by the second of the timeline. */
export const figuresOf = (
  { awayFrom, backFrom, end, steadyFrom }: Timeline,
  requests: Uint32Array,
  results: ReadonlyArray<SandboxResult>
): Figures => {
  const mean = (fromMs: number, toMs: number) => {
    const seconds = requests.subarray(fromMs / 1000, toMs / 1000)
    return seconds.reduce((sum, count) => sum + count, 0) / seconds.length
  }
  const steady = mean(steadyFrom, awayFrom)
  const peak = (fromMs: number, toMs: number, windowSeconds: number) => {
    let most = 0
    for (let from = fromMs; from + windowSeconds * 1000 <= toMs; from += 1000) {
      most = Math.max(most, mean(from, from + windowSeconds * 1000))
    }
    return most / steady
  }
  const sum = (of: (result: SandboxResult) => number) => results.reduce((total, result) => total + of(result), 0)
  const backlogs = results.map(({ backlogMs }) => backlogMs).sort((a, b) => a - b)
  const share = (part: number) => backlogs[Math.ceil(backlogs.length * part) - 1]! / 1000
  const written = sum((result) => result.written)
  return {
    steadyPerSecond: steady,
    away: mean(awayFrom, backFrom) / steady,
    awayPeak: peak(awayFrom, backFrom, 10),
    peakSecond: peak(backFrom, end, 1),
    peakTenSeconds: peak(backFrom, end, 10),
    peakMinute: peak(backFrom, end, 60),
    backlogSeconds: { half: share(0.5), most: share(0.99), all: share(1) },
    written,
    lost: written - sum((result) => result.stored + result.left),
    duplicated: sum((result) => result.duplicated),
    mostHeldBytes: Math.max(...results.map((result) => result.mostHeldBytes))
  }
}
