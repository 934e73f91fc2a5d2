/** Delivers sealed batches to OpenObserve, several at once when there is a backlog. Deciding when is for others. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Attempt from "./Attempt.ts"
import type { Batch } from "./Batch.ts"
import { LogBuffer } from "./Buffer.ts"
import { ExtensionConfig } from "../config/Config.ts"
import * as Delivery from "./Delivery.ts"
import * as Freeze from "../platform/Freeze.ts"
import { Ledger } from "./Ledger.ts"
import * as Outage from "./Outage.ts"
import * as Patience from "./Patience.ts"
import { Transport } from "../platform/Transport.ts"

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
  /** Seals what is open and starts delivering. While OpenObserve takes nothing, what is open goes on growing instead. */
  readonly send: Effect.Effect<void>
  /**
   * Seals what is open, as `send` does, and waits until everything sealed so far has settled, at most for the budget:
   * true when it has. Requests in flight at its end stay in flight.
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
      const transport = yield* Transport
      const deliveries = yield* FiberSet.make<void>()
      const warming = yield* FiberHandle.make<void>()
      const grace = yield* FiberHandle.make<void>()
      const patience = Patience.make()
      // the last flush has ended
      let isOver = false

      // --- Sealing -----------------------------------------------------------

      /** While in doubt, one batch is enough to try with. Sealed call by call, recovery would take a request for each. */
      const seal = Effect.gen(function*() {
        const isTrying = (yield* buffer.state).untriedBatches > 0 || (yield* FiberSet.size(deliveries)) > 0
        if (!outage.isInDoubt() || !isTrying) yield* buffer.seal
      })
      const sealAndStart = Effect.suspend(() => Effect.andThen(seal, startWorkers))

      // What has grown meanwhile leaves when the server has dealt with a batch: there may be no call that sends it.
      const outage = yield* Outage.make(config, { probe: sealAndStart, resume: buffer.seal })
      const unlessPaused = (effect: Effect.Effect<void>) =>
        Effect.flatMap(outage.isPaused, (isPaused) => isPaused ? Effect.void : effect)

      // --- Delivering --------------------------------------------------------

      const { acceptances, deliver } = Delivery.make({ config, transport, outage, patience, books: { buffer, ledger } })

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
        // a timer may come too late: what is left is for the disk
        if (isOver) return
        const { sealedBatches } = yield* buffer.state
        const running = yield* FiberSet.size(deliveries)
        // at the end there is no later for what one probe would spare
        const limit = outage.isFailing() && !patience.isLast() ? 1 : MAX_IN_FLIGHT
        const wanted = Math.min(limit, running + sealedBatches)
        for (let count = running; count < wanted; count++) yield* FiberSet.run(deliveries, worker)
      })

      const flush = Effect.fnUntraced(function*({ budget, isLast }: FlushOptions) {
        if (!isLast && (yield* outage.isPaused)) return false
        yield* isLast ? buffer.seal : seal
        const started = yield* Clock.currentTimeMillis
        const before = acceptances()
        const wait = startWorkers.pipe(
          Effect.andThen(isLast ? patience.abandonOlder(started - STALE_AT_END_MS) : Effect.void),
          Effect.andThen(Effect.timeoutOption(FiberSet.awaitEmpty(deliveries), budget))
        )
        const settled = yield* patience.flushing(started + Duration.toMillis(budget), isLast, wait)
        if (isLast) {
          isOver = true
          yield* FiberSet.clear(deliveries)
        } else if (Option.isNone(settled) && acceptances() === before) {
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
            Attempt.ask(config, transport),
            // whatever else is wrong may have passed by the time of the first call
            (verdict) => verdict._tag === "Misconfigured" ? outage.failed(verdict) : Effect.void
          )
        )),
        start: unlessPaused(startWorkers),
        send: unlessPaused(sealAndStart),
        flush,
        settled: (atMost) => Effect.asVoid(Effect.timeoutOption(FiberSet.awaitEmpty(deliveries), atMost)),
        isPaused: outage.isPaused,
        thawed: Effect.fnUntraced(function*(since) {
          yield* transport.dropIdle
          if ((yield* FiberSet.size(deliveries)) === 0) return
          yield* FiberHandle.run(
            grace,
            Effect.delay(patience.abandonOlder(since), Duration.millis(Freeze.THAW_GRACE_MS))
          )
        })
      })
    })
  )

  static readonly layer = OpenObserveSink.layerNoDeps.pipe(
    Layer.provide([ExtensionConfig.layer, LogBuffer.layer, Ledger.layer, Transport.layer])
  )
}
