/** What has to hold of the scheduler's deliveries in a life that is over. */
import { assert } from "@effect/vitest"
import { deliverIdeally } from "./idealClient.ts"
import type { Life, Report } from "./lives.ts"
import type { Weather } from "./moodyServer.ts"
import { LOOK_MS } from "./schedulerRun.ts"

// --- What holds in every life ------------------------------------------------

/** Empty requests and the like that come to the others, in any one second. */
const MAX_ODD_REQUESTS = 40

/** Longest time, in ms, in which nothing is under way although batches wait and there is no outage: the longest retry. */
const MAX_STILL_MS = 4_000 * 1.2 + 200

const sumOf = (portions: ReadonlyArray<number>) => portions.reduce((sum, portion) => sum + portion, 0)

const mostOf = (numbers: Iterable<number>) => [...numbers].reduce((most, number) => Math.max(most, number), 0)

/** What holds whatever the server does. */
export const checkAlways = ({ isFrozen, weather }: Life, report: Report) => {
  const { looks, server, waits } = report
  assert.deepEqual(report.errors, [])
  // nothing is lost
  assert.strictEqual(report.dropped, 0, "dropped")
  assert.isBelow(report.deliveredAt, Infinity, "not everything was delivered")
  assert.strictEqual(report.left, 0, "left after the last flush")
  assert.strictEqual(server.told.size + report.rejected, report.received)
  // one record that is reset time and again looks as if it could not be stored
  if (weather.resetBefore + weather.resetAfter === 0) assert.strictEqual(report.rejected, 0)
  // nothing is stored twice but by attempts whose answers were lost
  assert.isAtMost(mostOf(server.told.values()), 1)
  assert.isAtMost(sumOf([...server.stored.values()].map((times) => times - 1)), report.possiblyDuplicated)
  // nobody waits for longer than was said, and in an outage not at all
  for (const { boundMs, isOutage, tookMs, what } of waits) {
    assert.isAtMost(tookMs, boundMs, what)
    if (isOutage) assert.strictEqual(tookMs, 0, `${what} in an outage`)
  }
  // connections: none is lost, and repeated requests come on top of four for a moment only
  assert.strictEqual(report.connections, 4, "connections for a backlog")
  const { leastMs } = weather
  const begun = new Map<number, number>()
  for (const { at } of server.seen) begun.set(Math.floor(at / 1000), (begun.get(Math.floor(at / 1000)) ?? 0) + 1)
  assert.isAtMost(mostOf(begun.values()), 4 * Math.ceil(1000 / leastMs) + MAX_ODD_REQUESTS, "requests in a second")
  if (isFrozen) return
  let stillSince = Infinity
  for (const { at, inFlight, isOutage, sealed } of looks) {
    if (inFlight > 0 || sealed === 0 || isOutage) stillSince = Infinity
    else stillSince = Math.min(stillSince, at)
    assert.isAtMost(at - stillSince, MAX_STILL_MS, `nothing under way at ${at}`)
  }
}

// --- Requests ----------------------------------------------------------------

/** A well server gets as many requests as there is time for, and as bytes and flushes need: never one for each call. */
export const checkRequests = ({ batchKilobytes, lifeMs, tier, weather }: Life, { arrivals, server, waits }: Report) => {
  const batches = sumOf(arrivals.map(({ bytes }) => bytes)) / (batchKilobytes * 1024)
  const flushes = tier === "end" ? waits.length : 0
  const turns = lifeMs / weather.leastMs
  const latencies = sumOf(server.seen.map(({ fate }) => fate.latencyMs))
  assert.isAtMost(server.seen.length, 2 * batches + flushes + lifeMs / 5000 + turns)
  // what a call wants soon waits for the request under way
  if (tier === "continuous") assert.isAtMost(latencies, lifeMs + 2 * batches * weather.mostMs + 20 * weather.mostMs)
}

// --- Goodput -----------------------------------------------------------------

/** Share of requests that go wrong. */
const lossIn = ({ busy, hang, resetAfter, resetBefore, silent }: Weather) =>
  busy + hang + resetAfter + resetBefore + silent

/** Where more goes wrong, it is right to hold back. */
const MAX_LOSS = 0.4

/** So much later ours may deliver, in ms: requests are repeated after up to 7 s, and a pause takes 3 s and more. */
const lagIn = (weather: Weather) => lossIn(weather) > 0.2 ? 30_000 : 15_000

const SHARE = 0.8

/** Ours delivers nearly what an ideal client would. */
export const checkGoodput = ({ batchKilobytes, lifeMs, recordBytes, seed, weather }: Life, report: Report) => {
  const { arrivals, looks, server } = report
  if (lossIn(weather) > MAX_LOSS) return
  const slack = 3 * mostOf(arrivals.map(({ bytes }) => bytes))
  const ideal = deliverIdeally(weather, seed + 1, arrivals, batchKilobytes * 1024, lifeMs)
  let delivered = 0
  let next = 0
  for (const { at, delivered: records } of looks) {
    if (at > lifeMs) break
    for (; next < ideal.length && ideal[next]!.at <= at - lagIn(weather); next++) delivered += ideal[next]!.bytes
    if (records * recordBytes + slack >= SHARE * delivered) continue
    const hanging = sumOf(
      server.seen.filter((seen) => seen.at < at - 1000 && seen.endedAt > at).map(({ bytes }) => bytes)
    )
    assert.isAtLeast(records * recordBytes + hanging + slack, SHARE * delivered, `delivered at ${at}`)
  }
}

// --- Outages -----------------------------------------------------------------

/** A check lasts so long, in ms, in which any answer says that the server is well. */
const CHECK_MS = 1000

/** No outage is said of a server that loses a request now and then. One that also says no may have said it twice. */
export const checkOutages = ({ weather }: Life, { outageSaidAt, server }: Report) => {
  if (weather.busy + weather.resetAfter + weather.resetBefore > 0) return
  for (const said of outageSaidAt) {
    const well = server.seen.filter(({ end, endedAt }) =>
      end === "answered" && endedAt <= said - LOOK_MS && endedAt > said - CHECK_MS
    )
    assert.strictEqual(well.length, 0, `outage said at ${said}`)
  }
}

// --- Recovery ----------------------------------------------------------------

/** As `CircuitBreaker` has them: the shortest and the longest pause, the share of an outage's age, and what chance adds. */
const pauseAfter = (outageMs: number) => Math.min(60_000, Math.max(3000, outageMs / 7)) * 1.2

/** From so many ms after an episode's begin at the latest requests are rare. */
const NOTICED_MS = 10_000

/** In an outage requests are rare, and after it what has waited is soon delivered. */
export const checkRecovery = (life: Life, { arrivals, looks, server }: Report) => {
  const { batchKilobytes, callMs, lifeMs, weather } = life
  const [episode] = weather.episodes
  if (episode === undefined || episode.to + 10_000 > lifeMs) return
  const { from, to } = episode
  const { mostMs } = weather
  const probes = server.seen.filter(({ at }) => at >= from + NOTICED_MS && at < to)
  assert.isAtMost(probes.length, (to - from) / (3000 * 0.8) + 8, "requests in an outage")
  // what is still written must not take longer than half of the server's time
  const bytesPerMs = sumOf(arrivals.map(({ bytes }) => bytes)) / lifeMs
  if (bytesPerMs > 2 * batchKilobytes * 1024 / weather.mostMs) return
  const before = looks.findLast(({ at }) => at <= to)
  if (before === undefined) return
  const recovered = looks.find(({ at, delivered }) => at > to && delivered >= before.received)
  assert.isDefined(recovered, "never recovered")
  const batches = Math.ceil(before.waitingBytes / (batchKilobytes * 1024))
  const suspectMs = Math.max(1000, 3 * mostMs)
  const atMost = pauseAfter(to - from) + 2 * suspectMs + mostMs * (batches / 4 + 8) + 2 * callMs + 2000
  assert.isAtMost(recovered!.at - to, atMost, "recovery took too long")
  const suspects = server.seen.filter(({ at, endedAt }) => at < to && endedAt >= to).length
  const requests = server.seen.filter(({ at }) => at >= to && at <= recovered!.at).length
  const calls = Math.ceil((recovered!.at - to) / Math.max(20, callMs))
  assert.isAtMost(requests, 1.05 * batches + suspects + 10 + Math.min(calls, 20), "requests for recovery")
}
