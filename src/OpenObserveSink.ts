/** Delivers sealed batches to OpenObserve: retries, divides, keeps the books. Deciding when is for others. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { Batch } from "./Batch.ts"
import { LogBuffer } from "./Buffer.ts"
import { type Configuration, ExtensionConfig } from "./Config.ts"
import * as Delivery from "./Delivery.ts"
import * as Freeze from "./Freeze.ts"
import { Ledger } from "./Ledger.ts"
import * as Outage from "./Outage.ts"
import * as Remedy from "./Remedy.ts"
import * as Settlement from "./Settlement.ts"
import { Transport } from "./Transport.ts"

/** Requests at once when there is a backlog: more gained nothing against a v0.91.5 server. */
const MAX_IN_FLIGHT = 4

/** A flush that waited at least so long and saw nothing stored has met an outage; less says nothing. */
const LEAST_PROOF_MS = 1_000

/** A request that is older than this when the sandbox ends, without an answer, is sent again on a new connection. */
const STALE_AT_END_MS = 2_000

/** How a flush waits. */
export interface FlushOptions {
  readonly budget: Duration.Duration
  /** Nothing comes after it: it tries even during an outage, and what has not settled in time is given back. */
  readonly isLast: boolean
}

/** Delivers what the buffer has sealed, in fibers of its own. */
export class OpenObserveSink extends Context.Service<OpenObserveSink, {
  /**
   * Opens a connection in the background, and finds out whether records would be taken: wrong credentials are told before
   * the first call has ended.
   */
  readonly warmUp: Effect.Effect<void>
  /** Starts delivering what is sealed. During an outage, as the two below, it leaves the buffer as it is. */
  readonly start: Effect.Effect<void>
  /** Seals what is open and starts delivering. */
  readonly push: Effect.Effect<void>
  /**
   * Seals what is open and waits until everything sealed so far has settled, at most for the budget: true when it has.
   * Requests in flight at its end stay in flight.
   */
  readonly flush: (options: FlushOptions) => Effect.Effect<boolean>
  /** Waits until no delivery is under way, at most for the given time. */
  readonly settled: (atMost: Duration.Duration) => Effect.Effect<void>
  /** Whether an outage has been noticed a moment ago, so that nobody should wait. */
  readonly isPaused: Effect.Effect<boolean>
  /** The sandbox may have been frozen since `since` (epoch ms): connections and requests from before are not trusted. */
  readonly thawed: (since: number) => Effect.Effect<void>
}>()("o2-lambda-extension/OpenObserveSink") {
  static readonly layerNoDeps = Layer.effect(
    OpenObserveSink,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const buffer = yield* LogBuffer
      const ledger = yield* Ledger
      const books = { buffer, ledger }
      const transport = yield* Transport
      const deliveries = yield* FiberSet.make<void>()
      // While a flush waits, nobody sleeps beyond its end; who already does is woken to see that.
      let flushEndsAt = Infinity
      let isLastFlush = false
      const wake = Latch.makeUnsafe(false)
      // Requests begun before this moment are given up without an answer.
      let abandonBefore = -Infinity
      const abandon = Latch.makeUnsafe(false)
      let acceptances = 0
      let takesGzip = true
      const warming = yield* FiberHandle.make<void>()
      const grace = yield* FiberHandle.make<void>()

      /** Waits before a retry; false when that would take longer than the flush that waits for it. */
      const pause = Effect.fnUntraced(function*(delay: Duration.Duration) {
        const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(delay)
        for (;;) {
          if (until > flushEndsAt) return false
          const now = yield* Clock.currentTimeMillis
          const woken = yield* Effect.timeoutOption(wake.await, Duration.millis(Math.max(0, until - now)))
          // the last flush is no time to sleep
          if (Option.isNone(woken) || isLastFlush) return true
        }
      })

      /** Completes when a request begun now is to be given up. */
      const abandoned = Effect.gen(function*() {
        const started = yield* Clock.currentTimeMillis
        const isTrusted = () => started >= abandonBefore
        while (isTrusted()) yield* abandon.await
      })

      const abandonOlder = (moment: number) =>
        Effect.suspend(() => {
          abandonBefore = moment
          return abandon.release
        })

      /** Replaces the first of `parts` by what comes of it; an interruption finds either the one or the other. */
      const settle = (parts: Array<Batch>, effect: Effect.Effect<void | ReadonlyArray<Batch>>) =>
        Effect.uninterruptible(Effect.map(effect, (rest) => parts.splice(0, 1, ...(rest ?? []))))

      /** Settles what it can of `parts` (removing it) by attempts in turn; the verdict that stopped it, if any. */
      const deliver = Effect.fnUntraced(function*(parts: Array<Batch>) {
        const nextDelay = yield* Schedule.toStep(retryPolicy(config))
        for (let batch = parts[0]; batch !== undefined; batch = parts[0]) {
          const sent = batch.tally
          const outcome = yield* Effect.raceFirst(Delivery.attempt(config, transport, batch, takesGzip), abandoned)
            .pipe(
              Effect.onInterrupt(() => Effect.sync(() => ledger.possiblyDuplicatedUnsafe(sent)))
            )
          if (outcome === undefined || outcome.isUncertain) ledger.possiblyDuplicatedUnsafe(sent)
          // nobody said no: it is repeated at once, and that is no retry
          if (outcome === undefined) continue
          const { verdict } = outcome
          if (outcome.refusesCoding && takesGzip) {
            takesGzip = false
            yield* Effect.logWarning("OpenObserve takes no compressed requests; sending without from now on", {
              remedy: "set O2_COMPRESSION to none, or find out what stands before OpenObserve"
            })
          }
          if (verdict._tag === "Accepted") {
            acceptances++
            yield* settle(parts, Settlement.accept(books, batch, verdict))
            yield* outage.succeeded
            continue
          }
          const remedy = Remedy.find(batch, outcome)
          if (remedy._tag === "Replace") yield* settle(parts, buffer.replace(batch, remedy.batches))
          else if (remedy._tag === "Reject") yield* settle(parts, Settlement.reject(books, batch, remedy))
          else {
            parts[0] = remedy.batch
            // a probe is a single attempt
            if (verdict._tag === "Misconfigured" || outage.isFailing() && !isLastFlush) return verdict
            const asked = verdict._tag === "Retry" ? verdict.afterMs ?? 0 : 0
            if (asked > config.maxRetryDelayMs) return verdict
            const delay = yield* Effect.option(nextDelay(yield* Clock.currentTimeMillis, undefined))
            if (Option.isNone(delay)) return verdict
            if (!(yield* pause(Duration.max(delay.value[1], Duration.millis(asked))))) return verdict
          }
        }
      })

      /** Delivers sealed batches one after the other, until none is left or one has to go back. */
      const worker = Effect.gen(function*() {
        for (;;) {
          const parts: Array<Batch> = []
          const giveBack = Effect.suspend(() => Effect.forEach(parts.splice(0), buffer.giveBack, { discard: true }))
          const verdict = yield* Effect.uninterruptibleMask((restore) =>
            Effect.gen(function*() {
              const batch = yield* buffer.take
              if (batch !== undefined) parts.push(batch)
              return yield* restore(deliver(parts))
            }).pipe(Effect.ensuring(giveBack))
          )
          if (verdict !== undefined) return yield* outage.failed(verdict)
          if ((yield* buffer.state).sealedBatches === 0) return
        }
      }).pipe(
        Effect.catchDefect((defect) => Effect.logError("a delivery ended unexpectedly", { defect: String(defect) }))
      )

      const startWorkers: Effect.Effect<void> = Effect.gen(function*() {
        const { sealedBatches } = yield* buffer.state
        const running = yield* FiberSet.size(deliveries)
        // at the end there is no later for what one probe would spare
        const limit = outage.isFailing() && !isLastFlush ? 1 : MAX_IN_FLIGHT
        const wanted = Math.min(limit, running + sealedBatches)
        for (let count = running; count < wanted; count++) yield* FiberSet.run(deliveries, worker)
      })

      const pushAll = Effect.andThen(buffer.seal, startWorkers)
      const outage = yield* Outage.make(config, pushAll)
      const unlessPaused = (effect: Effect.Effect<void>) =>
        Effect.flatMap(outage.isPaused, (isPaused) => isPaused ? Effect.void : effect)

      const flush = Effect.fnUntraced(function*({ budget, isLast }: FlushOptions) {
        // Sealing now would make of an outage one request for each call that it took.
        if (!isLast && (yield* outage.isPaused)) return false
        const started = yield* Clock.currentTimeMillis
        const before = acceptances
        flushEndsAt = started + Duration.toMillis(budget)
        isLastFlush = isLast
        yield* pushAll
        yield* wake.release
        if (isLast) yield* abandonOlder(started - STALE_AT_END_MS)
        const settled = yield* Effect.timeoutOption(FiberSet.awaitEmpty(deliveries), budget)
        flushEndsAt = Infinity
        if (isLast) yield* FiberSet.clear(deliveries)
        else if (Option.isNone(settled) && acceptances === before) {
          const waited = (yield* Clock.currentTimeMillis) - started
          if (waited >= Math.min(LEAST_PROOF_MS, config.flushBudgetMs)) {
            const detail = `no answer within ${waited} ms`
            yield* outage.failed({ _tag: "Retry", detail, afterMs: undefined, mayBeStored: true })
          }
        }
        const { sealedBatches } = yield* buffer.state
        return sealedBatches === 0 && (yield* FiberSet.size(deliveries)) === 0
      })

      return OpenObserveSink.of({
        warmUp: Effect.asVoid(FiberHandle.run(
          warming,
          Effect.flatMap(
            Delivery.ask(config, transport),
            // whatever else is wrong may have passed by the time of the first call
            (verdict) => verdict._tag === "Misconfigured" ? outage.failed(verdict) : Effect.void
          )
        )),
        start: unlessPaused(startWorkers),
        push: unlessPaused(pushAll),
        flush,
        settled: (atMost) => Effect.asVoid(Effect.timeoutOption(FiberSet.awaitEmpty(deliveries), atMost)),
        isPaused: outage.isPaused,
        thawed: Effect.fnUntraced(function*(since) {
          yield* transport.dropIdle
          if ((yield* FiberSet.size(deliveries)) === 0) return
          yield* FiberHandle.run(grace, Effect.delay(abandonOlder(since), Duration.millis(Freeze.THAW_GRACE_MS)))
        })
      })
    })
  )

  static readonly layer = OpenObserveSink.layerNoDeps.pipe(
    Layer.provide([ExtensionConfig.layer, LogBuffer.layer, Ledger.layer, Transport.layer])
  )
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
