/** When a sink without Lambda delivers: by age and size, when asked to, and at its end. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LogBuffer } from "../delivery/Buffer.ts"
import * as Books from "../delivery/Books.ts"
import { Ledger } from "../delivery/Ledger.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { SinkClosed } from "../delivery/SinkClosed.ts"
import { LOOK_AGAIN_MS } from "./AwaitRoom.ts"

/** Default of `shutdownTimeout`. */
const SHUTDOWN_TIMEOUT = Duration.seconds(10)

/** Default of a flush that is asked for. */
const FLUSH_TIMEOUT = Duration.seconds(30)

/** Share of the time at the end that is waited for the end of an outage; in the rest everything is tried once more. */
const OUTAGE_SHARE = 0.7

/**
 * Delivers on demand. Records leave by themselves, too: when a batch is full, when they are older than `flushInterval`, and
 * when the scope of the sink is closed.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import { Flusher } from "o2-lambda-extension/OpenObserve"
 * import * as Effect from "effect/Effect"
 *
 * const checkpoint = Effect.gen(function*() {
 *   const flusher = yield* Flusher
 *   const haveLeft = yield* flusher.flush({ timeout: "5 seconds" })
 *   if (!haveLeft) yield* Effect.logWarning("records are still waiting for OpenObserve")
 * })
 * ```
 */
export class Flusher extends Context.Service<Flusher, {
  /**
   * Delivers all that has been added so far: true when nothing of it is left, since it was stored or, for a reason that the
   * `Ledger` has, given up; false when time was over first. What is left is not lost. An outage is waited for, too.
   */
  readonly flush: (options?: {
    /** Default 30 seconds. */
    readonly timeout?: Duration.Input | undefined
  }) => Effect.Effect<boolean, SinkClosed>
}>()("o2-lambda-extension/Flusher") {
  /** @internal */
  static readonly layerNoDeps = (shutdownTimeout: Duration.Input = SHUTDOWN_TIMEOUT) =>
    Layer.effect(
      Flusher,
      Effect.gen(function*() {
        const sink = yield* OpenObserveSink
        const buffer = yield* LogBuffer
        const ledger = yield* Ledger
        let isClosed = false

        /** Waits until all that there is now has left, or as long as there is hope; false when something is left. */
        const deliver = Effect.fnUntraced(function*(until: number, mayHope: (isOfUse: boolean) => boolean) {
          const haveLeft = yield* buffer.mark
          for (;;) {
            const freed = yield* buffer.watchFreed
            if (haveLeft()) return true
            const left = until - (yield* Clock.currentTimeMillis)
            if (left <= 0) return false
            yield* sink.deliverNow
            if (!mayHope(yield* sink.hurry)) return false
            yield* Effect.timeoutOption(freed, Math.min(left, LOOK_AGAIN_MS))
          }
        })

        const flush = Effect.fnUntraced(function*(timeout: Duration.Input) {
          if (isClosed) return yield* new SinkClosed()
          const timeoutMs = Duration.toMillis(timeout)
          const haveLeft = yield* deliver((yield* Clock.currentTimeMillis) + timeoutMs, () => !isClosed)
          // what was left then has been given up
          return isClosed ? yield* new SinkClosed() : haveLeft
        })

        const close = Effect.gen(function*() {
          isClosed = true
          yield* sink.close
          const started = yield* Clock.currentTimeMillis
          const timeoutMs = Duration.toMillis(shutdownTimeout)
          yield* deliver(started + timeoutMs * OUTAGE_SHARE, (isOfUse) => isOfUse)
          const left = started + timeoutMs - (yield* Clock.currentTimeMillis)
          yield* sink.flush({ budget: Duration.millis(Math.max(0, left)), isLast: true })
          yield* buffer.drop("shutdown")
          const books = yield* ledger.snapshot
          if (!Books.isComplete(books)) {
            yield* Effect.logWarning("not all records were stored in OpenObserve", Books.summary(books))
          }
        })

        yield* Effect.addFinalizer(() => close)
        yield* sink.open
        yield* sink.warmUp
        return Flusher.of({
          flush: ({ timeout = FLUSH_TIMEOUT } = {}) => Effect.withSpan(flush(timeout), "o2-lambda-extension/flush")
        })
      })
    )
}
