import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { Ledger } from "../../../src/library/Ledger.ts"
import { CurrentRequestId, Records } from "../../../src/library/Records.ts"
import { OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { sinkBefore, STREAM } from "../../support/sinks.ts"

const withSink = <A, E>(effect: Effect.Effect<A, E, Records | Ledger | OpenObserveDouble>) =>
  effect.pipe(
    Effect.provide(sinkBefore({ flushInterval: "15 minutes" })),
    Effect.andThen((result) => Effect.map(stored, (records) => ({ result, records }))),
    Effect.provide(OpenObserveDouble.layer())
  )

const stored = OpenObserveDouble.use((double) => double.records(STREAM))

const add = (fields: object, options?: Parameters<Records["Service"]["add"]>[1]) =>
  Records.use((records) => records.add(fields, options))

const dateOf = (time: number | string) => new Date(time)

const addAll = (records: Iterable<object>) => Records.use((service) => service.addAll(records))

describe("Records", () => {
  it.live("copies what is added", () =>
    Effect.gen(function*() {
      const { records } = yield* withSink(Effect.gen(function*() {
        const fields = { list: [1], n: 1 }
        yield* add(fields)
        fields.n = 2
        fields.list.push(2)
      }))
      assert.deepInclude(records[0], { n: 1, list: "[1]" })
    }))

  class Cached {
    readonly #hidden = 1
    readonly n = 1
    get count() {
      return this.#hidden
    }
  }

  class Told {
    readonly secret = "x"
    toJSON() {
      return { n: 1 }
    }
  }

  class Failed extends Error {
    readonly status = 500
    override readonly name = "Failed"
  }

  const kinds: ReadonlyArray<readonly [what: string, fields: object, expected: object]> = [
    ["dates, lists and objects", { at: new Date(0), list: [1, { a: 1 }], nested: { deep: { er: 1 } } }, {
      at: "1970-01-01T00:00:00.000Z",
      list: "[1,{\"a\":1}]",
      nested_deep_er: 1
    }],
    ["numbers that JSON has no form for", { n: 1, nan: Number.NaN, gone: undefined }, { n: 1, type: "custom" }],
    ["members of its own for what we add", { type: "mine", Type2: 1, requestId: "r" }, {
      type: "mine",
      requestid: "r"
    }],
    ["members of our names without a value", { type: undefined, requestId: undefined, n: 1 }, { type: "custom", n: 1 }],
    ["names that only look different", { TYPE: "mine" }, { type: "mine" }],
    ["names that OpenObserve has for itself", { _timestamp: 1, _id: 5, "": 7 }, {
      event_timestamp: 1,
      event_id: 5,
      event: 7
    }],
    ["an instance of a class", new Cached(), { n: 1 }],
    ["what says itself what it is", new Told(), { n: 1 }],
    ["an error", new Failed("no"), { name: "Failed", message: "no", status: 500 }],
    ["errors among the members", { error: new Failed("no", { cause: new Error("why") }) }, {
      error_message: "no",
      error_status: 500,
      error_name: "Failed"
    }],
    ["nothing", {}, { type: "custom" }],
    ["no prototype", Object.assign(Object.create(null) as object, { n: 1 }), { n: 1 }],
    ["halves of surrogate pairs", { text: "a\ud800b" }, { n: undefined }]
  ]
  for (const [what, fields, expected] of kinds) {
    it.live(`takes ${what}`, () =>
      Effect.gen(function*() {
        const { records } = yield* withSink(add(fields))
        assert.lengthOf(records, 1)
        for (const [name, value] of Object.entries(expected)) assert.deepStrictEqual(records[0]?.[name], value, name)
      }))
  }

  const circular: Record<string, unknown> = { n: 3 }
  circular["self"] = circular
  const impossible: ReadonlyArray<readonly [what: string, record: unknown]> = [
    ["a bigint", { size: 10n }],
    ["what holds itself", circular],
    ["null", null],
    ["a text", "text"],
    ["a number", 5],
    ["a function", () => 1],
    ["a list", [1, 2]],
    ["bytes", new Uint8Array(2)],
    ["a Map", new Map([["n", 1]])],
    ["a Date", new Date()],
    ["a getter that throws", {
      get n() {
        throw new Error("no")
      }
    }]
  ]
  for (const [what, record] of impossible) {
    it.live(`refuses ${what}, and takes all before it`, () =>
      Effect.gen(function*() {
        const { records, result } = yield* withSink(
          Effect.flip(addAll([{ n: 0 }, { n: 1 }, record as object, { n: 3 }]))
        )
        assert.strictEqual(result._tag, "RecordError")
        assert.include(result.message, "record 2 cannot be written as JSON")
        assert.deepStrictEqual(records.map(({ n }) => n), [0, 1])
      }))
  }

  it.live("says what has no members, and what to do about a Map", () =>
    Effect.gen(function*() {
      const { result } = yield* withSink(Effect.flip(add(new Map())))
      assert.include(result.message, "Object.fromEntries")
    }))

  it.live("takes all before an iterable fails, and fails as it does", () =>
    Effect.gen(function*() {
      const { records, result } = yield* withSink(Effect.exit(addAll(
        (function*() {
          yield { n: 0 }
          yield { n: 1 }
          throw new Error("the file has ended")
        })()
      )))
      assert.include(String(result), "the file has ended")
      assert.deepStrictEqual(records.map(({ n }) => n), [0, 1])
    }))

  it.live("lets a generator close what it has opened", () =>
    Effect.gen(function*() {
      let closed = 0
      const open = function*(): Generator<object> {
        try {
          yield { n: 0 }
          yield { n: 1n }
          yield { n: 2 }
        } finally {
          closed++
        }
      }
      yield* withSink(Effect.flip(addAll(open())))
      assert.strictEqual(closed, 1)
    }))

  it.live("takes thousands from a generator, in order", () =>
    Effect.gen(function*() {
      const { records } = yield* withSink(addAll(
        (function*() {
          for (let n = 0; n < 3_000; n++) yield { n }
        })()
      ))
      assert.deepStrictEqual(records.map(({ n }) => n), Array.from({ length: 3_000 }, (_, n) => n))
    }))

  it.live("takes none", () =>
    Effect.gen(function*() {
      const { records } = yield* withSink(addAll([]))
      assert.lengthOf(records, 0)
    }))

  it.live("takes what hundreds add at once, each whole", () =>
    Effect.gen(function*() {
      const text = (n: number) => String.fromCharCode(97 + n % 26).repeat(n)
      const { records } = yield* withSink(
        Effect.forEach(Array.from({ length: 700 }, (_, n) => n), (n) =>
          add({ n, text: text(n) }, { requestId: `r${n}` }), {
          concurrency: "unbounded"
        })
      )
      assert.lengthOf(records, 700)
      for (const { n, requestid, text: stored = "" } of records) {
        assert.deepStrictEqual([stored, requestid], [text(Number(n)), `r${n}`])
      }
    }))

  it.live("takes a record that is larger than a batch, and counts one that is larger than the buffer", () =>
    Effect.gen(function*() {
      const { records, result } = yield* Effect.gen(function*() {
        yield* add({ n: 1, text: "x".repeat(700_000) })
        yield* add({ n: 2, text: "x".repeat(1_100_000) })
        return yield* Ledger.use((ledger) => ledger.snapshot)
      }).pipe(
        Effect.provide(sinkBefore({ maxBufferMegabytes: 1 })),
        Effect.andThen((result) => Effect.map(stored, (records) => ({ result, records }))),
        Effect.provide(OpenObserveDouble.layer())
      )
      assert.deepStrictEqual(records.map(({ n }) => n), [1])
      assert.strictEqual(result.logs.dropped.too_large?.records, 1)
    }))

  it.live("takes times in every form", () =>
    Effect.gen(function*() {
      const now = (yield* Clock.currentTimeMillis) - 60_000
      const { records } = yield* withSink(Effect.gen(function*() {
        yield* add({ n: 0 }, { time: dateOf(now) })
        yield* add({ n: 1 }, { time: now + 1.25 })
        yield* add({ n: 2 }, { time: DateTime.makeUnsafe(now + 2) })
        yield* add({ n: 3 }, { time: DateTime.makeZonedUnsafe(now + 3, { timeZone: "Europe/Berlin" }) })
      }))
      const micros = now * 1000
      assert.deepStrictEqual(records.map(({ _timestamp }) => _timestamp), [
        micros,
        micros + 1250,
        micros + 2000,
        micros + 3000
      ])
    }))

  it.live("keeps times that OpenObserve refuses, and takes now for those that are none", () =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const { records } = yield* withSink(Effect.gen(function*() {
        yield* add({ n: 0 }, { time: dateOf("2020-01-02T03:04:05.678Z") })
        yield* add({ n: 1 }, { time: now + 48 * 3_600_000 })
        yield* add({ n: 2 }, { time: dateOf("nonsense") })
        yield* add({ n: 3 }, { time: Infinity })
        yield* add({ n: 4, time: "mine" }, { time: 0 })
      }))
      const byNumber = records.toSorted((one, other) => Number(one["n"]) - Number(other["n"]))
      assert.lengthOf(byNumber, 5)
      for (const { _timestamp } of byNumber) assert.isAtLeast(Number(_timestamp), now * 1000)
      assert.strictEqual(byNumber[0]?.["time"], "2020-01-02T03:04:05.678Z")
      assert.isAbove(Date.parse(String(byNumber[1]?.["time"])), now + 47 * 3_600_000)
      assert.deepStrictEqual([byNumber[2]?.["time"], byNumber[3]?.["time"], byNumber[4]?.["time"]], [
        undefined,
        undefined,
        "mine"
      ])
    }))

  it.live("keeps the order within a millisecond", () =>
    Effect.gen(function*() {
      const time = yield* Clock.currentTimeMillis
      const { records } = yield* withSink(
        Effect.forEach(Array.from({ length: 50 }, (_, n) => n), (n) => add({ n }, { time }))
      )
      assert.deepStrictEqual(
        records.map(({ _timestamp }) => _timestamp),
        Array.from({ length: 50 }, (_, n) => time * 1000 + n)
      )
      assert.deepStrictEqual(records.map(({ n }) => n), Array.from({ length: 50 }, (_, n) => n))
    }))

  it.live("takes type and call from the options, and the call from the fiber", () =>
    Effect.gen(function*() {
      const { records } = yield* withSink(
        Effect.gen(function*() {
          yield* add({ n: 0 }, { type: "job", requestId: "given" })
          yield* add({ n: 1 }, { requestId: undefined, type: undefined, time: undefined })
          yield* add({ n: 2 })
        }).pipe(Effect.provideService(CurrentRequestId, "of the fiber"))
      )
      assert.deepStrictEqual(records.map(({ requestid, type }) => [type, requestid]), [
        ["job", "given"],
        ["custom", "of the fiber"],
        ["custom", "of the fiber"]
      ])
    }))
})
