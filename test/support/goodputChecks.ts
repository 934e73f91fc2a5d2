/** Deliveries do not lag behind an ideal client's by more than the documented rules cost. */
import { assert } from "@effect/vitest"
import { lagOf } from "./goodput.ts"
import { suspectAfterMs } from "./idealClient.ts"
import type { Life, Report } from "./lives.ts"
import type { Weather } from "./moodyServer.ts"
import { LOOK_MS } from "./schedulerRun.ts"

/** Of the ideal client's goodput. */
const SHARE = 0.8

/** The longest delay between two attempts: what is new waits with it, where nothing else proves the server well. */
const LONGEST_RETRY_MS = 4_000 * 1.2

/** All delays between the attempts of one batch, when it is said no to each time. */
const ALL_RETRIES_MS = (1_000 + 2_000 + 4_000) * 1.2

/** The shortest pause of an outage. */
const PAUSE_MS = 3_000 * 1.2

/** Share of requests that go wrong. */
const lossIn = ({ busy, hang, resetAfter, resetBefore, silent }: Weather) =>
  busy + hang + resetAfter + resetBefore + silent

/** Where less goes wrong, what seemed to be an outage excuses one pause. */
const FEW = 0.2

/** Where more goes wrong, a batch that is said no to several times in a row is no exception. */
const MANY = 0.3

/** When an answer may fail to come. */
const isEverSilent = ({ isFrozen, weather: { episodes, hang, silent } }: Life) =>
  isFrozen || episodes.length > 0 || hang + silent > 0

/** Whether the ideal client rests in an outage, as ours does. */
const mayRest = ({ weather }: Life) => weather.episodes.length > 0 || lossIn(weather) > FEW

/** How late deliveries may be at most, in ms, by what the rules make wait for what. */
const mostLateMs = (life: Life, { outages }: Report, from: number) => {
  const { busy, mostMs, resetAfter, resetBefore } = life.weather
  // what is new leaves with the next request, when the one under way has been answered …
  const roundTrips = 2 * mostMs + LOOK_MS
  // … or is suspect, and an empty one has been waited for as long again (what is under way when we begin to compare, before) …
  const silence = isEverSilent(life) ? (from === 0 ? 2 : 3) * suspectAfterMs([mostMs]) : 0
  // … or has been said no to, and is tried again
  const retry = lossIn(life.weather) > MANY ? ALL_RETRIES_MS : LONGEST_RETRY_MS
  const pause = mayRest(life) || outages.length === 0 ? 0 : PAUSE_MS
  return roundTrips + silence + (busy + resetAfter + resetBefore > 0 ? retry : 0) + pause
}

/** From any third of a life on ours delivers nearly what an ideal client would. */
export const checkGoodput = (life: Life, report: Report) => {
  const { lifeMs } = life
  const rests = mayRest(life) ? report.outages : []
  for (const third of [0, 1, 2]) {
    const from = third * lifeMs / 3
    const { at, lagMs } = lagOf(life, report, { from, share: SHARE, rests })
    assert.isAtMost(lagMs, mostLateMs(life, report, from), `late at ${at}, from ${from} on`)
  }
}
