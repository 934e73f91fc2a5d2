/**
 * Ships 1 000 records to OpenObserve, and ends when they are stored. A server that fails now and then is asked again.
 *
 *     OPENOBSERVE_URL=https://openobserve.example.com OPENOBSERVE_AUTHORIZATION="Basic …" node ship-records.ts
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { Ledger } from "o2-lambda-extension/Ledger"
import * as OpenObserve from "o2-lambda-extension/OpenObserve"
import { Records } from "o2-lambda-extension/Records"

const sink = OpenObserve.layerConfig({
  organizationId: Config.String("OPENOBSERVE_ORGANIZATION").pipe(Config.withDefault("default")),
  authorization: Config.Redacted("OPENOBSERVE_AUTHORIZATION"),
  endpoint: Config.String("OPENOBSERVE_URL"),
  stream: Config.succeed("orders")
}, { metadata: { app: "ship-records" }, shutdownTimeout: "30 seconds" })

/** Made while they are sent: of millions no more are in memory than `maxBufferMegabytes` says. */
function* orders() {
  for (let number = 1; number <= 1_000; number++) yield { event: "order.placed", number, total: number % 90 + 0.99 }
}

const program = Effect.gen(function*() {
  const records = yield* Records
  yield* records.addAll(orders(), { type: "order" })

  // not needed: what is left is delivered at the end
  const flusher = yield* OpenObserve.Flusher
  const haveLeft = yield* flusher.flush({ timeout: "1 minute" })

  const { logs } = yield* Ledger.use((ledger) => ledger.snapshot)
  yield* Effect.log(haveLeft ? "done" : "some wait still", { delivered: logs.delivered.records, dropped: logs.dropped })
})

await Effect.runPromise(Effect.provide(program, sink))
