/** Keeps an OpenObserve that takes nothing from costing the function its time: pauses after a failed delivery. Pure. */

/** First pause after a delivery that failed with all its retries. */
const FIRST_PAUSE_MS = 5_000

/** Each further failure doubles the pause up to here; `Retry-After` cannot ask for more than ten times as much. */
const MAX_PAUSE_MS = 60_000

/** Share by which chance lengthens or shortens a pause, so that sandboxes that failed together do not return together. */
const JITTER = 0.2

/** Closed (deliver freely) or open (do not, until the pause is over; then one delivery is the probe). */
export class CircuitBreaker {
  private pauseMs = 0
  private openUntil = -Infinity

  isOpen(nowMillis: number): boolean {
    return nowMillis < this.openUntil
  }

  /** Milliseconds until the pause is over. */
  pauseLeft(nowMillis: number): number {
    return Math.max(0, this.openUntil - nowMillis)
  }

  /** Whether the last delivery failed: until one succeeds, one at a time is enough. */
  get isFailing(): boolean {
    return this.pauseMs > 0
  }

  /** A delivery has succeeded. Answers whether that ends an outage. */
  succeeded(): boolean {
    const wasFailing = this.isFailing
    this.pauseMs = 0
    this.openUntil = -Infinity
    return wasFailing
  }

  /**
   * A delivery has failed for good; the server asked for `askedMs` of peace, which it gets in full. `chance` is a random
   * number from 0 to 1. Answers whether that begins an outage.
   */
  failed(nowMillis: number, chance: number, askedMs = 0): boolean {
    const wasFailing = this.isFailing
    this.pauseMs = Math.min(Math.max(this.pauseMs * 2, FIRST_PAUSE_MS), MAX_PAUSE_MS)
    const pause = this.pauseMs * (1 - JITTER + 2 * JITTER * chance)
    const asked = Math.min(askedMs, MAX_PAUSE_MS * 10) * (1 + JITTER * chance)
    this.openUntil = nowMillis + Math.round(Math.max(pause, asked))
    return !wasFailing
  }
}
