/** Processors in the way of records to OpenObserve: streams, books, columns and memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { isBalanced } from "../../../src/delivery/Books.ts"
import { Ledger as Writable } from "../../../src/delivery/Ledger.ts"
import { Ledger } from "../../../src/library/Ledger.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import * as OpenObserve from "../../../src/library/OpenObserve.ts"
import * as ProcessorStage from "../../../src/library/ProcessorStage.ts"
import * as RecordRouting from "../../../src/logs/RecordRouting.ts"
import { Records } from "../../../src/logs/Records.ts"
import * as Processor from "../../../src/processors/Processor.ts"
import * as SinkLayers from "../../../src/SinkLayers.ts"
import { OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { makeCapturedLog } from "../../support/fakes/capturedLog.ts"
import { makeControlledTransport, recordsOf, storeAll } from "../../support/fakes/ControlledTransport.ts"
import { evenChance } from "../../support/fakes/evenChance.ts"
import { books, flush, settings } from "../../support/fakes/sinkUnderTest.ts"
import { encodedOf } from "../../support/processorFixtures.ts"

const record = (n: number, type = "function") => `{"_timestamp":${n},"type":"${type}","n":${n}}`

const throwing = (what: unknown) => (): never => {
  throw what
}

/** Runs a test before a server that stores everything. */
const withProcessors = <A, E>(
  processors: ReadonlyArray<Processor.Processor>,
  test: (context: {
    readonly log: ReturnType<typeof makeCapturedLog>
    readonly transport: ReturnType<typeof makeControlledTransport>
  }) => Effect.Effect<A, E, OpenObserveSink | Layer.Success<typeof SinkLayers.layerNoDeps> | ExtensionConfig>,
  env: Readonly<Record<string, string>> = {}
) => {
  const transport = makeControlledTransport(storeAll)
  const log = makeCapturedLog()
  const layer = SinkLayers.layerNoDeps.pipe(
    Layer.provideMerge(ProcessorStage.layer(processors)),
    Layer.provideMerge(ExtensionConfig.layerEnv({ ...settings, ...env })),
    Layer.provideMerge(transport.layer),
    Layer.provideMerge(Layer.merge(log.layer, evenChance))
  )
  return test({ log, transport }).pipe(Effect.provide(layer))
}

/** What was sent, by stream. */
const sentTo = (transport: ReturnType<typeof makeControlledTransport>) => {
  const sent: Record<string, Array<number>> = {}
  for (const exchange of transport.exchanges) {
    const stream = exchange.request.url.pathname.split("/").at(-2)!
    sent[stream] = [...sent[stream] ?? [], ...recordsOf(exchange).map(({ n }) => n)]
  }
  return sent
}

const texts = [0, 1, 2, 3, 4, 5].map((n) => record(n, n % 2 === 0 ? "platform.report" : "function"))
const encoded = encodedOf(texts, [0, 2, 4])

describe("records that processors have seen", () => {
  const streamOf: ReadonlyArray<string | undefined> = [undefined, undefined, "audit", "audit", "mine", "events"]
  const routing = Processor.route(
    ["audit", "mine", "events"],
    ({ fields }) => streamOf[Number(fields["n"])] as "audit" | undefined
  )

  it.effect("go where they are sent, the settings' own streams among them", () =>
    withProcessors([routing], ({ transport }) =>
      Effect.gen(function*() {
        const sink = yield* OpenObserveSink
        yield* (yield* RecordRouting.make)(encoded)
        yield* sink.open
        assert.isTrue(yield* flush())
        assert.deepStrictEqual(sentTo(transport), { events: [0, 5], mine: [1, 4], audit: [2, 3] })
        assert.strictEqual((yield* books).delivered.records, 6)
      }), { O2_STREAM: "mine", O2_PLATFORM_STREAM: "events" }))

  it.effect("stay in order where the platform's have no stream of their own", () =>
    withProcessors([Processor.filter(() => true)], ({ transport }) =>
      Effect.gen(function*() {
        const sink = yield* OpenObserveSink
        yield* (yield* RecordRouting.make)(encoded)
        yield* sink.open
        assert.isTrue(yield* flush())
        assert.deepStrictEqual(sentTo(transport), { default: [0, 1, 2, 3, 4, 5] })
      })))

  it.effect("are in the books, dropped or not", () =>
    withProcessors([Processor.filter(({ fields }) => Number(fields["n"]) > 3)], () =>
      Effect.gen(function*() {
        const route = yield* RecordRouting.make
        yield* route(encoded)
        yield* route(encoded)
        const { buffered, dropped, received } = yield* books
        assert.strictEqual(received.records, 12)
        assert.strictEqual(received.bytes, encoded.bytes.length * 2)
        assert.deepStrictEqual(dropped.filtered, {
          records: 8,
          bytes: texts.slice(0, 4).join(",").length * 2 + 2
        })
        assert.strictEqual(buffered.records, 4)
      })))

  it.effect("are counted, all of them, when the sink is closed", () =>
    withProcessors([routing], () =>
      Effect.gen(function*() {
        const sink = yield* OpenObserveSink
        yield* sink.close
        const error = yield* Effect.flip((yield* RecordRouting.make)(encoded))
        assert.strictEqual(error._tag, "SinkClosed")
        assert.strictEqual((yield* books).dropped.shutdown?.records, 6)
      }), { O2_STREAM: "mine", O2_PLATFORM_STREAM: "events" }))
})

describe("processors that fail", () => {
  it.effect("are warned of once a minute, with the cause, and counted", () =>
    withProcessors(
      [Processor.map(throwing(new Error("no such member"))), Processor.filter(() => true)],
      ({ log }) =>
        Effect.gen(function*() {
          const route = yield* RecordRouting.make
          for (let round = 0; round < 3; round++) yield* route(encoded)
          const warnings = () => log.entries.filter(({ level }) => level === "Warn").map(({ fields }) => fields)
          assert.deepStrictEqual(warnings(), [{ count: 6, cause: "Error: no such member" }])
          yield* TestClock.adjust("1 minute")
          yield* route(encoded)
          assert.deepStrictEqual(warnings()[1], { count: 18, cause: "Error: no such member" })
          assert.strictEqual(warnings().length, 2)
          const { logs, receiving } = yield* Writable.use((ledger) => ledger.snapshot)
          assert.strictEqual(receiving.processorFailures, 24)
          assert.strictEqual(logs.buffered.records, 24)
        })
    ))

  const thrown: Readonly<Record<string, readonly [what: unknown, cause: string]>> = {
    "a text": ["broken", "broken"],
    "nothing": [undefined, "undefined"],
    "a symbol": [Symbol("s"), "Symbol(s)"],
    "what has no text": [Object.create(null), "something that cannot be shown"],
    "what throws again": [{ toString: throwing(new Error("again")) }, "something that cannot be shown"],
    "a text without end": [new Error("x".repeat(1_000_000)), `Error: ${"x".repeat(293)}`]
  }
  for (const [name, [what, cause]] of Object.entries(thrown)) {
    it.effect(`cost nothing when they throw ${name}`, () =>
      withProcessors([Processor.map(throwing(what))], ({ log }) =>
        Effect.gen(function*() {
          yield* (yield* RecordRouting.make)(encoded)
          assert.strictEqual(log.entries[0]?.fields["cause"], cause)
          assert.strictEqual((yield* books).buffered.records, 6)
        })))
  }
})

describe("memory for records", () => {
  const MEGABYTE = 1024 * 1024

  it.effect("is as bounded when a processor makes them a hundred times larger", () =>
    withProcessors(
      [Processor.map((fields) => ({ ...fields, padding: "x".repeat(100_000) }))],
      () =>
        Effect.gen(function*() {
          const buffer = yield* LogBuffer
          const route = yield* RecordRouting.make
          yield* route(
            encodedOf(Array.from({ length: 500 }, (_, n) => `${record(n).slice(0, -1)},"a":"${"y".repeat(900)}"}`))
          )
          const { heldBytes } = yield* buffer.state
          assert.isAtMost(heldBytes, 2 * MEGABYTE)
          const { buffered, dropped } = yield* books
          assert.isAbove(buffered.records, 5)
          assert.strictEqual(buffered.records + (dropped.buffer_full?.records ?? 0), 500)
        }),
      { O2_MAX_BUFFER_SIZE_MB: "2", O2_MAX_BATCH_SIZE_KB: "500" }
    ))

  it.effect("is not for one that a processor has made larger than all of it", () =>
    withProcessors([
      Processor.when(
        ({ fields }) => fields["n"] === 3,
        Processor.map((fields) => ({ ...fields, a: "x".repeat(2 * MEGABYTE) }))
      )
    ], () =>
      Effect.gen(function*() {
        yield* (yield* RecordRouting.make)(encoded)
        const { buffered, dropped } = yield* books
        assert.strictEqual(dropped.too_large?.records, 1)
        assert.strictEqual(buffered.records, 5)
      }), { O2_MAX_BUFFER_SIZE_MB: "2", O2_MAX_BATCH_SIZE_KB: "500" }))
})

describe("columns that processors add", () => {
  const keys = (prefix: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}_${index}`, index]))

  const additions: Readonly<Record<string, (n: number) => object>> = {
    "a few of each record's own": (n) => keys(`own${n}`, 20),
    "hundreds in an object": (n) => ({ extra: keys(`own${n}`, 300) }),
    "the same hundreds, hidden in part": (n) => ({ extra: { [`secret${n}`]: keys("x", 100), ...keys(`k${n}`, 5) } }),
    "nearly all that a batch may have, in every other record": (n) => n % 2 === 0 ? keys("all", 170) : {}
  }
  for (const [name, addition] of Object.entries(additions)) {
    it.live(`are never more in a request than it takes: ${name}`, () =>
      Effect.gen(function*() {
        const openObserve = yield* OpenObserveDouble
        const COUNT = 60
        yield* Effect.gen(function*() {
          const records = yield* Records
          yield* records.addAll(Array.from({ length: COUNT }, (_, n) => ({ n })))
          const flusher = yield* OpenObserve.Flusher
          assert.isTrue(yield* flusher.flush({ timeout: "10 seconds" }))
          const snapshot = yield* Ledger.use((ledger) => ledger.snapshot)
          assert.isTrue(isBalanced(snapshot))
          assert.strictEqual(snapshot.logs.delivered.records, COUNT)
          assert.strictEqual(snapshot.receiving.processorFailures, 0)
        }).pipe(Effect.provide(OpenObserve.layer({
          organizationId: "default",
          authorization: Redacted.make(openObserve.authorization),
          endpoint: openObserve.url,
          allowInsecureHttp: true,
          processors: [
            Processor.map((fields) => ({ ...fields, ...addition(Number(fields["n"])) })),
            Processor.redact({ fields: Array.from({ length: COUNT }, (_, n) => `secret${n}`) })
          ]
        })))
        const stored = yield* openObserve.records("default")
        assert.deepStrictEqual(stored.map(({ n }) => Number(n)).sort((a, b) => a - b), [...Array(COUNT).keys()])
        // none was sent in vain
        for (const { status } of yield* openObserve.requests) assert.strictEqual(status, 200)
        assert.isBelow((yield* openObserve.requests).length, 20)
      }).pipe(Effect.provide(OpenObserveDouble.layer({ flavour: "cloud" }))))
  }
})
