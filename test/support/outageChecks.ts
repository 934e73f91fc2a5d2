/** Outages are said for the documented reasons only, are asked about as documented, and are over soon after they are. */
import { assert } from "@effect/vitest"
import { suspectAfterMs } from "./idealClient.ts"
import { type Interval, isWithin, timeWithout } from "./intervals.ts"
import type { Life, Report } from "./lives.ts"

/** `O2_FLUSH_BUDGET_MS`. */
const FLUSH_BUDGET_MS = 2000

/** A check lasts so long, in ms, in which any answer says that the server is well. */
const CHECK_MS = 1000

/** As `CircuitBreaker` has them: the shortest and the longest pause, the share of an outage's age, and what chance adds. */
const longestPauseMs = (ageMs: number) => Math.min(60_000, Math.max(3000, ageMs / 7)) * 1.2

/** What an outage costs the one who asks, in ms: a request that is silent, or two answers, to `[]` and to a batch. */
const askingMs = ({ mostMs }: Life["weather"]) => suspectAfterMs([mostMs]) + 2 * mostMs

/** When records were stored, and the client knows it. */
const storedAt = ({ server }: Report): ReadonlyArray<number> =>
  server.seen.filter(({ end, fate, numbers }) => end === "answered" && fate.kind === "stores" && numbers.length > 0)
    .map(({ endedAt }) => endedAt)

/** An outage is said when nothing was stored for a while, or else since an attempt that has failed was begun. */
const checkReason = (report: Report, { from: said }: Interval) => {
  const { seen } = report.server
  const lastStoredAt = storedAt(report).findLast((at) => at < said) ?? -Infinity
  const hasFailed = seen.some(({ at, end, endedAt, fate }) =>
    at >= lastStoredAt && endedAt <= said && (end === "broken" || end === "answered" && fate.kind !== "stores")
  )
  // a flush may have waited for what is silent twice
  const isInVain = report.waits.some(({ at, boundMs, tookMs, what }) =>
    what === "flush" && tookMs === boundMs && at + tookMs === said
  )
  if (hasFailed || isInVain) return
  // where there is nothing but silence, an empty request has been waited for, in which time any answer would do
  const answer = seen.find(({ end, endedAt }) => end === "answered" && endedAt < said && endedAt > said - CHECK_MS)
  assert.isUndefined(answer, `answered before the outage said at ${said}`)
  assert.isAtLeast(said - lastStoredAt, FLUSH_BUDGET_MS, `stored before the outage said at ${said}`)
}

/** While it lasts, the server is asked after each pause, and what it stores first ends it. */
const checkPauses = ({ weather }: Life, report: Report, { from, to }: Interval) => {
  const { freezes, mendedAt, server } = report
  const timeAt = timeWithout(freezes)
  const until = Math.min(to, mendedAt)
  // a request that was silent before may end just when a pause does, and lengthen it
  const events = server.seen.flatMap(({ at, end, endedAt, fate, numbers }) => [
    { at, isWell: false },
    // there may be nothing to send then
    { at: endedAt, isWell: end === "answered" && fate.kind === "stores" && numbers.length === 0 }
  ]).filter(({ at }) => isWithin(at)({ from, to: until })).sort((one, other) => one.at - other.at)
  let last = { at: from, isWell: false }
  for (const event of [...events, { at: until, isWell: false }]) {
    const stillMs = timeAt(event.at) - timeAt(last.at)
    const atMost = longestPauseMs(last.at - from + askingMs(weather)) + askingMs(weather)
    if (!last.isWell) assert.isAtMost(stillMs, atMost, `not asked until ${event.at}`)
    last = event
  }
  assert.isUndefined(storedAt(report).find((at) => at > from && at < to), `outage said at ${from} goes on`)
}

/** What holds of all outages. */
export const checkOutages = (life: Life, report: Report) => {
  for (const outage of report.outages) {
    checkReason(report, outage)
    checkPauses(life, report, outage)
  }
}

/** From so many ms after an episode's begin at the latest requests are rare. */
const NOTICED_MS = 10_000

/** Requests are rare in an episode, where nothing else is wrong, and it is known to be over a pause later. */
const checkEpisode = (weather: Life["weather"], { from, to }: Interval, { outages, server }: Report) => {
  const probes = server.seen.filter(({ at }) => at >= from + NOTICED_MS && at < to)
  assert.isAtMost(probes.length, (to - from) / (3000 * 0.8) + 8, "requests in an outage")
  // an empty request may be given up after a second, as silent as one is allowed to be at least
  if (weather.mostMs > CHECK_MS) return
  for (const outage of outages) {
    const ageMs = Math.max(0, to - outage.from) + askingMs(weather)
    const atMost = Math.max(to, outage.from) + askingMs(weather) + longestPauseMs(ageMs)
    assert.isAtMost(outage.to, atMost, "over too late")
  }
}

/** Whether the server has twice the time that it takes to store what is written. */
const hasTimeToSpare = ({ batchKilobytes, lifeMs, weather }: Life, { arrivals }: Report): boolean => {
  const bytesPerMs = arrivals.reduce((sum, { bytes }) => sum + bytes, 0) / lifeMs
  return bytesPerMs <= 2 * batchKilobytes * 1024 / weather.mostMs
}

/** What was written during an episode is delivered in few requests. */
const checkCatchingUp = ({ batchKilobytes, callMs }: Life, { to }: Interval, { looks, server }: Report) => {
  const before = looks.findLast(({ at }) => at <= to)
  if (before === undefined) return
  const recovered = looks.find(({ at, delivered }) => at > to && delivered >= before.received)
  assert.isDefined(recovered, "never recovered")
  const batches = Math.ceil(before.waitingBytes / (batchKilobytes * 1024))
  const suspects = server.seen.filter(({ at, endedAt }) => at < to && endedAt >= to).length
  const requests = server.seen.filter(({ at }) => at >= to && at <= recovered!.at).length
  const calls = Math.ceil((recovered!.at - to) / Math.max(20, callMs))
  assert.isAtMost(requests, 1.05 * batches + suspects + 10 + Math.min(calls, 20), "requests for recovery")
}

/** An outage costs few requests, while it lasts and afterwards. */
export const checkRecovery = (life: Life, report: Report) => {
  const [episode] = life.weather.episodes
  if (episode === undefined || episode.to + 10_000 > life.lifeMs) return
  checkEpisode(life.weather, episode, report)
  if (hasTimeToSpare(life, report)) checkCatchingUp(life, episode, report)
}
