/** What a program's own tests do: a `Transport` that is none, and a clock that stands still. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { gunzipSync } from "node:zlib"
import { Flusher } from "../../../src/library/Flusher.ts"
import * as OpenObserve from "../../../src/library/OpenObserve.ts"
import { Records } from "../../../src/library/Records.ts"
import { Transport, type TransportRequest } from "../../../src/library/Transport.ts"
import { recording } from "../../support/sinks.ts"

/** Takes everything, and keeps it. */
const fake = () => {
  const requests: Array<ReadonlyArray<unknown>> = []
  const recordsIn = ({ body, headers }: TransportRequest) => {
    const bytes = Buffer.from(body ?? "")
    return JSON.parse(String(headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes)) as ReadonlyArray<
      unknown
    >
  }
  const layer = Layer.succeed(Transport, {
    exchange: (request) =>
      Effect.sync(() => {
        const records = recordsIn(request)
        // an empty one asks whether records would be taken
        if (records.length > 0) requests.push(records)
        const status = { name: "jobs", successful: records.length, failed: 0 }
        return { status: 200, headers: {}, body: JSON.stringify({ code: 200, status: [status] }) }
      }),
    dropIdle: Effect.void
  })
  return { layer, requests, records: () => requests.flat() }
}

const sinkWith = (transport: Layer.Layer<Transport>, compression: "gzip" | "none") =>
  OpenObserve.layerNoDeps({ organizationId: "default", authorization: Redacted.make("Basic YTpi"), compression }).pipe(
    Layer.provide(transport)
  )

for (const compression of ["gzip", "none"] as const) {
  describe(`a sink under TestClock (${compression})`, () => {
    it.effect("delivers what gets old, once the clock says so", () =>
      Effect.gen(function*() {
        const { layer, records, requests } = fake()
        yield* Effect.gen(function*() {
          yield* Records.use((service) => service.addAll([{ n: 1 }, { n: 2 }]))
          yield* TestClock.adjust("4999 millis")
          assert.lengthOf(requests, 0)
          yield* TestClock.adjust("1 millis")
          // without compressing nothing takes real time
          if (compression === "none") assert.lengthOf(requests, 1)
          // a flush waits for that, whatever the clock says
          assert.isTrue(yield* Flusher.use((flusher) => flusher.flush()))
          assert.lengthOf(requests, 1)
          assert.lengthOf(records(), 2)
        }).pipe(Effect.provide(sinkWith(layer, compression)))
      }))

    it.effect("flushes without a clock that moves", () =>
      Effect.gen(function*() {
        const { layer, records } = fake()
        yield* Effect.gen(function*() {
          for (let n = 0; n < 5; n++) {
            yield* Records.use((service) => service.add({ n }))
            assert.isTrue(yield* Flusher.use((flusher) => flusher.flush()))
            assert.lengthOf(records(), n + 1)
          }
        }).pipe(Effect.provide(sinkWith(layer, compression)))
      }))

    it.effect("delivers at its end without a clock that moves", () =>
      Effect.gen(function*() {
        const { layer, records } = fake()
        yield* Records.use((service) => service.add({ n: 1 })).pipe(Effect.provide(sinkWith(layer, compression)))
        assert.lengthOf(records(), 1)
      }))
  })
}

describe("a sink under TestClock before a server that is silent", () => {
  const silent = Layer.succeed(Transport, { exchange: () => Effect.never, dropIdle: Effect.void })

  it.effect("flushes in vain for as long as it is told", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const log = recording()
      const context = yield* Layer.buildWithScope(Layer.provideMerge(sinkWith(silent, "gzip"), log.layer), scope)
      const flushing = yield* Effect.forkChild(
        Effect.gen(function*() {
          yield* Records.use((records) => records.add({ n: 1 }))
          return yield* Flusher.use((flusher) => flusher.flush({ timeout: "20 seconds" }))
        }).pipe(Effect.provideContext(context))
      )
      yield* TestClock.adjust("20 seconds")
      assert.isFalse(yield* Fiber.join(flushing))
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
      assert.include(log.text(), "not all records were stored")
    }))
})
