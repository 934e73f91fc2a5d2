/** A host with several addresses, most of which never answer: each gets its turn, and everything arrives. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { silent } from "../support/peers.ts"
import { relay } from "../support/relay.ts"
import { runTraffic, TIMEOUT_MS } from "./traffic.ts"
import type { Traffic, TrafficOptions } from "./traffic.ts"
import { assertAllDelivered, assertClosed, figuresOf, outageWarnings, sampleAt, well } from "./trafficBooks.ts"
import { NAMED_HOST } from "./trafficEngine.ts"

const LATENCY_MS = 50

/** When the address falls silent that has worked so far. */
const FROM_MS = 3_000

/** Addresses of this machine that nobody else uses: each test has a network of its own. */
const addressesOf = (network: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${network}.${index + 1}`)

const trafficTo = (addresses: ReadonlyArray<string>, port: number, options: Partial<TrafficOptions>) =>
  Effect.promise(() =>
    runTraffic({
      environment: { O2_FLUSH_STRATEGY: "continuous", O2_ENDPOINT: `http://${NAMED_HOST}:${port}` },
      addresses,
      behave: well(LATENCY_MS),
      seconds: 8,
      callsPerSecond: 10,
      linesPerCall: 20,
      ...options
    })
  )

/** Nothing is stored twice but what the ledger says may be. */
const assertNoUnknownCopies = (traffic: Traffic): void =>
  assert.isAtMost(traffic.copies, traffic.ledger["possiblyDuplicated"], figuresOf(traffic))

describe.concurrent("traffic to a host with several addresses", { timeout: TIMEOUT_MS }, () => {
  it.live("the first six never answer: every line is delivered through the seventh", () =>
    Effect.gen(function*() {
      const dead = addressesOf("127.0.4", 6)
      const live = "127.0.4.7"
      const { port } = yield* silent(dead)
      const traffic = yield* trafficTo([...dead, live], port, { listensAt: { host: live, port } })
      assertAllDelivered(traffic)
      assertNoUnknownCopies(traffic)
    }))

  it.live("the one of seven that has worked falls silent, and the first one has woken up: every line is delivered", () =>
    Effect.gen(function*() {
      const dead = addressesOf("127.0.5", 5)
      const [before, after] = ["127.0.5.6", "127.0.5.7"]
      const { port } = yield* silent(dead)
      const server = { host: "127.0.5.8", port }
      const one = yield* relay({ host: before, port }, server)
      const other = yield* relay({ host: after, port }, server)
      yield* other.silence
      const change = yield* Deferred.make<void>()
      yield* Effect.forkChild(Effect.all([Deferred.await(change), one.silence, other.wake]))
      let changedMs: number | undefined
      const traffic = yield* trafficTo([after, ...dead, before], port, {
        listensAt: server,
        // the answer to this request is lost
        behave: (asked) => {
          if (asked.atMs >= FROM_MS) {
            changedMs ??= asked.atMs
            Deferred.doneUnsafe(change, Effect.void)
          }
          return well(LATENCY_MS)(asked)
        },
        seconds: 12
      })
      const figures = figuresOf(traffic)
      assert.isDefined(changedMs, figures)
      assert.isAbove(sampleAt(traffic, changedMs).stored, 0, figures)
      assertAllDelivered(traffic)
      assertNoUnknownCopies(traffic)
    }))

  it.live("none ever answers: the warning says how many were tried, and every record is on the disk", () =>
    Effect.gen(function*() {
      const dead = addressesOf("127.0.6", 4)
      const { port } = yield* silent(dead)
      const traffic = yield* trafficTo(dead, port, {})
      const figures = figuresOf(traffic)
      assertClosed(traffic)
      const causes = outageWarnings(traffic).map(({ line }) => line["cause"])
      assert.strictEqual(causes.length, 1, figures)
      // an attempt on a busy machine may get to fewer than it has time for
      const tried =
        /^no connection was made in time to openobserve\.localhost:\d+ \(ETIMEDOUT; ([123] of )?4 addresses tried\)$/
      assert.match(String(causes[0]), tried)
      const { received } = traffic.ledger
      assert.deepInclude(traffic.ledger, { delivered: 0, dropped: {}, spilled: received }, figures)
      // what was never connected was never sent
      assert.strictEqual(traffic.ledger["possiblyDuplicated"], 0, figures)
      assert.deepStrictEqual(traffic.requests, [], figures)
    }))
})
