import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { Destinations } from "../../../src/delivery/Destination.ts"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import { LogPipeline } from "../../../src/logs/LogPipeline.ts"
import { LogsDestination, PlatformDestination } from "../../../src/openobserve/LogsDestination.ts"
import { Invocations } from "../../../src/telemetry/Invocations.ts"
import { Ledger } from "../../../src/delivery/Ledger.ts"
import type { PlatformEvent } from "../../../src/telemetry/PlatformEvent.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import { RecordEncoder } from "../../../src/logs/RecordEncoder.ts"
import { type Arrival, TelemetryServer } from "../../../src/telemetry/TelemetryServer.ts"
import { makeCapturedLog } from "../../support/fakes/capturedLog.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"
import { postOf, settings } from "../../support/fakes/sinkUnderTest.ts"

const done = (requestId: string, durationMs?: number, hasFailed = false): PlatformEvent => ({
  _tag: "RuntimeDone",
  requestId,
  durationMs,
  hasFailed
})

/** A pipeline whose encoder makes of a post's text what the test says, before a sink that only keeps. */
const makePipeline = (
  meaning: Readonly<Record<string, ReadonlyArray<PlatformEvent> | "broken" | number>> = {}
) => {
  const arrivals = Effect.runSync(Queue.unbounded<Arrival>())
  const log = makeCapturedLog()
  const encode = (post: Uint8Array) => {
    const means = meaning[Buffer.from(post).toString()] ?? []
    if (means === "broken") return Effect.die(new Error("a defect of the encoder"))
    if (typeof means === "number") {
      return Effect.succeed({ ...postOf([]), events: [], platformRecords: [], malformed: means, restBytes: 0 })
    }
    return Effect.succeed({ ...postOf([1]), events: means, platformRecords: [], malformed: 0, restBytes: 0 })
  }
  const sink = Layer.unwrap(LogBuffer.useSync((buffer) => Layer.mock(OpenObserveSink, { accept: buffer.append })))
  const layer = LogPipeline.layerNoDeps.pipe(
    Layer.provideMerge(Layer.merge(Invocations.layerNoDeps, sink)),
    Layer.provideMerge(LogBuffer.layerNoDeps),
    Layer.provideMerge(Layer.succeed(Destinations, [])),
    Layer.provideMerge(PlatformDestination.layerNoDeps),
    Layer.provideMerge(LogsDestination.layerNoDeps),
    Layer.provideMerge(Ledger.layer),
    Layer.provideMerge(ExtensionConfig.layerEnv(settings)),
    Layer.provideMerge(Layer.mergeAll(
      Layer.succeed(TelemetryServer, {
        port: 1,
        path: "/",
        openRoot: Effect.void,
        arrivals,
        close: Effect.void,
        closing: Effect.never
      }),
      Layer.mock(RecordEncoder, { encode, additionsUnsafe: () => [], timestampUnsafe: (micros) => micros }),
      log.layer
    ))
  )
  const offer = (text: string) =>
    LogBuffer.useSync((buffer) =>
      Queue.offerUnsafe(arrivals, {
        _tag: "Post",
        bytes: Buffer.from(text),
        held: buffer.reserveUnsafe(Buffer.byteLength(text))
      })
    )
  const post = (text: string) => Effect.andThen(offer(text), TestClock.adjust(0))
  const lose = Effect.andThen(Queue.offer(arrivals, { _tag: "Lost" }), TestClock.adjust(0))
  return { arrivals, layer, log, lose, offer, post }
}

const state = Invocations.use((invocations) => invocations.state)

const bufferState = LogBuffer.use((buffer) => buffer.state)

describe("LogPipeline", () => {
  it.effect("remembers what the stream says of calls, the last 64 of each kind", () => {
    const meaning = Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`post ${n}`, [done(`r${n}`)]]))
    const { layer, post } = makePipeline(meaning)
    return Effect.gen(function*() {
      assert.isFalse((yield* state).hasPlatformEvents)
      for (const text of Object.keys(meaning)) yield* post(text)
      const { hasPlatformEvents, isReported, isRuntimeDone } = yield* state
      assert.isTrue(hasPlatformEvents)
      assert.deepStrictEqual([5, 6, 69].map((n) => isRuntimeDone(`r${n}`)), [false, true, true])
      assert.isFalse(isReported("r69"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("knows which calls the platform has ended", () => {
    const { layer, post } = makePipeline({ both: [done("r1"), done("r2", undefined, true)] })
    return Effect.gen(function*() {
      yield* post("both")
      const { hasFailed, isRuntimeDone } = yield* state
      assert.deepStrictEqual(["r1", "r2", "r3"].map(isRuntimeDone), [true, true, false])
      assert.deepStrictEqual(["r1", "r2", "r3"].map(hasFailed), [false, true, false])
    }).pipe(Effect.provide(layer))
  })

  it.effect("moves the memory of a post from the way to the buffer", () => {
    const { layer, post } = makePipeline()
    return Effect.gen(function*() {
      yield* post("x".repeat(5000))
      const { heldBytes, openRecords } = yield* bufferState
      assert.strictEqual(openRecords, 1)
      assert.isBelow(heldBytes, 100)
    }).pipe(Effect.provide(layer))
  })

  it.effect("counts what is malformed and remembers when", () => {
    const { layer, post } = makePipeline({ odd: 3 })
    return Effect.gen(function*() {
      yield* post("fine")
      assert.strictEqual((yield* state).lastGapAt, -Infinity)
      yield* TestClock.adjust("7 seconds")
      yield* post("odd")
      assert.strictEqual((yield* state).lastGapAt, 7000)
      assert.strictEqual((yield* Ledger.use((ledger) => ledger.snapshot)).receiving.malformed, 3)
    }).pipe(Effect.provide(layer))
  })

  describe("a record that Lambda has cut", () => {
    const envelope = "{\"time\":\"2026-11-22T10:00:00.000Z\",\"type\":\"function\",\"record\":"
    const head = `[${envelope}"a li}]`
    const rest = `[${envelope}ne"}]`
    const heldBytes = Effect.map(bufferState, (state) => state.heldBytes)
    const malformed = Effect.map(Ledger.use((ledger) => ledger.snapshot), (books) => books.receiving.malformed)

    it.effect("counts as malformed until its rest has come", () => {
      const { arrivals, layer, post } = makePipeline({ [head]: 1, [`[${envelope}"a line"}]`]: [done("r1")] })
      return Effect.gen(function*() {
        yield* TestClock.adjust("7 seconds")
        yield* post(head)
        assert.strictEqual(yield* malformed, 1)
        assert.strictEqual((yield* state).lastGapAt, 7000)
        assert.strictEqual(yield* heldBytes, head.length - 1)
        yield* TestClock.adjust("999 millis")
        yield* post(rest)
        assert.strictEqual(yield* malformed, 0)
        assert.strictEqual((yield* state).lastGapAt, -Infinity)
        assert.isTrue((yield* state).isRuntimeDone("r1"))
        // the record
        assert.strictEqual((yield* bufferState).openRecords, 1)
        assert.isBelow(yield* heldBytes, 50)
        assert.strictEqual(yield* Queue.size(arrivals), 0)
      }).pipe(Effect.provide(layer))
    })

    it.effect("is let go of after a second", () => {
      const { layer, post } = makePipeline({ [head]: 1 })
      return Effect.gen(function*() {
        yield* post(head)
        yield* TestClock.adjust("999 millis")
        assert.isAbove(yield* heldBytes, 0)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* heldBytes, 0)
        assert.strictEqual(yield* malformed, 1)
        assert.strictEqual((yield* state).lastGapAt, 0)
      }).pipe(Effect.provide(layer))
    })

    it.effect("waits a second for each of its pieces", () => {
      const middle = `[${envelope} li}]`
      const meaning = {
        [`[${envelope}"a}]`]: 1,
        [`[${envelope}"a li}]`]: 1,
        [`[${envelope}"a line"}]`]: [done("r1")]
      }
      const { layer, post } = makePipeline(meaning)
      return Effect.gen(function*() {
        yield* post(`[${envelope}"a}]`)
        yield* TestClock.adjust("800 millis")
        yield* post(middle)
        assert.strictEqual(yield* malformed, 1)
        yield* TestClock.adjust("800 millis")
        yield* post(rest)
        assert.strictEqual(yield* malformed, 0)
        assert.isTrue((yield* state).isRuntimeDone("r1"))
      }).pipe(Effect.provide(layer))
    })

    it.effect("goes on after a freeze", () => {
      const { layer, post } = makePipeline({ [head]: 1, [`[${envelope}"a line"}]`]: [done("r1")] })
      return withFreezes((freeze) =>
        Effect.gen(function*() {
          yield* post(head)
          yield* freeze(3_600_000)
          yield* TestClock.adjust("1100 millis")
          yield* post(rest)
          assert.isTrue((yield* state).isRuntimeDone("r1"))
        }).pipe(Effect.provide(layer))
      )
    })

    it.effect("takes nothing else along when it turns out to be whole", () => {
      const { layer, post } = makePipeline({ [head]: 3, [`[${envelope}"a line"}]`]: [done("r1")] })
      return Effect.gen(function*() {
        yield* TestClock.adjust("7 seconds")
        yield* post(head)
        yield* TestClock.adjust("100 millis")
        yield* post(rest)
        assert.strictEqual(yield* malformed, 2)
        assert.strictEqual((yield* state).lastGapAt, 7000)
      }).pipe(Effect.provide(layer))
    })
  })

  it.effect("takes events that the platform has dropped for a gap", () => {
    const { layer, post } = makePipeline({ dropped: [{ _tag: "Dropped" }] })
    return Effect.gen(function*() {
      yield* TestClock.adjust("7 seconds")
      yield* post("dropped")
      assert.strictEqual((yield* state).lastGapAt, 7000)
    }).pipe(Effect.provide(layer))
  })

  it.effect("takes a post that was given up for one that may have said what is waited for", () => {
    const { layer, lose } = makePipeline()
    return Effect.gen(function*() {
      yield* TestClock.adjust("7 seconds")
      yield* lose
      const { lastGapAt, lastPostAt } = yield* state
      assert.deepStrictEqual([lastGapAt, lastPostAt], [7000, 7000])
    }).pipe(Effect.provide(layer))
  })

  it.effect("survives a post that the encoder cannot stand, frees its memory and goes on", () => {
    const { layer, log, post } = makePipeline({ bad: "broken", good: [done("r1")] })
    return Effect.gen(function*() {
      yield* TestClock.adjust("1 second")
      yield* post("bad")
      assert.strictEqual((yield* bufferState).heldBytes, 0)
      assert.strictEqual((yield* state).lastGapAt, 1000)
      assert.strictEqual((yield* Ledger.use((ledger) => ledger.snapshot)).receiving.postsDropped, 1)
      assert.strictEqual(log.at("Error").length, 1)
      yield* post("good")
      assert.isTrue((yield* state).isRuntimeDone("r1"))
      assert.isTrue((yield* state).isIdle)
    }).pipe(Effect.provide(layer))
  })

  it.effect("counts the calls whose durations come, and remembers the last", () => {
    const meaning = {
      first: [done("r1", 30)],
      second: [done("r2"), done("r3", 20)]
    } as const
    const { layer, post } = makePipeline(meaning)
    return Effect.gen(function*() {
      yield* post("first")
      yield* post("second")
      const { lastDurationMs, measuredCalls } = yield* state
      assert.deepStrictEqual([measuredCalls, lastDurationMs], [2, 20])
    }).pipe(Effect.provide(layer))
  })

  it.effect("remembers when a snapshot was restored, and takes no other start for that", () => {
    const meaning = {
      start: [{ _tag: "EnvironmentStart", instanceId: "i", isRestore: false }],
      restore: [{ _tag: "EnvironmentStart", instanceId: undefined, isRestore: true }]
    } as const
    const { layer, post } = makePipeline(meaning)
    return Effect.gen(function*() {
      yield* post("start")
      assert.strictEqual((yield* state).restoredAt, -Infinity)
      yield* TestClock.adjust("7 seconds")
      yield* post("restore")
      assert.strictEqual((yield* state).restoredAt, 7000)
    }).pipe(Effect.provide(layer))
  })

  it.effect("is busy until everything received has reached the buffer", () => {
    const { layer, offer } = makePipeline()
    return Effect.gen(function*() {
      assert.isTrue((yield* state).isIdle)
      yield* offer("waiting")
      assert.isFalse((yield* state).isIdle)
      yield* TestClock.adjust(0)
      assert.isTrue((yield* state).isIdle)
    }).pipe(Effect.provide(layer))
  })
})
