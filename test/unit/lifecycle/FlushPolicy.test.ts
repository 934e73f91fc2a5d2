import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FlushPolicy from "../../../src/lifecycle/FlushPolicy.ts"

const second = 1000
const minute = 60 * second

/** The tiers of calls at a steady distance, and the history after them. */
const calls = (
  options: {
    readonly count: number
    readonly every: number
    readonly lasting?: number
    readonly strategy?: FlushPolicy.Strategy
    readonly from?: FlushPolicy.History
    readonly at?: number
  }
) => {
  let now = options.at ?? 0
  let history = options.from ?? FlushPolicy.empty(now)
  const tiers: Array<FlushPolicy.Tier> = []
  for (let index = 0; index < options.count; index++) {
    history = FlushPolicy.begin(history, options.strategy ?? "adaptive", now)
    tiers.push(history.tier)
    history = FlushPolicy.end(history, options.lasting ?? 20)
    now += options.every
  }
  return { tiers, history, now }
}

describe("FlushPolicy", () => {
  describe("begin", () => {
    for (const strategy of ["end", "continuous", "periodic"] as const) {
      it.effect(`does as told: ${strategy}`, () =>
        Effect.sync(() => {
          const { tiers } = calls({ count: 100, every: second, lasting: 40 * second, strategy })
          assert.deepStrictEqual(new Set(tiers), new Set([strategy]))
        }))
    }

    const traffic: ReadonlyArray<readonly [what: string, every: number, lasting: number, tier: FlushPolicy.Tier]> = [
      ["rare calls", 10 * minute, 20, "end"],
      ["a call a minute", minute, 20, "end"],
      ["11 calls a minute", minute / 11, 20, "end"],
      ["12 calls a minute", minute / 12, 20, "continuous"],
      ["10 calls a second", second / 10, 20, "continuous"],
      ["calls of 31 s", 40 * second, 31 * second, "periodic"],
      ["frequent calls of 31 s", second, 31 * second, "periodic"],
      ["calls of 29 s", 30 * second, 29 * second, "end"]
    ]
    for (const [what, every, lasting, tier] of traffic) {
      it.effect(`settles on ${tier} for ${what}`, () =>
        Effect.sync(() => assert.strictEqual(calls({ count: 700, every, lasting }).tiers.at(-1), tier)))
    }

    it.effect("keeps to the end for the first 10 calls, however fast they come", () =>
      Effect.sync(() => {
        const { tiers } = calls({ count: 12, every: 4 * second })
        assert.deepStrictEqual(tiers.slice(0, 10), Array.from({ length: 10 }, () => "end"))
        assert.deepStrictEqual(tiers.slice(10), ["continuous", "continuous"])
      }))

    it.effect("judges no rate before 30 s", () =>
      Effect.sync(() => {
        const { tiers } = calls({ count: 400, every: second / 10 })
        assert.strictEqual(tiers.indexOf("continuous"), 300)
      }))

    it.effect("does not flap between 8 and 12 calls a minute", () =>
      Effect.sync(() => {
        const busy = calls({ count: 200, every: second })
        const slower = calls({ count: 200, every: minute / 10, from: busy.history, at: busy.now })
        assert.deepStrictEqual(new Set(slower.tiers), new Set(["continuous"]))
        const slow = calls({ count: 200, every: minute / 10 })
        assert.deepStrictEqual(new Set(slow.tiers), new Set(["end"]))
      }))

    it.effect("goes back to the end when the traffic calms down", () =>
      Effect.sync(() => {
        const busy = calls({ count: 400, every: second })
        assert.strictEqual(busy.tiers.at(-1), "continuous")
        const calm = calls({ count: 60, every: minute / 7, from: busy.history, at: busy.now })
        assert.strictEqual(calm.tiers.at(-1), "end")
        assert.strictEqual(
          calm.tiers.filter((tier, index) => tier !== (calm.tiers[index - 1] ?? "continuous")).length,
          1
        )
      }))

    it.effect("remembers a bounded number of calls", () =>
      Effect.sync(() => {
        const { history } = calls({ count: 10_000, every: 10 })
        assert.isAtMost(history.starts.length, 128)
        assert.isAtMost(history.durations.length, 16)
        assert.strictEqual(history.calls, 10_000)
      }))
  })

  describe("usualDuration", () => {
    it.effect("is unknown before the first call has ended", () =>
      Effect.sync(() => assert.isUndefined(FlushPolicy.usualDuration(FlushPolicy.empty(0)))))

    it.effect("is one that nearly every call reaches", () =>
      Effect.sync(() => {
        const history = [50, 10, 40, 30, 20, 60, 70, 80, 90, 100].reduce(FlushPolicy.end, FlushPolicy.empty(0))
        assert.strictEqual(FlushPolicy.usualDuration(history), 10)
      }))
  })
})
