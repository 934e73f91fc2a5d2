/**
 * Whether records are of a cold start: the rule of AWS's Powertools and of OpenTelemetry's SDKs. A sandbox that is kept
 * ready (provisioned concurrency) has none, nor has one that Lambda started ahead of its first call. Pure.
 */
import type { PlatformEvent } from "../telemetry/PlatformEvent.ts"

/** More than this between the end of the init and the first call, in µs, and Lambda did not start it for that call. */
const PROACTIVE_AFTER_MICROS = 10_000_000

/** Longest init on demand, in µs: where its end is not told, it has ended by then. */
const MAX_INIT_MICROS = 10_000_000

/** What decides: how Lambda starts this sandbox. */
export interface ColdStartOptions {
  /** Provisioned concurrency: ready before any call. */
  readonly isProvisioned?: boolean
  /** Restored for a call, however old its init is. */
  readonly isSnapStart?: boolean
  /** Calls run side by side: which of them are the first ones is no question there. */
  readonly isManagedInstance: boolean
}

/** Follows the stream of events, by their own times. */
export class ColdStart {
  private readonly options: ColdStartOptions
  private initEndedAt = NaN
  private calls = 0
  private isProactive = false
  private isRestored = false

  constructor(options: ColdStartOptions) {
    this.options = options
  }

  /** An event, and its time in µs since the epoch; NaN when that cannot be read. */
  follow(event: PlatformEvent, micros: number): void {
    switch (event._tag) {
      case "EnvironmentStart":
        if (event.isRestore) {
          this.isRestored = true
          this.calls = 0
        }
        this.initEndedAt = micros + MAX_INIT_MICROS
        break
      case "InitEnd":
        this.initEndedAt = micros
        break
      case "InvocationStart":
        this.calls++
        // a time that cannot be read says nothing
        if (this.calls === 1) this.isProactive = micros - this.initEndedAt > PROACTIVE_AFTER_MICROS
    }
  }

  /** Whether what stands here in the stream is of a cold start; `undefined` where that is no question. */
  get value(): boolean | undefined {
    const { isManagedInstance, isProvisioned = false, isSnapStart = false } = this.options
    if (isManagedInstance) return undefined
    return !isProvisioned && this.calls <= 1 && (isSnapStart || this.isRestored || !this.isProactive)
  }
}
