import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Ledger from "../../../src/library/Ledger.ts"
import { Flusher } from "../../../src/library/Flusher.ts"
import { Records } from "../../../src/library/Records.ts"
import { Fault, OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { sinkBefore } from "../../support/sinks.ts"

/** Gauges of logs by what they count. */
const gauges = Effect.map(Metric.snapshot, (all) =>
  Object.fromEntries(all.flatMap((metric) => {
    if (metric.type !== "Gauge" || metric.attributes?.["signal"] !== "logs") return []
    const { reason, state } = metric.attributes
    return [[[metric.id, state, reason].filter(Boolean).join("/"), Number(metric.state.value)]]
  })))

/** Metrics of this test alone. */
const apart = Effect.provideServiceEffect(Metric.MetricRegistry, Effect.sync(() => new Map()))

const add = Records.use((records) => records.addAll([{ text: "good" }, { text: "good" }, { text: "bad" }]))

describe("Ledger", () => {
  it.live("writes into metrics what the books say", () =>
    Effect.gen(function*() {
      yield* OpenObserveDouble.use((double) => double.setFault(Fault.RefusesRecords({ containing: "bad" })))
      yield* Effect.gen(function*() {
        yield* add
        yield* Flusher.use((flusher) => flusher.flush())
        yield* Ledger.updateMetrics
        const { logs } = yield* Ledger.Ledger.use((ledger) => ledger.snapshot)
        assert.deepInclude(yield* gauges, {
          "o2_lambda_extension_records/received": 3,
          "o2_lambda_extension_records/delivered": 2,
          "o2_lambda_extension_records/rejected/refused": 1,
          "o2_lambda_extension_records/buffered": 0,
          "o2_lambda_extension_record_bytes/received": logs.received.bytes,
          "o2_lambda_extension_record_bytes/delivered": logs.delivered.bytes
        })
      }).pipe(Effect.provide(sinkBefore()))
    }).pipe(apart, Effect.provide(OpenObserveDouble.layer())))

  it.live("writes the last figures when the sink has delivered all", () =>
    Effect.gen(function*() {
      const sink = Ledger.layerMetrics({ interval: "1 hour" }).pipe(
        Layer.provideMerge(sinkBefore({ flushInterval: "15 minutes" }))
      )
      yield* add.pipe(Effect.provide(sink))
      assert.deepInclude(yield* gauges, {
        "o2_lambda_extension_records/delivered": 3,
        "o2_lambda_extension_records/buffered": 0
      })
    }).pipe(apart, Effect.provide(OpenObserveDouble.layer())))

  it.live("is a snapshot: what comes later does not change it", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        const ledger = yield* Ledger.Ledger
        const before = yield* ledger.snapshot
        const copy = structuredClone(before)
        yield* add
        yield* Flusher.use((flusher) => flusher.flush())
        assert.deepStrictEqual(before, copy)
        assert.isTrue(Ledger.isBalanced(yield* ledger.snapshot))
        assert.isTrue(Ledger.isComplete(yield* ledger.snapshot))
        assert.deepInclude(Ledger.summary(yield* ledger.snapshot), { received: 3, delivered: 3 })
      }).pipe(Effect.provide(sinkBefore()))
    }).pipe(Effect.provide(OpenObserveDouble.layer())))
})
