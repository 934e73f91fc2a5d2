import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { isBalanced } from "../../../src/delivery/Books.ts"
import { Flusher } from "../../../src/library/Flusher.ts"
import { Ledger } from "../../../src/library/Ledger.ts"
import * as OpenObserve from "../../../src/library/OpenObserve.ts"
import { Records } from "../../../src/library/Records.ts"
import { Fault, OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { lossesOf, optionsFor, recording, sinkBefore, STREAM, timesOf } from "../../support/sinks.ts"

const withDouble = <A, E>(effect: Effect.Effect<A, E, OpenObserveDouble | Scope.Scope>) =>
  Effect.provide(effect, OpenObserveDouble.layer())

const add = (n: number) => Records.use((records) => records.add({ n }))
const flush = (timeout: "100 millis" | "20 seconds") => Flusher.use((flusher) => flusher.flush({ timeout }))

/** Fills a buffer of 1 MiB some times over with what cannot be compressed. */
const manyMegabytes = Array.from({ length: 400 }, (_, n) => {
  let seed = n + 1
  const random = () => String.fromCharCode(97 + (seed = seed * 48_271 % 2_147_483_647) % 26)
  return { n, text: Array.from({ length: 10_000 }, random).join("") }
})

describe("OpenObserve.layer", () => {
  it.live("delivers what gets old, without being asked", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* Effect.gen(function*() {
        yield* add(1)
        assert.lengthOf(yield* double.awaitRecords(STREAM, 1), 1)
        // the timer begins anew
        yield* add(2)
        assert.lengthOf(yield* double.awaitRecords(STREAM, 2), 2)
      }).pipe(Effect.provide(sinkBefore()))
    })))

  it.live("delivers what makes a batch, before it is old", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      const sink = sinkBefore({ flushInterval: "15 minutes", maxBatchKilobytes: 1 })
      yield* Effect.gen(function*() {
        yield* Effect.forEach(Array.from({ length: 50 }, (_, n) => n), add)
        assert.isAtLeast((yield* double.awaitRecords(STREAM, 30)).length, 30)
      }).pipe(Effect.provide(sink))
      assert.lengthOf(yield* double.records(STREAM), 50)
    })))

  for (
    const [how, end] of [
      ["ends", Effect.void],
      ["fails", Effect.fail("no")],
      ["dies", Effect.die("no")],
      ["is interrupted", Effect.interrupt]
    ] as const
  ) {
    it.live(`delivers what is left when the program ${how}`, () =>
      withDouble(Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        const program = Effect.andThen(add(1), end).pipe(Effect.provide(sinkBefore({ flushInterval: "15 minutes" })))
        yield* Effect.exit(program)
        assert.lengthOf(yield* double.records(STREAM), 1)
      })))
  }

  it.live("takes nothing after its end, and says so", () =>
    withDouble(Effect.gen(function*() {
      const log = recording()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Layer.merge(sinkBefore(), log.layer), scope)
      yield* Scope.close(scope, Exit.void)
      const added = yield* Effect.flip(Context.get(context, Records).add({ n: 1 }))
      assert.strictEqual(added._tag, "SinkClosed")
      const flushed = yield* Effect.flip(Context.get(context, Flusher).flush())
      assert.strictEqual(flushed._tag, "SinkClosed")
      assert.deepStrictEqual(log.lines, [])
    })))

  it.live("warns with counts of what could not be delivered in time", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      const log = recording()
      yield* double.setFault(Fault.HangBeforeHeaders())
      yield* add(1).pipe(Effect.provide(Layer.provideMerge(sinkBefore({ shutdownTimeout: "300 millis" }), log.layer)))
      assert.include(log.text(), "not all records were stored in OpenObserve")
      assert.include(log.text(), "\"dropped\":{\"shutdown\":1}")
    })))

  it.live("tells at its end of records that are added beside it, whether they were taken", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      const taken = yield* Effect.gen(function*() {
        const records = yield* Records
        let taken = 0
        const adding = yield* Effect.forkDetach(
          Effect.forever(
            Effect.andThen(records.add({ n: 1 }).pipe(Effect.tap(() => Effect.sync(() => taken++))), Effect.yieldNow)
          )
        )
        yield* double.awaitRecords(STREAM, 10)
        return { adding, count: () => taken }
      }).pipe(Effect.provide(sinkBefore()))
      const exit = yield* Fiber.await(taken.adding)
      assert.include(String(exit), "SinkClosed")
      assert.lengthOf(yield* double.records(STREAM), taken.count())
    })))

  it.live("waits at its end for a server that comes back", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setFault(Fault.RefuseConnections())
      const log = recording()
      const begun = yield* Deferred.make<void>()
      const program = Effect.andThen(add(1), Deferred.succeed(begun, undefined)).pipe(
        Effect.provide(Layer.provideMerge(sinkBefore({ maxRetries: 0 }), log.layer))
      )
      const running = yield* Effect.forkScoped(program)
      yield* Deferred.await(begun)
      yield* Effect.sleep("700 millis")
      yield* double.setFault(undefined)
      yield* Fiber.join(running)
      assert.lengthOf(yield* double.records(STREAM), 1)
    })))

  it.live("begins while the server is away", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setFault(Fault.RefuseConnections())
      const log = recording()
      yield* Effect.gen(function*() {
        yield* add(1)
        assert.isFalse(yield* flush("100 millis"))
        yield* double.setFault(undefined)
        assert.isTrue(yield* flush("20 seconds"), log.text())
      }).pipe(Effect.provide(Layer.provideMerge(sinkBefore(), log.layer)))
      assert.lengthOf(yield* double.records(STREAM), 1)
    })))

  it.live("slows down who adds faster than the server takes", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setLatency(100)
      const log = recording()
      const books = yield* Effect.gen(function*() {
        const records = yield* Records
        yield* records.addAll(manyMegabytes)
        assert.isTrue(yield* flush("20 seconds"))
        return yield* Ledger.use((ledger) => ledger.snapshot)
      }).pipe(Effect.provide(Layer.provideMerge(sinkBefore({ maxBufferMegabytes: 1 }), log.layer)))
      assert.strictEqual(lossesOf(books.logs), 0, log.text())
      assert.strictEqual(timesOf(yield* double.records(STREAM)).size, manyMegabytes.length)
    })))

  it.live("slows down many who add at once", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setLatency(20)
      const books = yield* Effect.gen(function*() {
        const records = yield* Records
        yield* Effect.forEach(manyMegabytes, (record) => records.add(record), { concurrency: "unbounded" })
        assert.isTrue(yield* flush("20 seconds"))
        return yield* Ledger.use((ledger) => ledger.snapshot)
      }).pipe(Effect.provide(sinkBefore({ maxBufferMegabytes: 1 })))
      assert.strictEqual(lossesOf(books.logs), 0)
      const stored = yield* double.records(STREAM)
      assert.deepStrictEqual(stored.map(({ n }) => n), manyMegabytes.map(({ n }) => n))
      assert.deepStrictEqual(stored.map(({ text }) => text), manyMegabytes.map(({ text }) => text))
    })))

  it.live(
    "has the oldest make room in an outage that lasts, and counts and tells it",
    () =>
      withDouble(Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        yield* double.setFault(Fault.memoryOverflow)
        const log = recording()
        const books = yield* Effect.gen(function*() {
          const records = yield* Records
          yield* records.addAll(manyMegabytes)
          yield* double.setFault(undefined)
          assert.isTrue(yield* flush("20 seconds"), log.text())
          return yield* Ledger.use((ledger) => ledger.snapshot)
        }).pipe(Effect.provide(Layer.provideMerge(sinkBefore({ maxBufferMegabytes: 1 }), log.layer)))
        const { logs } = books
        assert.isTrue(isBalanced(books))
        const times = timesOf(yield* double.records(STREAM))
        assert.isAbove(logs.dropped.buffer_full?.records ?? 0, 0)
        assert.strictEqual(times.size + lossesOf(logs), manyMegabytes.length)
        // the last are there
        assert.strictEqual(times.get(manyMegabytes.length - 1), 1)
        assert.include(log.text(), "maxBufferMegabytes is reached")
        assert.notInclude(log.text(), "O2_")
      })),
    60_000
  )

  it.live("loses nothing when who adds or flushes is interrupted", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setLatency(30)
      const counted = yield* Effect.gen(function*() {
        const records = yield* Records
        const flusher = yield* Flusher
        for (let round = 0; round < 20; round++) {
          const adding = yield* Effect.forkChild(records.addAll(manyMegabytes.slice(0, 60)))
          const flushing = yield* Effect.forkChild(flusher.flush())
          yield* Effect.sleep(round)
          yield* Fiber.interrupt(flushing)
          yield* Fiber.interrupt(adding)
        }
        yield* flush("20 seconds")
        return yield* Ledger.use((ledger) => ledger.snapshot)
      }).pipe(Effect.provide(sinkBefore({ maxBufferMegabytes: 1 })))
      assert.isTrue(isBalanced(counted))
      assert.strictEqual(lossesOf(counted.logs), 0)
      assert.strictEqual(counted.logs.delivered.records, counted.logs.received.records)
      assert.lengthOf(yield* double.records(STREAM), counted.logs.received.records)
    })))

  it.live("flushes what was there, whatever is added meanwhile", () =>
    withDouble(Effect.gen(function*() {
      yield* Effect.gen(function*() {
        yield* Effect.forkChild(Effect.forever(Effect.andThen(add(2), Effect.sleep(1))))
        yield* add(1)
        assert.isTrue(yield* flush("20 seconds"))
      }).pipe(Effect.provide(sinkBefore({ flushInterval: "15 minutes" })))
    })))

  it.live("flushes nothing at once, though the server is away", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      yield* double.setFault(Fault.RefuseConnections())
      assert.isTrue(yield* flush("100 millis").pipe(Effect.provide(sinkBefore())))
    })))

  it.live("shares nothing with another in the same program", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      class One extends Context.Service<One, Context.Context<Records | Ledger>>()("One") {}
      class Other extends Context.Service<Other, Context.Context<Records | Ledger>>()("Other") {}
      const services = Effect.context<Records | Ledger>()
      const sink = (stream: string) => OpenObserve.layer(optionsFor(double, { stream }))
      const both = Layer.merge(
        Layer.effect(One, services).pipe(Layer.provide(sink("one"))),
        Layer.effect(Other, services).pipe(Layer.provide(sink("other")))
      )
      yield* Effect.gen(function*() {
        const one = yield* One
        const other = yield* Other
        assert.notStrictEqual(Context.get(one, Ledger), Context.get(other, Ledger))
        yield* Context.get(one, Records).add({ n: 1 })
        yield* Context.get(other, Records).add({ n: 2 })
      }).pipe(Effect.provide(both))
      assert.deepStrictEqual((yield* double.records("one")).map(({ n }) => n), [1])
      assert.deepStrictEqual((yield* double.records("other")).map(({ n }) => n), [2])
    })))

  it.live("is one where the same layer is provided twice", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      class One extends Context.Service<One, Records["Service"]>()("One") {}
      class Other extends Context.Service<Other, Records["Service"]>()("Other") {}
      const sink = OpenObserve.layer(optionsFor(double))
      const both = Layer.merge(
        Layer.effect(One, Records).pipe(Layer.provide(sink)),
        Layer.effect(Other, Records).pipe(Layer.provide(sink))
      )
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* One, yield* Other)
      }).pipe(Effect.provide(both))
    })))

  it.live("warns of wrong credentials in words of the options, without them", () =>
    withDouble(Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      const log = recording()
      yield* Effect.gen(function*() {
        yield* add(1)
        assert.isFalse(yield* flush("100 millis"))
      }).pipe(
        Effect.provide(Layer.provideMerge(
          OpenObserve.layer(optionsFor({ url: double.url, authorization: "Basic cm9vdDpTRUNSRVQtTUFSSw==" }, {
            shutdownTimeout: "300 millis"
          })),
          log.layer
        ))
      )
      assert.include(log.text(), "check authorization")
      assert.include(log.text(), "organizationId")
      assert.notInclude(log.text(), "O2_")
      assert.notInclude(log.text(), "cm9vdDpTRUNSRVQtTUFSSw")
      assert.notInclude(log.text(), "SECRET-MARK")
    })))
})
