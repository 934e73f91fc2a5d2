/** Delivers one batch: attempts in turn, each with what the one before has taught, until it is settled or has to wait. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { Configuration } from "../config/Config.ts"
import * as Freeze from "../platform/Freeze.ts"
import type { Transport } from "../platform/Transport.ts"
import type { Abandonment } from "./Abandonment.ts"
import * as Attempt from "./Attempt.ts"
import { type Batch, divide, exhausted, isWorthSending, UnreadableBatch } from "./Batch.ts"
import type { Destination } from "./Destination.ts"
import type { FlushDeadline } from "./FlushDeadline.ts"
import type { Outage } from "./Outage.ts"
import type { Pace } from "./Pace.ts"
import * as RetryAction from "./RetryAction.ts"
import * as Settlement from "./Settlement.ts"
import type { Slot } from "./Slots.ts"
import type { Setback } from "./Verdict.ts"
import type { WorkList } from "./WorkList.ts"

/** What the deliveries of a sink have in common. */
export interface Context {
  readonly config: Configuration
  /** Puts texts for people in the words of who has made the settings. */
  readonly phrase: (text: string) => string
  readonly transport: Transport["Service"]
  readonly books: Settlement.Books
  readonly deadline: FlushDeadline
  readonly abandonment: Abandonment
}

/** What the deliveries to one destination have in common. */
export interface Server {
  readonly destination: Destination
  readonly outage: Outage
  readonly pace: Pace
  /** The request that was begun at this moment (epoch ms) has become suspect, and its slot is free. */
  readonly suspected: (startedAt: number) => Effect.Effect<void>
  /** Delivers what has come back to the buffer, too. */
  readonly startWorkers: Effect.Effect<void>
}

/**
 * Failed attempts after which a suspect batch is not divided further until something is stored: enough to come from the
 * largest batch to a single record. Divided to the end, a batch would be thousands of requests to a server in trouble.
 */
const MAX_BLIND_FAILURES = 24

/** The same for a probe, which is to be no burden: batches that are all suspect are still divided, little by little. */
const MAX_PROBE_FAILURES = 2

/** Thaws that a batch's answers may be lost to, with nothing stored meanwhile, before the server is asked how it is. */
const MAX_LOST_ANSWERS = 2

/** What requests come to that were given up without an answer: their batch waits with the rest. */
export const LOST: Setback = { _tag: "Retry", detail: "the answer was lost", afterMs: undefined, mayBeStored: true }

/** Makes the deliveries to one destination. */
export const make = (context: Context, { destination, outage, pace, startWorkers, suspected }: Server) => {
  const { abandonment, books: { buffer, ledger }, config, deadline, phrase, transport } = context
  const requests = { transport, requestTimeoutMs: config.requestTimeoutMs }
  const { accept, giveUp, note, reject } = Settlement.make(context.books, destination)
  const startDelays = Schedule.toStep(retryPolicy(config))
  let takesGzip = true
  let stored = 0

  const noteRefusedCoding = Effect.suspend(() => {
    if (!takesGzip) return Effect.void
    takesGzip = false
    return Effect.logWarning(`${destination.server} takes no compressed requests; sending without from now on`, {
      remedy: phrase(`set O2_COMPRESSION to none, or find out what stands before ${destination.server}`)
    })
  })

  /** One attempt; instead of an outcome, why it was given up without an answer. */
  const attempt = Effect.fnUntraced(function*(batch: Batch, slot: Slot, mayRepeat: boolean) {
    const startedAt = yield* Clock.currentTimeMillis
    const noteUnanswered = (times: number) => {
      for (let count = 0; count < times; count++) ledger.possiblyDuplicatedUnsafe(destination.signal, batch.tally)
    }
    // what is given up before there is a connection has not been sent
    let begun = 0
    const send = Attempt.send(requests, batch, { takesGzip, onConnected: () => begun = 1 }).pipe(
      Effect.tap(({ verdict }) => verdict._tag === "Accepted" ? pace.answered(startedAt) : Effect.void)
    )
    // Others go round what is much older than usual; when they prove that the server is well, it is sent once more.
    const overtaken = Freeze.sleep(pace.suspectAfterMs(), Freeze.LATE_GRACE_MS).pipe(
      Effect.andThen(slot.leave(startedAt)),
      Effect.andThen(suspected(startedAt)),
      Effect.andThen(mayRepeat ? pace.overtaken(startedAt) : Effect.never),
      Effect.as("overtaken" as const),
      Effect.ensuring(slot.enter)
    )
    const outcome = yield* Effect.raceAllFirst([send, Effect.as(abandonment.abandoned, "lost" as const), overtaken])
      .pipe(
        Effect.onInterrupt(() => Effect.sync(() => noteUnanswered(begun)))
      )
    noteUnanswered(typeof outcome === "string" ? begun : outcome.unanswered)
    if (typeof outcome !== "string" && outcome.refusesCoding) yield* noteRefusedCoding
    return outcome
  })

  /** Replaces the head of `work` by what comes of it; an interruption finds either the one or the other. */
  const settle = (work: WorkList, effect: Effect.Effect<void | ReadonlyArray<Batch>>) =>
    Effect.uninterruptible(Effect.map(effect, (rest) => work.replaceHead(...(rest ?? []))))

  /**
   * What reading the head of `work` gives; `undefined` when it is not what a batch should be, as `isToBlame` finds, and has
   * been given up: kept, it would come first in every delivery, and end it.
   */
  const reading = <A>(
    work: WorkList,
    batch: Batch,
    effect: Effect.Effect<A>,
    isToBlame: (defect: unknown) => boolean = () => true
  ): Effect.Effect<A | undefined> =>
    Effect.catchDefect(
      effect,
      (defect) => isToBlame(defect) ? Effect.as(settle(work, giveUp(batch, defect)), undefined) : Effect.die(defect)
    )

  /** Settles what it can of `work`; the setback that stopped it, if any. */
  const deliver = Effect.fnUntraced(function*(work: WorkList, slot: Slot): Effect.fn.Return<Setback | undefined> {
    // made with the first retry: most deliveries need none
    let nextDelay: Effect.Success<typeof startDelays> | undefined
    /**
     * Waits until it is time for another attempt, without the slot where others are stored meanwhile: a server that fails
     * now and then does not keep them waiting. False when there is to be no other attempt in this delivery.
     */
    const pause = Effect.fnUntraced(function*(setback: Setback, othersAreStored: boolean) {
      // a probe is a single attempt
      if (setback._tag === "Misconfigured" || outage.isFailing() && !deadline.isLast()) return false
      const now = yield* Clock.currentTimeMillis
      if (outage.hasFailedFor(now) >= config.flushBudgetMs && !deadline.isLast()) return false
      const asked = setback._tag === "Retry" ? setback.afterMs ?? 0 : 0
      if (asked > config.maxRetryDelayMs) return false
      nextDelay ??= yield* startDelays
      const delay = yield* Effect.option(nextDelay(now, undefined))
      if (Option.isNone(delay)) return false
      const waiting = deadline.pause(Duration.max(delay.value[1], Duration.millis(asked)))
      const isTime = yield* othersAreStored ? slot.outside(waiting) : waiting
      return isTime && (deadline.isLast() || !outage.isPausedAt(yield* Clock.currentTimeMillis))
    })
    // attempts that came to nothing since the last batch was stored, by whomever
    let storedThen = stored
    let failures = 0
    // answers that were lost to freezes, and what had been stored before the first of them
    let lost = 0
    let storedBeforeLoss = stored
    let mayRepeat = true
    for (let batch = work.head; batch !== undefined; batch = work.head) {
      const now = yield* Clock.currentTimeMillis
      const preparing = destination.prepare(batch, now)
      if (preparing !== undefined) {
        const whole = batch
        const prepared = yield* reading(work, batch, Effect.map(preparing, (parts) => divide(whole, parts)))
        if (prepared !== undefined) {
          yield* settle(work, buffer.replace(batch, prepared))
          // parts of one batch travel side by side
          yield* Effect.forEach(work.allButHead(), buffer.giveBack, { discard: true })
          yield* startWorkers
        }
        continue
      }
      const storedBefore = stored
      // an attempt reads the batch where the server takes no gzip, and does more that may go wrong
      const isUnreadable = (defect: unknown) => defect instanceof UnreadableBatch
      const outcome = yield* reading(work, batch, attempt(batch, slot, mayRepeat), isUnreadable)
      if (outcome === undefined) continue
      if (outcome === "overtaken") {
        // nobody said no, and the server is well: it is repeated at once, and that is no retry
        mayRepeat = false
        continue
      }
      if (outcome === "lost") {
        if (stored > storedBeforeLoss) lost = 0
        if (lost === 0) storedBeforeLoss = stored
        lost++
        if (deadline.isLast()) continue
        if (lost >= MAX_LOST_ANSWERS || outage.isPausedAt(yield* Clock.currentTimeMillis)) return LOST
        continue
      }
      mayRepeat = true
      failures = stored > storedThen ? 1 : failures + 1
      storedThen = stored
      const mayDivide = failures <= (outage.isFailing() ? MAX_PROBE_FAILURES : MAX_BLIND_FAILURES)
      const action = yield* reading(work, batch, RetryAction.choose(batch, outcome, { stored, mayDivide }))
      if (action === undefined) continue
      switch (action._tag) {
        case "Settle":
          stored++
          yield* settle(work, accept(batch, action.verdict))
          yield* note(action.verdict)
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
          // the first that fails, alone, lets one more try its luck: with four it would be a fifth
          const mayPass = (yield* outage.suspect(verdict)) && slot.isOnly()
          if (yield* pause(verdict, mayPass || stored > storedBefore)) break
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
    note,
    /** How many batches the server has stored. */
    storedBatches: () => stored
  }
}

/** Exponential, ±20 % at random, capped, in whole ms, `O2_MAX_RETRIES` times. */
const retryPolicy = (config: Configuration) =>
  Schedule.exponential(Duration.millis(config.initialRetryDelayMs)).pipe(
    Schedule.jittered,
    Schedule.modifyDelay(({ duration }) =>
      Effect.succeed(Duration.millis(Math.ceil(Math.min(Duration.toMillis(duration), config.maxRetryDelayMs))))
    ),
    Schedule.upTo({ times: config.maxRetries })
  )
