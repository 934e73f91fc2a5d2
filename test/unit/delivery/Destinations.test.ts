/** Two destinations in one sink: what each delivers, who waits for whom, and when everything is in an outage. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import {
  accountsOf,
  books,
  deliverAll,
  type Fault,
  flush,
  makeSideBySide,
  numbersFrom,
  otherThan,
  type Side,
  write
} from "../../support/sideBySide.ts"

const SIDES: ReadonlyArray<Side> = ["frames", "logs"]

const denied: Fault = () => ({ _tag: "Answers", answer: { status: 401 } })
const missing: Fault = () => ({ _tag: "Answers", answer: { status: 404 } })
const hanging: Fault = () => ({ _tag: "Hangs" })

const outages = OpenObserveSink.use((sink) => sink.outages)

describe("two destinations", () => {
  it.effect("get their own records in their own form, in the order in which they came", () => {
    const { layer, servers } = makeSideBySide()
    return Effect.gen(function*() {
      for (let n = 0; n < 100; n++) yield* write(n % 3 === 0 ? "frames" : "logs", [n])
      assert.isTrue(yield* flush())
      const all = numbersFrom(0, 100)
      assert.deepStrictEqual(servers.frames.stored, all.filter((n) => n % 3 === 0))
      assert.deepStrictEqual(servers.logs.stored, all.filter((n) => n % 3 !== 0))
      const { logs, metrics, traces } = yield* books
      assert.deepStrictEqual(
        [logs, traces, metrics].map(({ delivered, received }) => [received.records, delivered.records]),
        [[66, 66], [34, 34], [0, 0]]
      )
    }).pipe(Effect.provide(layer))
  })

  it.live("have their bodies compressed alike", () => {
    const { layer, servers } = makeSideBySide({ env: { O2_COMPRESSION: "gzip" } })
    return Effect.gen(function*() {
      for (const side of SIDES) yield* write(side, numbersFrom(0, 200))
      assert.isTrue(yield* flush(20_000))
      for (const side of SIDES) {
        assert.deepStrictEqual(servers[side].stored.toSorted((a, b) => a - b), numbersFrom(0, 200))
        assert.isTrue(servers[side].requests.every(({ isCompressed }) => isCompressed))
        assert.deepInclude(yield* accountsOf(side), { delivered: 200, waiting: 0 })
      }
    }).pipe(Effect.provide(layer))
  })

  it.effect("leave by age without anybody asking, both of them", () => {
    const { layer, servers } = makeSideBySide({ env: { O2_FLUSH_INTERVAL_MS: "1000" } })
    return Effect.gen(function*() {
      yield* OpenObserveSink.use((sink) => sink.open)
      yield* write("logs", [1])
      yield* write("frames", [2])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([servers.logs.stored, servers.frames.stored], [[1], [2]])
    }).pipe(Effect.provide(layer))
  })

  describe.each(SIDES)("when %s get no answer", (sick) => {
    const well = otherThan(sick)

    it.effect("nobody waits for them once that is known", () => {
      const { layer, servers, transport } = makeSideBySide()
      return Effect.gen(function*() {
        servers[sick].fault = hanging
        yield* write(sick, numbersFrom(0, 60))
        yield* write(well, [0])
        const first = yield* Effect.forkChild(flush(2000))
        yield* TestClock.adjust("2 seconds")
        assert.isFalse(yield* Fiber.join(first))
        assert.deepStrictEqual([servers[well].stored, yield* outages], [[0], "some"])
        const noticed = yield* Clock.currentTimeMillis
        for (let n = 1; n < 4; n++) {
          yield* write(well, [n])
          // false, since not everything is delivered; but at once
          assert.isFalse(yield* flush(2000))
          assert.deepStrictEqual(servers[well].stored, numbersFrom(0, n + 1))
        }
        assert.strictEqual(yield* Clock.currentTimeMillis, noticed)
        assert.strictEqual(transport.inFlight(), 4)
      }).pipe(Effect.provide(layer))
    })

    it.effect("the last flush still gives the others what they need, and everything a chance", () => {
      const { layer, servers } = makeSideBySide()
      return Effect.gen(function*() {
        servers[sick].fault = hanging
        yield* write(sick, numbersFrom(0, 60))
        yield* Effect.forkChild(flush(2000))
        // long enough that a request is not waited for at the end any more
        yield* TestClock.adjust("3 seconds")
        yield* write(well, numbersFrom(0, 60))
        servers[sick].fault = undefined
        const last = yield* Effect.forkChild(flush(1000, true))
        yield* TestClock.adjust("1 second")
        assert.isTrue(yield* Fiber.join(last))
        for (const side of SIDES) assert.deepInclude(yield* accountsOf(side), { delivered: 60, waiting: 0 })
      }).pipe(Effect.provide(layer))
    })
  })

  it.effect("are both asked at the start, though one gives no answer", () => {
    const { layer, log, servers } = makeSideBySide({ sides: ["frames", "logs"] })
    return Effect.gen(function*() {
      servers.frames.fault = hanging
      servers.logs.fault = denied
      yield* OpenObserveSink.use((sink) => sink.warmUp)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(log.entries.map(({ fields }) => fields["signal"]), ["logs"])
      assert.strictEqual(yield* outages, "some")
    }).pipe(Effect.provide(layer))
  })

  describe.each([["401", denied], ["404", missing]] as const)("outages, for a %s,", (_, fault) => {
    it.effect.each(SIDES)("are some while only %s are away, and all when both are", (sick) => {
      const { layer, servers } = makeSideBySide()
      const well = otherThan(sick)
      return Effect.gen(function*() {
        const sink = yield* OpenObserveSink
        yield* sink.open
        assert.strictEqual(yield* sink.outages, "none")
        yield* write(well, [0])
        assert.isTrue(yield* flush())
        servers[sick].fault = fault
        yield* write(sick, [0])
        assert.isFalse(yield* flush())
        for (let n = 1; n < 60; n++) {
          assert.notStrictEqual(yield* sink.outages, "all")
          yield* write(well, [n])
          yield* deliverAll
          yield* TestClock.adjust(Duration.seconds(5))
          assert.deepStrictEqual(servers[well].stored, numbersFrom(0, n + 1))
        }
        assert.strictEqual(yield* sink.outages, "some")

        servers[well].fault = fault
        yield* write(well, [60])
        assert.isFalse(yield* flush())
        assert.strictEqual(yield* sink.outages, "all")
        // nobody is asked then
        const before = servers[well].requests.length + servers[sick].requests.length
        assert.isFalse(yield* flush())
        assert.strictEqual(servers[well].requests.length + servers[sick].requests.length, before)

        servers[well].fault = undefined
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(servers[well].stored.length, 61)
        assert.notStrictEqual(yield* sink.outages, "all")
        servers[sick].fault = undefined
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual([servers[sick].stored, yield* sink.outages], [[0], "none"])
      }).pipe(Effect.provide(layer))
    })
  })

  it.effect.each(SIDES)(
    "are in an outage as soon as the one in use is: nothing has come for the one beside %s",
    (used) => {
      const { layer, servers } = makeSideBySide()
      return Effect.gen(function*() {
        servers[used].fault = denied
        yield* write(used, [0])
        assert.isFalse(yield* flush())
        assert.strictEqual(yield* outages, "all")
        // from the first record on it counts
        yield* write(otherThan(used), [0])
        assert.strictEqual(yield* outages, "some")
      }).pipe(Effect.provide(layer))
    }
  )
})
