/** A warning that is given once a minute at most, however often there is reason for it: thousands would say no more. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const INTERVAL_MS = 60_000

/** One kind of warning and how much there was to warn of. */
export class RateLimitedWarning {
  private readonly message: string
  private pending = 0
  private lastAt = -Infinity

  constructor(message: string) {
    this.message = message
  }

  /** There is reason for it, so many times more. */
  count(times: number): void {
    this.pending += times
  }

  /** Gives the warning if there is reason and the last one is long enough ago. */
  readonly emit = (fields: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (this.pending === 0 || now - this.lastAt < INTERVAL_MS) return Effect.void
      const count = this.pending
      this.pending = 0
      this.lastAt = now
      return Effect.logWarning(this.message, { count, ...fields })
    })
}
