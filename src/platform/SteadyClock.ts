/**
 * A clock whose time only goes forward, at the pace of the machine: the wall clock of a sandbox may be set while something
 * is waited for, and a wait that is measured by it then never ends, or ends at once.
 *
 * It shows the wall clock's time as of the last `synchronize`, and what has passed since by the monotonic clock. Lambda's
 * deadlines are moments of the wall clock, so it is synchronized with each event that brings one.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const NANOS_PER_MILLI = 1_000_000

class SteadyClock implements Clock.Clock {
  private readonly system: Clock.Clock
  private wallMillis = 0
  private monotonicNanos = 0n

  constructor(system: Clock.Clock) {
    this.system = system
    this.synchronizeUnsafe()
  }

  synchronizeUnsafe(): void {
    this.wallMillis = this.system.currentTimeMillisUnsafe()
    this.monotonicNanos = this.system.monotonicTimeNanosUnsafe()
  }

  currentTimeMillisUnsafe(): number {
    return this.wallMillis + Math.floor(Number(this.monotonicTimeNanosUnsafe() - this.monotonicNanos) / NANOS_PER_MILLI)
  }

  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.wallMillis) * BigInt(NANOS_PER_MILLI) + this.monotonicTimeNanosUnsafe() - this.monotonicNanos
  }

  monotonicTimeNanosUnsafe(): bigint {
    return this.system.monotonicTimeNanosUnsafe()
  }

  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Parameters<Clock.Clock["sleep"]>[0]): Effect.Effect<void> {
    return this.system.sleep(duration)
  }
}

/** Runs a program by such a clock. */
export const provide = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((system) => Effect.provideService(program, Clock.Clock, new SteadyClock(system)))

/** Takes over what the wall clock shows; without effect where the program runs by another clock. */
export const synchronize: Effect.Effect<void> = Effect.clockWith((clock) =>
  Effect.sync(() => {
    if (clock instanceof SteadyClock) clock.synchronizeUnsafe()
  })
)
