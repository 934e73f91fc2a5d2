/** A warning that is given once a minute at most, however often there is reason for it: thousands would say no more. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const INTERVAL_MS = 60_000

/** One kind of warning and the records that it is about. */
export class Complaint {
  private readonly message: string
  private pending = 0
  private lastAt = -Infinity

  constructor(message: string) {
    this.message = message
  }

  /** There is reason for it, for so many more records. */
  note(records: number): void {
    this.pending += records
  }

  /** Gives the warning if there is reason and the last one is long enough ago. */
  readonly voice = (fields: Readonly<Record<string, unknown>>): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (this.pending === 0 || now - this.lastAt < INTERVAL_MS) return Effect.void
      const records = this.pending
      this.pending = 0
      this.lastAt = now
      return Effect.logWarning(this.message, { records, ...fields })
    })
}
