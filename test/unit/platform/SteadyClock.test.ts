import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as SteadyClock from "../../../src/platform/SteadyClock.ts"

/** A machine whose two clocks a test moves. */
const makeMachine = () => {
  const machine = { wallMillis: 1_000_000, monotonicMillis: 50 }
  return Effect.map(Effect.clockWith(Effect.succeed), (clock) => {
    const fake: Clock.Clock = {
      currentTimeMillisUnsafe: () => machine.wallMillis,
      currentTimeMillis: Effect.sync(() => machine.wallMillis),
      currentTimeNanosUnsafe: () => BigInt(machine.wallMillis) * 1_000_000n,
      currentTimeNanos: Effect.sync(() => BigInt(machine.wallMillis) * 1_000_000n),
      monotonicTimeNanosUnsafe: () => BigInt(machine.monotonicMillis) * 1_000_000n,
      monotonicTimeNanos: Effect.sync(() => BigInt(machine.monotonicMillis) * 1_000_000n),
      sleep: (duration) => clock.sleep(duration)
    }
    return { machine, fake }
  })
}

const withMachine = (
  test: (machine: { wallMillis: number; monotonicMillis: number }) => Effect.Effect<void>
) =>
  Effect.flatMap(
    makeMachine(),
    ({ fake, machine }) => Effect.provideService(SteadyClock.provide(test(machine)), Clock.Clock, fake)
  )

describe("SteadyClock", () => {
  it.effect("shows the wall clock, and goes on with the monotonic one", () =>
    withMachine((machine) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* Clock.currentTimeMillis, 1_000_000)
        machine.monotonicMillis += 1234
        assert.strictEqual(yield* Clock.currentTimeMillis, 1_001_234)
        assert.strictEqual(yield* Clock.currentTimeNanos, 1_001_234_000_000n)
      })
    ))

  it.effect("takes no notice of a wall clock that is set back or forward, until it is synchronized", () =>
    withMachine((machine) =>
      Effect.gen(function*() {
        machine.wallMillis -= 3_600_000
        machine.monotonicMillis += 10
        assert.strictEqual(yield* Clock.currentTimeMillis, 1_000_010)
        machine.wallMillis += 7_200_000
        assert.strictEqual(yield* Clock.currentTimeMillis, 1_000_010)
        yield* SteadyClock.synchronize
        assert.strictEqual(yield* Clock.currentTimeMillis, 4_600_000)
      })
    ))

  it.effect("is not needed: without it there is nothing to synchronize", () => SteadyClock.synchronize)
})
