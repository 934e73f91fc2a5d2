/** What has to hold of the scheduler's deliveries in a life that is over. */
import { assert } from "@effect/vitest"
import type { Life, Report } from "./lives.ts"

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
