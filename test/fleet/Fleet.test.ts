/** A fleet and an OpenObserve that is away for ten minutes: nothing is lost, and its return is no second outage. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../../src/config/Config.ts"
import { settings } from "../support/fakes/sinkUnderTest.ts"
import { simulate } from "./fleet.ts"

/** A small fleet shows what goes wrong; the figures of `docs/reliability.md` are those of 10 000. */
const SMALL_FLEET = 60
const SANDBOXES = Number(process.env["FLEET_SANDBOXES"] ?? SMALL_FLEET)

/** Requests after the return, as a multiple of those before the outage. */
const GREATEST_PEAK = 3

/** From so many sandboxes on, what one second brings is no longer a matter of chance. */
const LARGE_FLEET = 10_000

const TIMEOUT_MS = 60_000 + 200 * SANDBOXES

describe("A fleet", () => {
  for (const host of ["lambda", "managed"] as const) {
    for (const absence of ["refuses", "hangs"] as const) {
      const scenario = { sandboxes: SANDBOXES, host, absence, seed: "fleet" }

      it.effect(
        `on ${host} with a server that ${absence} sends a moderate number of requests after its return`,
        () =>
          Effect.gen(function*() {
            const { maxBufferBytes } = yield* Effect.provide(ExtensionConfig, ExtensionConfig.layerEnv(settings))
            const figures = yield* simulate({ ...scenario, client: "extension" })
            const peak = SANDBOXES < LARGE_FLEET ? figures.peakMinute : figures.peakSecond
            assert.isAtMost(peak, GREATEST_PEAK, JSON.stringify(figures))
            assert.isAbove(figures.written, 0)
            assert.deepStrictEqual([figures.lost, figures.duplicated], [0, 0])
            assert.isAtMost(figures.mostHeldBytes, maxBufferBytes)
          }),
        TIMEOUT_MS
      )

      it.effect(
        `on ${host} with a server that ${absence} keeps to it with two signals, whose outages are noticed one by one`,
        () =>
          Effect.gen(function*() {
            const figures = yield* simulate({ ...scenario, client: "twoSignals" })
            assert.isAtMost(figures.peakMinute, GREATEST_PEAK, JSON.stringify(figures))
            assert.deepStrictEqual([figures.lost, figures.duplicated], [0, 0])
          }),
        TIMEOUT_MS
      )

      it.effect(
        `on ${host} with a server that ${absence} would storm it with plain exponential retry`,
        () =>
          Effect.gen(function*() {
            const figures = yield* simulate({ ...scenario, sandboxes: SMALL_FLEET, client: "plainRetry" })
            assert.isAbove(figures.peakMinute, GREATEST_PEAK, JSON.stringify(figures))
            assert.strictEqual(figures.lost, 0)
          }),
        TIMEOUT_MS
      )
    }
  }
})
