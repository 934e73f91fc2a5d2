import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import type { Flusher } from "../../../src/library/Flusher.ts"
import { Ledger } from "../../../src/library/Ledger.ts"
import * as OpenObserveLogger from "../../../src/library/OpenObserveLogger.ts"
import type { OpenObserveOptions } from "../../../src/library/OpenObserve.ts"
import { Fault, OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { recording, sinkBefore, STREAM } from "../../support/sinks.ts"

const only = Logger.layer([OpenObserveLogger.make])

const log = <A, E>(
  effect: Effect.Effect<A, E, Flusher | Ledger | OpenObserveDouble>,
  options: Partial<OpenObserveOptions> = {},
  layer = only
) =>
  effect.pipe(
    Effect.provide(Layer.provideMerge(layer, sinkBefore(options))),
    Effect.andThen(OpenObserveDouble.use((double) => double.records(STREAM))),
    Effect.provide(OpenObserveDouble.layer())
  )

describe("OpenObserveLogger", () => {
  it.live("sends text, annotations, spans, objects and the level", () =>
    Effect.gen(function*() {
      const records = yield* log(
        Effect.logWarning("two", "parts", { rows: 12 }, 5).pipe(
          Effect.annotateLogs({ job: "nightly" }),
          Effect.withLogSpan("load"),
          Effect.withSpan("work")
        )
      )
      assert.lengthOf(records, 1)
      const { span_id, span_load_ms, trace_id, ...rest } = records[0] ?? {}
      assert.deepInclude(rest, { level: "warn", message: "two parts 5", rows: 12, job: "nightly", type: "log" })
      assert.isNumber(span_load_ms)
      assert.match(`${String(trace_id)}/${String(span_id)}`, /^[\da-f]{32}\/[\da-f]{16}$/)
    }))

  it.live("sends errors and causes with their stacks", () =>
    Effect.gen(function*() {
      const records = yield* log(Effect.gen(function*() {
        yield* Effect.logError("it failed", new TypeError("no"))
        yield* Effect.logError("it failed", Cause.fail(new RangeError("why")))
      }))
      assert.deepStrictEqual(records.map(({ message }) => message), ["it failed TypeError: no", "it failed"])
      assert.match(String(records[0]?.["error"]), /TypeError: no\n.*at /)
      assert.include(String(records[1]?.["error"]), "RangeError: why")
    }))

  it.live("sends what JSON has no form for as text, and the rest as it is", () =>
    Effect.gen(function*() {
      const circular: Record<string, unknown> = {}
      circular["self"] = circular
      const records = yield* log(
        Effect.log("odd", { circular, size: 10n, n: 1 }, [1, 2], new Map([[1, 2]]), 5n, null, undefined).pipe(
          Effect.annotateLogs({ kept: true })
        )
      )
      assert.deepInclude(records[0], { n: 1, kept: true, size: "10n" })
      assert.include(String(records[0]?.["message"]), "odd [1,2]")
      assert.isDefined(records[0]?.["circular"])
    }))

  it.live("says of a line that cannot be read that there was one", () =>
    Effect.gen(function*() {
      const unreadable = Object.defineProperty({}, "n", {
        enumerable: true,
        get: () => {
          throw new Error("no")
        }
      })
      const records = yield* log(Effect.logWarning("text", unreadable))
      assert.deepStrictEqual(records.map(({ level, message }) => [level, message]), [
        ["warn", "a line that cannot be read"]
      ])
    }))

  it.live("hides what is redacted", () =>
    Effect.gen(function*() {
      const secret = Redacted.make("SECRET-MARK")
      const records = yield* log(Effect.log("with", secret, { secret, nested: { secret } }))
      assert.lengthOf(records, 1)
      assert.notInclude(JSON.stringify(records), "SECRET-MARK")
    }))

  it.live("keeps what every line has apart from members that are called so", () =>
    Effect.gen(function*() {
      const records = yield* log(Effect.gen(function*() {
        yield* Effect.log("text", { level: 3, message: "other" })
        yield* Effect.log({ message: "alone" })
      }))
      assert.deepInclude(records[0], { level: "info", message: "text", fields_level: 3, fields_message: "other" })
      assert.strictEqual(records[1]?.["message"], "alone")
    }))

  it.live("sends nothing that the level keeps back", () =>
    Effect.gen(function*() {
      const records = yield* log(
        Effect.andThen(Effect.logDebug("no"), Effect.logError("yes")).pipe(
          Effect.provideService(References.MinimumLogLevel, "Error")
        )
      )
      assert.deepStrictEqual(records.map(({ message }) => message), ["yes"])
    }))

  it.live("sends beside what others do with a line", () =>
    Effect.gen(function*() {
      const lines: Array<unknown> = []
      const other = Logger.make<unknown, void>(({ message }) => void lines.push(message))
      const merged = OpenObserveLogger.layer.pipe(Layer.provideMerge(Logger.layer([other])))
      const records = yield* log(Effect.log("hello"), {}, merged)
      assert.deepStrictEqual(records.map(({ message }) => message), ["hello"])
      assert.deepStrictEqual(lines, [["hello"]])
    }))

  it.live("neither waits nor goes round in circles while the buffer is full and the server away", () =>
    Effect.gen(function*() {
      const counted = { received: 0, lines: 0 }
      const text = "x".repeat(20_000)
      const other = recording()
      yield* log(
        Effect.gen(function*() {
          const double = yield* OpenObserveDouble
          yield* double.setFault(Fault.memoryOverflow)
          for (let n = 0; n < 200; n++) yield* Effect.log(text)
          yield* Effect.sleep("300 millis")
          counted.received = (yield* Ledger.use((ledger) => ledger.snapshot)).logs.received.records
          counted.lines = other.lines.length
        }),
        { maxBufferMegabytes: 1, shutdownTimeout: 0 },
        OpenObserveLogger.layer.pipe(Layer.provideMerge(other.layer))
      )
      // what the sink says of itself is a handful of lines
      assert.isBelow(counted.lines, 210)
      assert.isBelow(counted.received, 210)
      assert.include(other.text(), "maxBufferMegabytes is reached")
    }))

  it.live("goes round in no circle when the warning of a refused record is refused, too", () =>
    Effect.gen(function*() {
      const counted = { received: 0 }
      yield* log(Effect.gen(function*() {
        const double = yield* OpenObserveDouble
        yield* double.setFault(Fault.RefusesRecords({ containing: "a" }))
        yield* Effect.log("a refused line")
        yield* Effect.sleep("500 millis")
        counted.received = (yield* Ledger.use((ledger) => ledger.snapshot)).logs.received.records
      }))
      assert.isBelow(counted.received, 5)
    }))

  it.live("sends what is logged last, and bears what is logged when the sink is closed", () =>
    Effect.gen(function*() {
      const late: { log: Effect.Effect<void> } = { log: Effect.void }
      const records = yield* log(
        Effect.gen(function*() {
          const loggers = yield* Logger.CurrentLoggers
          late.log = Effect.provideService(Effect.log("too late"), Logger.CurrentLoggers, loggers)
          yield* Effect.addFinalizer(() => Effect.log("closing"))
          yield* Effect.log("last")
        }).pipe(Effect.scoped)
      )
      yield* late.log
      assert.deepStrictEqual(records.map(({ message }) => message), ["last", "closing"])
    }))
})
