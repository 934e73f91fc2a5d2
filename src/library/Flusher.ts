/** When a sink without Lambda delivers: by age and size, when asked to, and at its end. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LogBuffer } from "../delivery/Buffer.ts"
import * as Ledger from "../delivery/Ledger.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { SinkClosed } from "../delivery/SinkClosed.ts"

/** Default of `shutdownTimeout`. */
const SHUTDOWN_TIMEOUT = Duration.seconds(10)

/** Default of a flush that is asked for. */
const FLUSH_TIMEOUT = Duration.seconds(30)

/** How soon a flush looks again whether a server takes records that has just taken none, in ms. */
const AGAIN_MS = 250

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
 *   const isAllStored = yield* flusher.flush({ timeout: "5 seconds" })
 *   if (!isAllStored) yield* Effect.logWarning("records are still waiting for OpenObserve")
 * })
 * ```
 */
export class Flusher extends Context.Service<Flusher, {
  /** Delivers all there is: true when nothing is left, false when time was over first. What is left is not lost. */
  readonly flush: (options?: {
    /** Default 30 seconds. */
    readonly timeout?: Duration.Input
  }) => Effect.Effect<boolean, SinkClosed>
}>()("o2-lambda-extension/Flusher") {
  /** @internal */
  static readonly layerNoDeps = (shutdownTimeout: Duration.Input = SHUTDOWN_TIMEOUT) =>
    Layer.effect(
      Flusher,
      Effect.gen(function*() {
        const sink = yield* OpenObserveSink
        const buffer = yield* LogBuffer
        const ledger = yield* Ledger.Ledger
        let isClosed = false

        const flush = Effect.fnUntraced(function*(timeout: Duration.Input) {
          if (isClosed) return yield* new SinkClosed()
          const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(timeout)
          for (;;) {
            const left = until - (yield* Clock.currentTimeMillis)
            if (yield* sink.flush({ budget: Duration.millis(Math.max(0, left)), isLast: false })) return true
            const pause = Math.min(AGAIN_MS, until - (yield* Clock.currentTimeMillis))
            if (pause <= 0) return false
            // an outage: others ask whether it is over
            yield* Effect.sleep(Duration.millis(pause))
          }
        })

        const close = Effect.gen(function*() {
          isClosed = true
          yield* sink.flush({ budget: Duration.fromInputUnsafe(shutdownTimeout), isLast: true })
          yield* sink.close
          yield* buffer.drop("shutdown")
          const books = yield* ledger.snapshot
          if (!Ledger.isComplete(books)) {
            yield* Effect.logWarning("not all records were stored in OpenObserve", Ledger.summary(books))
          }
        })

        yield* Effect.addFinalizer(() => close)
        yield* sink.open
        yield* sink.warmUp
        return Flusher.of({ flush: ({ timeout = FLUSH_TIMEOUT } = {}) => flush(timeout) })
      })
    )
}
