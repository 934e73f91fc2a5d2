import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import { Intake } from "../../../src/logs/LogPipeline.ts"
import { Ledger } from "../../../src/delivery/Ledger.ts"
import type { LifecycleEvent } from "../../../src/telemetry/PlatformEvent.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import { RecordEncoder } from "../../../src/logs/RecordEncoder.ts"
import { TelemetryServer } from "../../../src/telemetry/TelemetryServer.ts"
import { makeCapturedLog } from "../../support/fakes/capturedLog.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"
import { sandboxLayer } from "../../support/fakes/program.ts"
import { postOf, settings } from "../../support/fakes/sinkUnderTest.ts"

const done = (requestId: string, durationMs?: number, hasFailed = false): LifecycleEvent => ({
  _tag: "RuntimeDone",
  requestId,
  durationMs,
  hasFailed
})

/** An intake whose encoder makes of a post's text what the test says. */
const makeIntake = (
  meaning: Readonly<Record<string, ReadonlyArray<LifecycleEvent> | "broken" | number>> = {},
  env: Readonly<Record<string, string>> = {},
  isSnapStart = false
) => {
  const posts = Effect.runSync(Queue.unbounded<Uint8Array>())
  const log = makeCapturedLog()
  let starts = 0
  let sends = 0
  const encode = (post: Uint8Array) => {
    const means = meaning[Buffer.from(post).toString()] ?? []
    if (means === "broken") return Effect.die(new Error("a defect of the encoder"))
    if (typeof means === "number") return Effect.succeed({ ...postOf([]), malformed: means })
    return Effect.succeed({ ...postOf([1]), lifecycle: means })
  }
  const layer = Intake.layerNoDeps.pipe(
    Layer.provideMerge(LogBuffer.layerNoDeps),
    Layer.provideMerge(Ledger.layer),
    Layer.provideMerge(ExtensionConfig.layerEnv({ ...settings, ...env })),
    Layer.provideMerge(Layer.mergeAll(
      Layer.succeed(TelemetryServer, { port: 1, posts, close: Effect.void }),
      Layer.mock(RecordEncoder, { encode }),
      Layer.mock(OpenObserveSink, {
        start: Effect.sync(() => void starts++),
        send: Effect.sync(() => void sends++)
      }),
      sandboxLayer({ isSnapStart }),
      log.layer
    ))
  )
  const post = (text: string) =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      buffer.holdUnsafe(Buffer.byteLength(text))
      yield* Queue.offer(posts, Buffer.from(text))
      yield* TestClock.adjust(0)
    })
  return { layer, log, post, posts, sends: () => sends, starts: () => starts }
}

const state = Intake.use((intake) => intake.state)

const bufferState = LogBuffer.use((buffer) => buffer.state)

describe("Intake", () => {
  it.effect("remembers what the stream says of calls, the last 64 of each kind", () => {
    const meaning = Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`post ${n}`, [done(`r${n}`)]]))
    const { layer, post } = makeIntake(meaning)
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
    const { layer, post } = makeIntake({ both: [done("r1"), done("r2", undefined, true)] })
    return Effect.gen(function*() {
      yield* post("both")
      const { hasFailed, isRuntimeDone } = yield* state
      assert.deepStrictEqual(["r1", "r2", "r3"].map(isRuntimeDone), [true, true, false])
      assert.deepStrictEqual(["r1", "r2", "r3"].map(hasFailed), [false, true, false])
    }).pipe(Effect.provide(layer))
  })

  it.effect("moves the memory of a post from the way to the buffer", () => {
    const { layer, post } = makeIntake()
    return Effect.gen(function*() {
      yield* post("x".repeat(5000))
      const { heldBytes, openRecords } = yield* bufferState
      assert.strictEqual(openRecords, 1)
      assert.isBelow(heldBytes, 100)
    }).pipe(Effect.provide(layer))
  })

  it.effect("tells who waits of each post, and lets go when time is over", () => {
    const { layer, post } = makeIntake()
    return Effect.gen(function*() {
      const { progress } = yield* Intake
      const first = yield* Effect.forkChild(progress(Duration.seconds(10)))
      yield* TestClock.adjust("9999 millis")
      assert.isUndefined(first.pollUnsafe())
      yield* post("something")
      assert.isDefined(first.pollUnsafe())
      const second = yield* Effect.forkChild(progress(Duration.seconds(10)))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(second)
    }).pipe(Effect.provide(layer))
  })

  it.effect("counts what is malformed and remembers when", () => {
    const { layer, post } = makeIntake({ odd: 3 })
    return Effect.gen(function*() {
      yield* post("fine")
      assert.strictEqual((yield* state).lastGapAt, -Infinity)
      yield* TestClock.adjust("7 seconds")
      yield* post("odd")
      assert.strictEqual((yield* state).lastGapAt, 7000)
      assert.strictEqual((yield* Ledger.use((ledger) => ledger.snapshot)).intake.malformed, 3)
    }).pipe(Effect.provide(layer))
  })

  describe("a record that Lambda has cut", () => {
    const envelope = "{\"time\":\"2026-11-22T10:00:00.000Z\",\"type\":\"function\",\"record\":"
    const head = `[${envelope}"a li}]`
    const rest = `[${envelope}ne"}]`
    const heldBytes = Effect.map(bufferState, (state) => state.heldBytes)
    const malformed = Effect.map(Ledger.use((ledger) => ledger.snapshot), (books) => books.intake.malformed)

    it.effect("counts as malformed until its rest has come", () => {
      const { layer, post, posts } = makeIntake({ [head]: 1, [`[${envelope}"a line"}]`]: [done("r1")] })
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
        assert.strictEqual(yield* Queue.size(posts), 0)
      }).pipe(Effect.provide(layer))
    })

    it.effect("is let go of after a second", () => {
      const { layer, post } = makeIntake({ [head]: 1 })
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
      const { layer, post } = makeIntake(meaning)
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
      const { layer, post } = makeIntake({ [head]: 1, [`[${envelope}"a line"}]`]: [done("r1")] })
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
      const { layer, post } = makeIntake({ [head]: 3, [`[${envelope}"a line"}]`]: [done("r1")] })
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
    const { layer, post } = makeIntake({ dropped: [{ _tag: "Dropped" }] })
    return Effect.gen(function*() {
      yield* TestClock.adjust("7 seconds")
      yield* post("dropped")
      assert.strictEqual((yield* state).lastGapAt, 7000)
    }).pipe(Effect.provide(layer))
  })

  it.effect("takes a post that was given up for one that may have said what is waited for", () => {
    const { layer, post } = makeIntake({ "": 0 })
    return Effect.gen(function*() {
      yield* TestClock.adjust("7 seconds")
      yield* post("")
      const { lastGapAt, lastPostAt } = yield* state
      assert.deepStrictEqual([lastGapAt, lastPostAt], [7000, 7000])
    }).pipe(Effect.provide(layer))
  })

  it.effect("survives a post that the encoder cannot stand, frees its memory and goes on", () => {
    const { layer, log, post } = makeIntake({ bad: "broken", good: [done("r1")] })
    return Effect.gen(function*() {
      yield* TestClock.adjust("1 second")
      yield* post("bad")
      assert.strictEqual((yield* bufferState).heldBytes, 0)
      assert.strictEqual((yield* state).lastGapAt, 1000)
      assert.strictEqual((yield* Ledger.use((ledger) => ledger.snapshot)).intake.postsDropped, 1)
      assert.strictEqual(log.at("Error").length, 1)
      yield* post("good")
      assert.isTrue((yield* state).isRuntimeDone("r1"))
      assert.isTrue((yield* state).isIdle)
    }).pipe(Effect.provide(layer))
  })

  it.effect("has a batch delivered as soon as it is full", () => {
    const { layer, post, sends, starts } = makeIntake({}, { O2_MAX_BATCH_SIZE_KB: "1" })
    return Effect.gen(function*() {
      while ((yield* bufferState).sealedBatches === 0) {
        assert.strictEqual(starts(), 0)
        yield* post("one")
      }
      assert.deepStrictEqual([starts(), sends()], [1, 0])
    }).pipe(Effect.provide(layer))
  })

  it.effect("sends what has reached O2_FLUSH_INTERVAL_MS, counted from the first record", () => {
    const { layer, post, sends } = makeIntake({}, { O2_FLUSH_INTERVAL_MS: "5000" })
    return Effect.gen(function*() {
      yield* post("one")
      yield* TestClock.adjust("3 seconds")
      yield* post("two")
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(sends(), 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(sends(), 1)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(sends(), 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("leaves what has got old in a frozen sandbox for 200 ms to whom INVOKE wakes", () => {
    const { layer, post, sends } = makeIntake({}, { O2_FLUSH_INTERVAL_MS: "5000" })
    return withFreezes((freeze) =>
      Effect.gen(function*() {
        yield* post("one")
        yield* freeze(3_600_000)
        yield* TestClock.adjust("5199 millis")
        assert.strictEqual(sends(), 0)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(sends(), 1)
      }).pipe(Effect.provide(layer))
    )
  })

  it.effect("sends nothing before the first event where a snapshot may be taken", () => {
    const { layer, post, sends, starts } = makeIntake({}, { O2_FLUSH_INTERVAL_MS: "5000" }, true)
    return Effect.gen(function*() {
      yield* post("one")
      yield* TestClock.adjust("1 hour")
      yield* post("two")
      yield* LogBuffer.use((buffer) => buffer.seal)
      yield* post("three")
      assert.strictEqual(starts(), 0)
      yield* Intake.use((intake) => intake.open)
      yield* post("four")
      assert.deepEqual([starts(), sends()], [1, 0])
      yield* TestClock.adjust("5 seconds")
      assert.deepEqual([starts(), sends()], [1, 1])
    }).pipe(Effect.provide(layer))
  })

  it.effect("knows since when the open batch has been filling", () => {
    const { layer, post } = makeIntake()
    return Effect.gen(function*() {
      yield* TestClock.adjust("1 second")
      yield* post("one")
      yield* TestClock.adjust("1 second")
      yield* post("two")
      assert.strictEqual((yield* state).openSince, 1000)
      yield* LogBuffer.use((buffer) => buffer.seal)
      yield* post("three")
      assert.strictEqual((yield* state).openSince, 2000)
    }).pipe(Effect.provide(layer))
  })

  it.effect("counts the calls whose durations come, and remembers the last", () => {
    const meaning = {
      first: [done("r1", 30)],
      second: [done("r2"), done("r3", 20)]
    } as const
    const { layer, post } = makeIntake(meaning)
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
    const { layer, post } = makeIntake(meaning)
    return Effect.gen(function*() {
      yield* post("start")
      assert.strictEqual((yield* state).restoredAt, -Infinity)
      yield* TestClock.adjust("7 seconds")
      yield* post("restore")
      assert.strictEqual((yield* state).restoredAt, 7000)
    }).pipe(Effect.provide(layer))
  })

  it.effect("is busy until everything received has reached the buffer", () => {
    const { layer, posts } = makeIntake()
    return Effect.gen(function*() {
      assert.isTrue((yield* state).isIdle)
      Queue.offerUnsafe(posts, Buffer.from("waiting"))
      assert.isFalse((yield* state).isIdle)
      yield* TestClock.adjust(0)
      assert.isTrue((yield* state).isIdle)
    }).pipe(Effect.provide(layer))
  })
})
