/** Keeps a server that takes nothing from costing the function its time: pauses after a failed delivery. Pure. */

/** The shortest pause, in ms: an outage of a few seconds is over soon, and a fleet that asks more often is a burden. */
const MIN_PAUSE_MS = 3_000

/** What a wrong setting waits for at least, in ms: nobody mends it sooner, and a server may lock out who asks too often. */
const MIN_SETTING_PAUSE_MS = 5_000

/** The longest pause, in ms; `Retry-After` cannot ask for more than ten times as much. */
const MAX_PAUSE_MS = 60_000

/**
 * A pause lasts this share of the outage so far: what was missed while the server was away is delivered soon after its
 * return, in proportion, and a long outage is probed rarely.
 */
const OUTAGE_SHARE = 1 / 7

/** Share by which chance lengthens or shortens a pause, so that sandboxes that failed together do not return together. */
const JITTER = 0.2

/** What is known of a failure. */
export interface Failure {
  /** What the server asked for, in ms: it gets that in full. */
  readonly askedMs?: number | undefined
  /** Nothing will change until somebody changes a setting: the pauses double (5, 10, 20, … s). */
  readonly isSetting?: boolean
}

/** Closed (deliver freely) or open (do not, until the pause is over; then one delivery is the probe). */
export class CircuitBreaker {
  private failingSince: number | undefined
  private openUntil = -Infinity
  private failedAt = -Infinity
  /** How long the pause is depends on nobody but us. */
  private isOurs = true

  isOpen(nowMillis: number): boolean {
    return nowMillis < this.openUntil
  }

  /** Milliseconds until the pause is over. */
  pauseLeft(nowMillis: number): number {
    return Math.max(0, this.openUntil - nowMillis)
  }

  /** Whether the last delivery failed: until one succeeds, one at a time is enough. */
  get isFailing(): boolean {
    return this.failingSince !== undefined
  }

  /** The pause is over, whatever the clock says: a timer may come a moment early, and a clock be set back. */
  endPause(): void {
    this.openUntil = -Infinity
  }

  /**
   * Somebody waits: the pause is no longer than at the beginning of an outage, unless the server has asked for it or a
   * setting is wrong. Answers whether that is so.
   */
  hurry(): boolean {
    if (this.isOurs) this.openUntil = Math.min(this.openUntil, this.failedAt + MIN_PAUSE_MS)
    return this.isOurs
  }

  /** A delivery has succeeded. Answers whether that ends an outage. */
  succeeded(): boolean {
    const wasFailing = this.isFailing
    this.failingSince = undefined
    this.openUntil = -Infinity
    return wasFailing
  }

  /** A delivery has failed for good. `chance` is a random number from 0 to 1. Answers whether that begins an outage. */
  failed(nowMillis: number, chance: number, { askedMs = 0, isSetting = false }: Failure = {}): boolean {
    const wasFailing = this.isFailing
    const age = nowMillis - (this.failingSince ??= nowMillis)
    const wanted = isSetting ? age + MIN_SETTING_PAUSE_MS : Math.max(age * OUTAGE_SHARE, MIN_PAUSE_MS)
    const pause = Math.min(wanted, MAX_PAUSE_MS) * (1 - JITTER + 2 * JITTER * chance)
    const asked = Math.min(askedMs, MAX_PAUSE_MS * 10) * (1 + JITTER * chance)
    this.failedAt = nowMillis
    this.isOurs = !isSetting && askedMs === 0
    this.openUntil = nowMillis + Math.round(Math.max(pause, asked))
    return !wasFailing
  }
}
