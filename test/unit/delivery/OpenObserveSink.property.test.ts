/**
 * The scheduler of deliveries through whole lives of sandboxes, before servers that are slow, silent, overloaded or away at
 * random. A seed decides everything; `FUZZ_SEED` repeats a run.
 *
 * **Goodput** is compared with an ideal client (`idealClient.ts`) before a server of the same moods. It has the four
 * connections that ours has, and is never idle while something waits: what has arrived leaves at once, in batches up to the
 * batch size. A request that is silent for as long as makes ours suspect is given up and sent again without asking; after
 * 503 a batch waits as ours does, beside the connections for up to four batches; a reset is repeated at once. It knows no
 * outage and no pause. Ours delivers 80 % of what
 * it does, but later by 15 s, or by 30 s where more than a fifth of all requests go wrong; where more than two fifths do it
 * holds back, and is not compared. What hangs counts as delivered while it does.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { runs } from "../../support/fuzzing.ts"
import { badWeather, episode, fairWeather, type Life, lifeIn, type Report } from "../../support/lives.ts"
import { checkAlways, checkGoodput, checkOutages, checkRecovery, checkRequests } from "../../support/schedulerChecks.ts"
import { live } from "../../support/schedulerRun.ts"

const never = fc.constant(false)

const checkLives = (
  life: fc.Arbitrary<Life>,
  usual: number,
  check: (life: Life, report: Report) => void = () => undefined
) =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(life, async (life) => {
        const report = await Effect.runPromise(live(life))
        checkAlways(life, report)
        check(life, report)
      }),
      { numRuns: runs(usual) }
    )
  )

describe("OpenObserveSink", () => {
  it.effect("delivers everything once, and keeps its times, whatever the server does", () =>
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
    checkLives(lifeIn(fairWeather, never, 60_000), 6, (life, report) => {
      checkRequests(life, report)
      checkGoodput(life, report)
      checkOutages(life, report)
    }))

  it.effect("gets most of what can be got from a server that partly fails", () =>
    checkLives(lifeIn(badWeather, never, 90_000), 8, (life, report) => {
      checkGoodput(life, report)
      checkOutages(life, report)
    }))

  it.effect("leaves a server that is away in peace, and has caught up soon after its return", () =>
    checkLives(
      lifeIn(
        fc.tuple(fairWeather, episode).map(([weather, episode]) => Object.assign({}, weather, { episodes: [episode] })),
        never,
        100_000
      ),
      8,
      checkRecovery
    ))
})
