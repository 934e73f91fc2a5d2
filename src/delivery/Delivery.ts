/** Delivers one batch: attempts in turn, each with what the one before has taught, until it is settled or has to wait. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { Configuration } from "../config/Config.ts"
import type { Transport } from "../platform/Transport.ts"
import type { Abandonment } from "./Abandonment.ts"
import * as Attempt from "./Attempt.ts"
import { type Batch, divide, exhausted, isWorthSending } from "./Batch.ts"
import type { Destination } from "./Destination.ts"
import type { FlushDeadline } from "./FlushDeadline.ts"
import type { Outage } from "./Outage.ts"
import * as RetryAction from "./RetryAction.ts"
import * as Settlement from "./Settlement.ts"
import type { Setback } from "./Verdict.ts"
import type { WorkList } from "./WorkList.ts"

/** What the deliveries of a sink have in common. */
export interface Context {
  readonly config: Configuration
  readonly transport: Transport["Service"]
  readonly books: Settlement.Books
  readonly deadline: FlushDeadline
  readonly abandonment: Abandonment
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

/** Makes the deliveries to one destination. */
export const make = (context: Context, destination: Destination, outage: Outage) => {
  const { abandonment, books: { buffer, ledger }, config, deadline, transport } = context
  const requests = { transport, requestTimeoutMs: config.requestTimeoutMs }
  const { accept, giveUp, reject } = Settlement.make(context.books, destination)
  let takesGzip = true
  let stored = 0

  const noteRefusedCoding = Effect.suspend(() => {
    if (!takesGzip) return Effect.void
    takesGzip = false
    return Effect.logWarning(`${destination.server} takes no compressed requests; sending without from now on`, {
      remedy: `set O2_COMPRESSION to none, or find out what stands before ${destination.server}`
    })
  })

  /** One attempt; `undefined` when it was given up without an answer. */
  const attempt = Effect.fnUntraced(function*(batch: Batch) {
    const noteUnanswered = (times: number) => {
      for (let count = 0; count < times; count++) ledger.possiblyDuplicatedUnsafe(destination.signal, batch.tally)
    }
    // what is given up before there is a connection has not been sent
    let begun = 0
    const outcome = yield* Effect.raceFirst(
      Attempt.send(requests, batch, { takesGzip, onConnected: () => begun = 1 }),
      abandonment.abandoned
    ).pipe(Effect.onInterrupt(() => Effect.sync(() => noteUnanswered(begun))))
    noteUnanswered(outcome?.unanswered ?? begun)
    if (outcome?.refusesCoding === true) yield* noteRefusedCoding
    return outcome
  })

  /** Replaces the head of `work` by what comes of it; an interruption finds either the one or the other. */
  const settle = (work: WorkList, effect: Effect.Effect<void | ReadonlyArray<Batch>>) =>
    Effect.uninterruptible(Effect.map(effect, (rest) => work.replaceHead(...(rest ?? []))))

  /**
   * What reading the head of `work` gives; `undefined` when it is not what a batch should be and has been given up: kept,
   * it would come first in every delivery, and end it.
   */
  const reading = <A>(work: WorkList, batch: Batch, effect: Effect.Effect<A>): Effect.Effect<A | undefined> =>
    Effect.catchDefect(effect, (defect) => Effect.as(settle(work, giveUp(batch, defect)), undefined))

  /** Settles what it can of `work`; the setback that stopped it, if any. */
  const deliver = Effect.fnUntraced(function*(work: WorkList): Effect.fn.Return<Setback | undefined> {
    const nextDelay = yield* Schedule.toStep(retryPolicy(config))
    /** Waits until it is time for another attempt; false when there is to be none in this delivery. */
    const pause = Effect.fnUntraced(function*(setback: Setback) {
      // a probe is a single attempt
      if (setback._tag === "Misconfigured" || outage.isFailing() && !deadline.isLast()) return false
      outage.suspect()
      const asked = setback._tag === "Retry" ? setback.afterMs ?? 0 : 0
      if (asked > config.maxRetryDelayMs) return false
      const delay = yield* Effect.option(nextDelay(yield* Clock.currentTimeMillis, undefined))
      if (Option.isNone(delay)) return false
      return yield* deadline.pause(Duration.max(delay.value[1], Duration.millis(asked)))
    })
    // attempts that came to nothing since the last batch was stored, by whomever
    let storedThen = stored
    let failures = 0
    for (let batch = work.head; batch !== undefined; batch = work.head) {
      const now = yield* Clock.currentTimeMillis
      const preparing = destination.prepare(batch, now)
      if (preparing !== undefined) {
        const whole = batch
        const prepared = yield* reading(work, batch, Effect.map(preparing, (parts) => divide(whole, parts)))
        if (prepared !== undefined) yield* settle(work, buffer.replace(batch, prepared))
        continue
      }
      const outcome = yield* attempt(batch)
      if (outcome === undefined) {
        if (!deadline.isLast() && outage.isPausedAt(yield* Clock.currentTimeMillis)) return LOST
        // nobody said no: it is repeated at once, and that is no retry
        continue
      }
      failures = stored > storedThen ? 1 : failures + 1
      storedThen = stored
      const mayDivide = failures <= (outage.isFailing() ? MAX_PROBE_FAILURES : MAX_BLIND_FAILURES)
      const action = yield* reading(work, batch, RetryAction.choose(batch, outcome, { stored, mayDivide }))
      if (action === undefined) continue
      switch (action._tag) {
        case "Settle":
          stored++
          yield* settle(work, accept(batch, action.verdict))
          yield* outage.succeeded
          break
        case "Replace":
          yield* settle(work, buffer.replace(batch, action.batches))
          break
        case "RetryNow":
          work.replaceHead(action.batch)
          break
        case "Reject":
          yield* settle(work, reject(batch, action))
          yield* outage.answered
          break
        case "RetryAfterOthers":
        case "RetryLater": {
          const { batch, verdict } = action
          work.replaceHead(batch)
          if (action._tag === "RetryAfterOthers" && work.some((part) => isWorthSending(part, stored))) {
            work.moveHeadToEnd()
            break
          }
          if (yield* pause(verdict)) break
          // others go first next time: what the server fails over may be in the batch, and must not hold up the rest
          if (verdict._tag === "Retry" && verdict.isFailure === true) work.replaceHead(exhausted(batch, stored))
          return verdict
        }
      }
    }
    return undefined
  })

  return {
    deliver,
    /** How many batches the server has stored. */
    storedBatches: () => stored
  }
}

/** Exponential, ±20 % at random, capped, `O2_MAX_RETRIES` times. */
const retryPolicy = (config: Configuration) =>
  Schedule.exponential(Duration.millis(config.initialRetryDelayMs)).pipe(
    Schedule.jittered,
    Schedule.modifyDelay(({ duration }) =>
      Effect.succeed(Duration.min(duration, Duration.millis(config.maxRetryDelayMs)))
    ),
    Schedule.upTo({ times: config.maxRetries })
  )
