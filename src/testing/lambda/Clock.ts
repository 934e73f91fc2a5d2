/** Time as the emulated platform tells it: epoch milliseconds with a fraction. */
import { setTimeout as sleepFor } from "node:timers/promises"

/** The current time in epoch milliseconds, with the resolution of the monotonic clock. */
export const now = (): number => performance.timeOrigin + performance.now()

/** The `time` member of an event: ISO 8601 in UTC with milliseconds. */
export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString()

/** A duration as the platform prints it: milliseconds with at most three decimals. */
export const roundedMs = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000

/** Waits; a negative time counts as zero. It keeps no process alive: the listening server does. */
export const sleep = (milliseconds: number): Promise<void> =>
  sleepFor(Math.max(0, milliseconds), undefined, { ref: false })
