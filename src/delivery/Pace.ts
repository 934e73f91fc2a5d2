/** How fast a server answers: from when on a request without an answer is suspect, and when others have overtaken it. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/** No request is suspect before this, in ms: a busy network and a collected garbage take as long now and then. */
const MIN_SUSPECT_MS = 1_000

/** A request is suspect when it has taken so many times as long as the slowest of the last answers. */
const SUSPECT_FACTOR = 3

/** But not when it has taken so many ms longer: one answer of 10 s is no reason to wait half a minute for the next. */
const MAX_PATIENCE_MS = 5_000

/** Answers that count: enough to see the slow ones, few enough to follow a server that has become faster. */
const SAMPLES = 16

/** How long one answer took. */
interface Sample {
  readonly startedAt: number
  readonly endedAt: number
}

/** One for each destination. */
export const make = () => {
  let samples: ReadonlyArray<Sample> = []
  // an answer has come to a request that was begun at this moment
  let provenAt = -Infinity
  // answers to what was begun before this moment took as long as the freeze
  let thawedAt = -Infinity
  const proven = Latch.makeUnsafe(false)

  const usualMs = () => samples.length === 0 ? undefined : Math.max(...samples.map((s) => s.endedAt - s.startedAt))

  const overtaken = (startedAt: number): Effect.Effect<void> =>
    Effect.suspend(() => provenAt > startedAt ? Effect.void : Effect.andThen(proven.await, overtaken(startedAt)))

  return {
    /** The slowest of the last answers in ms; `undefined` before the first. */
    usualMs,

    /** Age in ms from which a request without an answer is suspect. */
    suspectAfterMs: (): number => {
      const usual = usualMs() ?? 0
      return Math.max(MIN_SUSPECT_MS, Math.min(usual * SUSPECT_FACTOR, usual + MAX_PATIENCE_MS))
    },

    /** Completes with the next answer, whenever its request was begun. */
    nextAnswer: proven.await,

    /** The server has taken what a request brought, or would have: it was begun at `startedAt` (epoch ms). */
    answered: (startedAt: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (endedAt) => {
        if (startedAt >= thawedAt && endedAt >= startedAt) {
          samples = [...samples, { startedAt, endedAt }].slice(-SAMPLES)
        }
        provenAt = Math.max(provenAt, startedAt)
        return Effect.asVoid(proven.release)
      }),

    /** The sandbox may have been frozen from `since` (epoch ms) until now. */
    thawed: (since: number) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        thawedAt = now
        samples = samples.filter(({ endedAt }) => endedAt <= since)
      }),

    /** Whether an answer has come to a request that was begun after `startedAt` (epoch ms). */
    isProvenSince: (startedAt: number): boolean => provenAt > startedAt,

    /** Completes when that is so: the server is well. */
    overtaken
  }
}

/** What deliveries tell and ask of it. */
export type Pace = ReturnType<typeof make>
