/** Delivers one batch: attempts in turn, each with what the one before has taught, until it is settled or has to wait. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Attempt from "./Attempt.ts"
import { type Batch, isWorthwhile, tried } from "./Batch.ts"
import type { Configuration } from "../config/Config.ts"
import type { Verdict } from "../openobserve/IngestResponse.ts"
import type { Outage } from "./Outage.ts"
import type { Patience } from "./Patience.ts"
import * as Remedy from "./RetryAction.ts"
import * as Settlement from "./Settlement.ts"
import type { Transport } from "../platform/Transport.ts"

/** What all deliveries of a sink have in common. */
export interface Context {
  readonly config: Configuration
  readonly transport: Transport["Service"]
  readonly books: Settlement.Books
  readonly outage: Outage
  readonly patience: Patience
}

/** An answer that does not settle the batch. */
export type Setback = Exclude<Verdict, { _tag: "Accepted" }>

/** Makes the deliveries of a sink. */
export const make = ({ books, config, outage, patience, transport }: Context) => {
  const { buffer, ledger } = books
  let takesGzip = true
  const { accept, giveUp, reject } = Settlement.make(books)
  let acceptances = 0
  let nextStamp = 0

  const noteRefusedCoding = Effect.suspend(() => {
    if (!takesGzip) return Effect.void
    takesGzip = false
    return Effect.logWarning("OpenObserve takes no compressed requests; sending without from now on", {
      remedy: "set O2_COMPRESSION to none, or find out what stands before OpenObserve"
    })
  })

  /** One attempt; `undefined` when it was given up without an answer. */
  const attempt = Effect.fnUntraced(function*(batch: Batch) {
    const noteUnanswered = (times: number) => {
      for (let count = 0; count < times; count++) ledger.possiblyDuplicatedUnsafe(batch.tally)
    }
    // what is given up before there is a connection has not been sent
    let begun = 0
    const outcome = yield* Effect.raceFirst(
      Attempt.once(config, transport, batch, takesGzip, () => begun = 1),
      patience.abandoned
    ).pipe(Effect.onInterrupt(() => Effect.sync(() => noteUnanswered(begun))))
    noteUnanswered(outcome?.unanswered ?? begun)
    if (outcome?.refusesCoding === true) yield* noteRefusedCoding
    return outcome
  })

  /** Replaces the first of `parts` by what comes of it; an interruption finds either the one or the other. */
  const settle = (parts: Array<Batch>, effect: Effect.Effect<void | ReadonlyArray<Batch>>) =>
    Effect.uninterruptible(Effect.map(effect, (rest) => parts.splice(0, 1, ...(rest ?? []))))

  // later than all that were given before
  const freshStamp: Remedy.FreshStamp = ({ tally }) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const stamp = Math.max(now * 1000, nextStamp)
      nextStamp = stamp + tally.records
      return stamp
    })

  /**
   * What reading the first of `parts` gives; `undefined` when it is not what a batch should be and has been given up:
   * kept, it would come first in every delivery, and end it.
   */
  const reading = <A>(parts: Array<Batch>, batch: Batch, effect: Effect.Effect<A>): Effect.Effect<A | undefined> =>
    Effect.catchDefect(effect, (defect) => Effect.as(settle(parts, giveUp(batch, defect)), undefined))

  /** Settles what it can of `parts` (removing it); the setback that stopped it, if any. */
  const deliver = Effect.fnUntraced(function*(parts: Array<Batch>): Effect.fn.Return<Setback | undefined> {
    const nextDelay = yield* Schedule.toStep(retryPolicy(config))
    /** Waits until it is time for another attempt; false when there is to be none in this delivery. */
    const pause = Effect.fnUntraced(function*(verdict: Setback) {
      // a probe is a single attempt
      if (verdict._tag === "Misconfigured" || outage.isFailing() && !patience.isLast()) return false
      outage.suspect()
      const asked = verdict._tag === "Retry" ? verdict.afterMs ?? 0 : 0
      if (asked > config.maxRetryDelayMs) return false
      const delay = yield* Effect.option(nextDelay(yield* Clock.currentTimeMillis, undefined))
      if (Option.isNone(delay)) return false
      return yield* patience.pause(Duration.max(delay.value[1], Duration.millis(asked)))
    })
    // attempts that came to nothing since the last batch was stored, by whomever
    let storedThen = acceptances
    let failures = 0
    for (let batch = parts[0]; batch !== undefined; batch = parts[0]) {
      const nowMicros = (yield* Clock.currentTimeMillis) * 1000
      if (Remedy.isNeeded(batch, nowMicros)) {
        const prepared = yield* reading(parts, batch, Remedy.prepare(batch, nowMicros, freshStamp))
        if (prepared !== undefined) yield* settle(parts, buffer.replace(batch, prepared))
        continue
      }
      const outcome = yield* attempt(batch)
      if (outcome === undefined) {
        if (!patience.isLast() && (yield* outage.isPaused)) return LOST
        // nobody said no: it is repeated at once, and that is no retry
        continue
      }
      failures = acceptances > storedThen ? 1 : failures + 1
      storedThen = acceptances
      const mayDivide = failures <= (outage.isFailing() ? MAX_PROBE_FAILURES : MAX_BLIND_FAILURES)
      const remedy = yield* reading(
        parts,
        batch,
        Remedy.find(batch, outcome, { freshStamp, stored: acceptances, mayDivide })
      )
      if (remedy === undefined) continue
      switch (remedy._tag) {
        case "Settle":
          acceptances++
          yield* settle(parts, accept(batch, remedy.verdict))
          yield* outage.succeeded
          break
        case "Replace":
          yield* settle(parts, buffer.replace(batch, remedy.batches))
          break
        case "Repeat":
          parts[0] = remedy.batch
          break
        case "Reject":
          yield* settle(parts, reject(batch, remedy))
          yield* outage.answered
          break
        case "Postpone":
        case "Wait": {
          const { batch, verdict } = remedy
          parts[0] = batch
          if (remedy._tag === "Postpone" && parts.some((part) => isWorthwhile(part, acceptances))) {
            parts.push(...parts.splice(0, 1))
            break
          }
          if (yield* pause(verdict)) break
          // others go first next time: what the server fails over may be in the batch, and must not hold up the rest
          if (verdict._tag === "Retry" && verdict.isFailure === true) parts[0] = tried(batch, acceptances)
          return verdict
        }
      }
    }
    return undefined
  })

  return {
    deliver,
    /** How many batches OpenObserve has stored. */
    acceptances: () => acceptances
  }
}

/**
 * Failed attempts after which a suspect batch is not divided further until something is stored: enough to come from the
 * largest batch to a single record. Divided to the end, a batch would be thousands of requests to a server in trouble.
 */
const MAX_BLIND_FAILURES = 24

/** The same for a probe, which is to be no burden: batches that are all suspect are still divided, little by little. */
const MAX_PROBE_FAILURES = 2

/** What a request comes to that was given up during an outage: its batch waits with the rest. */
const LOST: Setback = { _tag: "Retry", detail: "the answer was lost", afterMs: undefined, mayBeStored: true }

/** Exponential, ±20 % at random, capped, `O2_MAX_RETRIES` times. */
const retryPolicy = (config: Configuration) =>
  Schedule.exponential(Duration.millis(config.initialRetryDelayMs)).pipe(
    Schedule.jittered,
    Schedule.modifyDelay(({ duration }) =>
      Effect.succeed(Duration.min(duration, Duration.millis(config.maxRetryDelayMs)))
    ),
    Schedule.upTo({ times: config.maxRetries })
  )
