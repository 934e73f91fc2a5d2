/**
 * What a freeze does to time: Lambda stops the whole sandbox between calls, so timers fire late, and on thaw before what
 * has arrived meanwhile is read.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** Time that may have been spent frozen, in ms: standing still for less harms neither connections nor timers. */
export const MIN_FREEZE_MS = 1000

/** How late a timer is at least that something has held up, in ms: others are late by a few. */
const LATE_MS = 50

/** Time for reading what has arrived during a freeze, in ms: on thaw due timers may run before that. */
export const THAW_GRACE_MS = 200

/**
 * Grace for timers over answers, in ms: a time-out that a freeze has made late says nothing about the server, and whoever
 * notices the thaw, which gives the answer `THAW_GRACE_MS`, acts before this is over.
 */
export const LATE_GRACE_MS = 2 * THAW_GRACE_MS

/** Sleeps; when a freeze has made it late, for a moment longer, so that what has arrived meanwhile is seen first. */
export const sleep = Effect.fnUntraced(function*(millis: number, graceMs = THAW_GRACE_MS) {
  const due = (yield* Clock.currentTimeMillis) + millis
  yield* Effect.sleep(Duration.millis(millis))
  if ((yield* Clock.currentTimeMillis) - due >= LATE_MS) yield* Effect.sleep(Duration.millis(graceMs))
})
