/** What is known of an outage of a destination: how long to leave it in peace, when to try again, what to tell whom. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Random from "effect/Random"
import * as Freeze from "../platform/Freeze.ts"
import { CircuitBreaker } from "./CircuitBreaker.ts"
import type { Destination } from "./Destination.ts"
import type { Setback } from "./Verdict.ts"

/** What an outage sets off. */
export interface Reactions {
  /** Tries whether the server is back, at the end of each pause. */
  readonly probe: Effect.Effect<void>
  /** The server has dealt with a batch again: what has grown meanwhile may leave. */
  readonly resume: Effect.Effect<void>
  /** The server is to be left in peace: nobody should wait for it. */
  readonly paused: Effect.Effect<void>
  /** Puts a text for people in the words of who has made the settings. */
  readonly phrase: (text: string) => string
}

/** How long after a batch was stored a server that fails is still taken for one that fails now and then, in ms. */
const WELL_FOR_MS = 2_000

/** Notes failures and successes of deliveries. */
export const make = Effect.fnUntraced(
  function*({ server, signal, url }: Destination, { paused, phrase, probe, resume }: Reactions) {
    const breaker = new CircuitBreaker()
    const timer = yield* FiberHandle.make<void>()
    // Since when, without the server having dealt with a batch since, attempts have failed.
    let doubtSince: number | undefined
    let storedAt = -Infinity
    // what the last attempt that failed has come to
    let lastFailure = { at: -Infinity, detail: "" }

    /** Whether an outage has been noticed a moment ago, so that nobody should wait. */
    const isPausedAt = (nowMillis: number) => breaker.isOpen(nowMillis)

    /** Whether something has been stored in the last so many ms. */
    const hasStoredWithin = (ms: number, nowMillis: number) => nowMillis - storedAt < ms

    /** Whether something has been stored a moment ago. */
    const isWellAt = (nowMillis: number) => hasStoredWithin(WELL_FOR_MS, nowMillis)

    /** For how many ms attempts have failed and nothing else has happened. */
    const hasFailedFor = (nowMillis: number) => doubtSince === undefined ? 0 : nowMillis - doubtSince

    /** What an attempt has come to since then, if one has failed. */
    const failureSince = (millis: number) => lastFailure.at >= millis ? lastFailure.detail : undefined

    /** An attempt has failed; true when it is the first since the server was well, which may fail now and then only. */
    const suspect = ({ detail }: Setback) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const isFirst = doubtSince === undefined
        doubtSince ??= now
        lastFailure = { at: now, detail }
        return isFirst && isWellAt(now)
      })

    const probeAfterPause = (nowMillis: number) =>
      FiberHandle.run(
        timer,
        Freeze.sleep(breaker.pauseLeft(nowMillis)).pipe(
          Effect.andThen(Effect.sync(() => breaker.endPause())),
          Effect.andThen(probe)
        )
      )

    /** Somebody waits for the end of the outage: false when that is no reason to ask the server sooner. */
    const hurry = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (!breaker.isOpen(now)) return Effect.succeed(true)
      return breaker.hurry() ? Effect.as(probeAfterPause(now), true) : Effect.succeed(false)
    })

    /** A delivery has failed for good. */
    const failed = Effect.fnUntraced(function*(setback: Setback) {
      const now = yield* Clock.currentTimeMillis
      // Requests that were in flight together fail together: one failure, not four that lengthen the pause each.
      if (breaker.isOpen(now)) return
      doubtSince ??= now
      const failure = {
        askedMs: setback._tag === "Retry" ? setback.afterMs : undefined,
        isSetting: setback._tag === "Misconfigured"
      }
      const isFirst = breaker.failed(now, yield* Random.next, failure)
      yield* probeAfterPause(now)
      yield* paused
      if (!isFirst) return
      yield* Effect.logWarning(`${server} takes no records; they wait in memory`, {
        signal,
        url: url.href,
        cause: phrase(setback.detail),
        ...(setback._tag === "Divide" || setback.remedy === undefined ? {} : { remedy: phrase(setback.remedy) })
      })
    })

    /** The server has dealt with a batch, though it did not store it. */
    const answered = Effect.suspend(() => {
      if (doubtSince === undefined) return Effect.void
      doubtSince = undefined
      return resume
    })

    /** The server has stored a batch. */
    const succeeded = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      storedAt = now
      const wasFailing = breaker.succeeded()
      return Effect.andThen(
        wasFailing
          ? Effect.andThen(FiberHandle.clear(timer), Effect.logInfo(`${server} takes records again`, { signal }))
          : Effect.void,
        answered
      )
    })

    return {
      isPausedAt,
      hasStoredWithin,
      isWellAt,
      hasFailedFor,
      isFailing: () => breaker.isFailing,
      isInDoubt: () => doubtSince !== undefined,
      failureSince,
      suspect,
      hurry,
      failed,
      answered,
      succeeded
    }
  }
)

/** What deliveries tell and ask of it. */
export type Outage = Effect.Success<ReturnType<typeof make>>
