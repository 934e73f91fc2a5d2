/**
 * The scheduler of deliveries through whole lives of sandboxes, before servers that are slow, silent, overloaded or away at
 * random. A seed decides everything: the same one unless `FUZZ_SEED` names another, since one life in thousands is so
 * unlucky that it misses a bound of this statistical kind.
 *
 * **Goodput** is compared with an ideal client (`idealClient.ts`) before a server of the same moods, averaged over eight
 * lives. It has the four connections that ours has, and is never idle while something waits: what may leave leaves at once,
 * in batches up to the batch size. A request that is silent for as long as makes ours suspect is sent again without asking,
 * as often as it takes; after 503 and reset a batch waits as ours does, beside the connections or with one. At every moment
 * ours has delivered 80 % of what it has, from the start on and from each third of the life on, but for what the rules cost
 * (`goodputChecks.ts`, `goodput.ts`):
 *
 * - Ours may be late by two round trips, since what is new leaves when the request under way is answered; where answers
 *   fail to come, by the time until a request is suspect (1 s at least), twice, since an empty request is waited for as long
 *   again (three times from a third on, for what is under way there); where the server says no, by the longest delay between
 *   two attempts (4.8 s), and by all three in a row where more than three tenths of all requests go wrong (8.4 s).
 * - What is silent a second time is not repeated before its time-out (one duplicate per lost answer at most), nor what is
 *   silent and was reset before or the other way round: until then it counts as delivered.
 * - In an outage the ideal client rests as well; where no more than a fifth of all requests goes wrong, it does not, and
 *   ours may be late by one pause (3.6 s).
 *
 * So that this excuses nothing, what an outage may be is asserted by itself (`outageChecks.ts`): nothing was stored for
 * `O2_FLUSH_BUDGET_MS` and no empty request answered, or a flush has waited for that long in vain, or an attempt has failed
 * that was begun after what was stored last; the server is asked after each pause of a seventh of the outage's age (3 s at least, ±20 %); what is stored first ends it.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { runs } from "../../support/fuzzing.ts"
import { checkGoodput } from "../../support/goodputChecks.ts"
import { badWeather, episode, fairWeather, type Life, lifeIn, type Report } from "../../support/lives.ts"
import { checkOutages, checkRecovery } from "../../support/outageChecks.ts"
import { checkAlways, checkRequests } from "../../support/schedulerChecks.ts"
import { live } from "../../support/schedulerRun.ts"

const never = fc.constant(false)

/** A request that hangs until its time-out, which comes while an empty one asks whether the server is back. */
const timeOutDuringCheck: Life = {
  seed: 1629865802,
  weather: {
    hang: 0,
    silent: 0,
    resetBefore: 0,
    resetAfter: 0,
    busy: 0,
    episodes: [{ from: 15950, to: 42880, mode: "hangs" }],
    leastMs: 28,
    mostMs: 88
  },
  tier: "end",
  batchKilobytes: 256,
  acceptsPerSecond: 27,
  recordsPerAccept: 22,
  recordBytes: 392,
  callMs: 1631,
  gapMs: 715,
  isFrozen: false,
  lifeMs: 100_000
}

const checkLives = (
  life: fc.Arbitrary<Life>,
  usual: number,
  check: (life: Life, report: Report) => void = () => undefined,
  examples: Array<[Life]> = []
) =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(life, async (life) => {
        const report = await Effect.runPromise(live(life))
        checkAlways(life, report)
        checkGoodput(life, report)
        checkOutages(life, report)
        check(life, report)
      }),
      { numRuns: runs(usual), examples, seed: Number(process.env["FUZZ_SEED"] ?? 1) }
    )
  )

describe("OpenObserveSink", () => {
  it.effect("delivers most of what can be delivered, everything once, in time, whatever the server does", () =>
    checkLives(
      lifeIn(
        fc.tuple(badWeather, fc.array(episode, { maxLength: 2 })).map(([weather, episodes]) =>
          Object.assign({}, weather, { episodes })
        ),
        fc.boolean(),
        60_000
      ),
      12
    ))

  it.effect("sends a healthy server requests by time and bytes", () =>
    checkLives(lifeIn(fairWeather, never, 60_000), 6, checkRequests))

  it.effect("gets most of what can be got from a server that partly fails", () =>
    checkLives(lifeIn(badWeather, never, 90_000), 8))

  it.effect("leaves a server that is away in peace, and has caught up soon after its return", () =>
    checkLives(
      lifeIn(
        fc.tuple(fairWeather, episode).map(([weather, episode]) => Object.assign({}, weather, { episodes: [episode] })),
        never,
        100_000
      ),
      8,
      checkRecovery,
      [[timeOutDuringCheck]]
    ))
})
