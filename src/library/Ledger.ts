/**
 * The books: what has become of every record.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { Accounts, LedgerSnapshot, Tally } from "../delivery/Books.ts"
import { Ledger as Writable } from "../delivery/Ledger.ts"

export {
  type Accounts,
  type DropReason,
  isBalanced,
  isComplete,
  type LedgerSnapshot,
  type ReceivingCount,
  type RejectReason,
  summary,
  type Tally
} from "../delivery/Books.ts"
export type { Signal } from "../delivery/Destination.ts"

/**
 * What has become of every record: `received + replayed = delivered + rejected + dropped + spilled + buffered + inFlight` at
 * every moment, for each signal.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Ledger } from "o2-lambda-extension/Ledger"
 *
 * const delivered = Ledger.use((ledger) => ledger.snapshot).pipe(
 *   Effect.map((books) => books.logs.delivered.records)
 * )
 * ```
 */
export class Ledger extends Context.Service<Ledger, {
  /** The books as they are. */
  readonly snapshot: Effect.Effect<LedgerSnapshot>
  /** Has something done when the sink has been closed and nothing changes any more. */
  readonly atEnd: (effect: Effect.Effect<void>) => Effect.Effect<void>
}>()("o2-lambda-extension/Ledger") {
  /** @internal */
  static readonly layerNoDeps = Layer.effect(
    Ledger,
    Effect.gen(function*() {
      const { snapshot } = yield* Writable
      const scope = yield* Effect.scope
      return Ledger.of({ snapshot, atEnd: (effect) => Scope.addFinalizer(scope, effect) })
    })
  )
}

/** How often `layerMetrics` looks unless told. */
const INTERVAL = Duration.seconds(10)

const records = Metric.gauge("o2_lambda_extension_records", {
  description: "Records by what has become of them; received + replayed = all others together"
})
const bytes = Metric.gauge("o2_lambda_extension_record_bytes", {
  description: "The same in bytes before compression"
})

/**
 * Writes the books as they are into Effect's metrics: gauges `o2_lambda_extension_records` and
 * `o2_lambda_extension_record_bytes`, with `signal`, `state` (`received`, `delivered`, `dropped`, …) and, where records were
 * rejected or dropped, `reason`.
 *
 * @since 0.2.0
 * @category metrics
 * @example
 * ```ts
 * import * as Ledger from "o2-lambda-extension/Ledger"
 * import * as Effect from "effect/Effect"
 * import * as Metric from "effect/Metric"
 *
 * const program = Effect.andThen(Ledger.updateMetrics, Metric.snapshot)
 * ```
 */
export const updateMetrics: Effect.Effect<void, never, Ledger> = Effect.gen(function*() {
  const ledger = yield* Ledger
  const books = yield* ledger.snapshot
  for (const signal of ["logs", "traces", "metrics"] as const) {
    for (const { reason, state, tally } of rowsOf(books[signal])) {
      const attributes = { signal, state, ...(reason === undefined ? {} : { reason }) }
      yield* Metric.update(Metric.withAttributes(records, attributes), tally.records)
      yield* Metric.update(Metric.withAttributes(bytes, attributes), tally.bytes)
    }
  }
})

/**
 * Does so again and again, every 10 seconds unless told, and once more when the sink is closed and nothing changes any more.
 *
 * @since 0.2.0
 * @category metrics
 * @example
 * ```ts
 * import * as Ledger from "o2-lambda-extension/Ledger"
 * import * as OpenObserve from "o2-lambda-extension/OpenObserve"
 * import * as Layer from "effect/Layer"
 *
 * const sink = Ledger.layerMetrics({ interval: "1 minute" }).pipe(Layer.provideMerge(OpenObserve.layerEnv()))
 * ```
 */
export const layerMetrics = (
  options: { readonly interval?: Duration.Input | undefined } = {}
): Layer.Layer<never, never, Ledger> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const ledger = yield* Ledger
    // metrics may be registered elsewhere than where the last ones are written
    const context = yield* Effect.context<Ledger>()
    const update = Effect.provideContext(updateMetrics, context)
    yield* ledger.atEnd(update)
    yield* Effect.forkScoped(Effect.repeat(update, Schedule.spaced(options.interval ?? INTERVAL)))
  }))

interface Row {
  readonly state: string
  readonly reason?: string
  readonly tally: Tally
}

const rowsOf = ({ dropped, rejected, ...plain }: Accounts): ReadonlyArray<Row> => [
  ...Object.entries(plain).map(([state, tally]) => ({ state, tally })),
  ...Object.entries(rejected).map(([reason, tally]) => ({ state: "rejected", reason, tally })),
  ...Object.entries(dropped).map(([reason, tally]) => ({ state: "dropped", reason, tally }))
]
