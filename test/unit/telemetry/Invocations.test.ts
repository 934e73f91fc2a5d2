import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { Invocations, type StreamState } from "../../../src/telemetry/Invocations.ts"
import { type Arrival, TelemetryServer } from "../../../src/telemetry/TelemetryServer.ts"

const layer = Invocations.layerNoDeps.pipe(
  Layer.provide(Layer.effect(
    TelemetryServer,
    Effect.map(
      Queue.unbounded<Arrival>(),
      (arrivals) => ({ port: 1, path: "/", openRoot: Effect.void, arrivals, close: Effect.void, closing: Effect.never })
    )
  ))
)

/** Works off a post that tells of these calls' ends. */
const post = Effect.fnUntraced(function*(...requestIds: ReadonlyArray<string>) {
  const invocations = yield* Invocations
  invocations.beginUnsafe(yield* Clock.currentTimeMillis)
  for (const requestId of requestIds) invocations.observeUnsafe({ _tag: "Report", requestId })
  yield* invocations.end
  yield* TestClock.adjust(0)
})

const waitUntil = (until: (state: StreamState) => number, meanwhile?: Effect.Effect<void>) =>
  Invocations.use((invocations) => Effect.forkChild(invocations.waitUntil(until, meanwhile)))

describe("Invocations", () => {
  describe("waitUntil", () => {
    it.effect("ends at the moment that is given, and not before", () =>
      Effect.gen(function*() {
        const waiting = yield* waitUntil(() => 10_000)
        yield* TestClock.adjust("9999 millis")
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.isDefined(waiting.pollUnsafe())
      }).pipe(Effect.provide(layer)))

    it.effect("ends when the stream has said what was waited for, however long that takes", () =>
      Effect.gen(function*() {
        const waiting = yield* waitUntil(({ isReported }) => isReported("r1") ? -Infinity : Infinity)
        yield* TestClock.adjust("1 hour")
        yield* post("r0")
        assert.isUndefined(waiting.pollUnsafe())
        yield* post("r1")
        assert.isDefined(waiting.pollUnsafe())
      }).pipe(Effect.provide(layer)))

    it.effect("follows a moment that depends on the stream", () =>
      Effect.gen(function*() {
        const waiting = yield* waitUntil(({ lastPostAt }) => lastPostAt === -Infinity ? Infinity : lastPostAt + 1000)
        yield* TestClock.adjust("3 seconds")
        yield* post("r1")
        yield* TestClock.adjust("900 millis")
        yield* post("r2")
        yield* TestClock.adjust("999 millis")
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.isDefined(waiting.pollUnsafe())
      }).pipe(Effect.provide(layer)))

    it.effect("does what is to be done meanwhile at once and after each post", () => {
      let times = 0
      return Effect.gen(function*() {
        yield* waitUntil(() => 10_000, Effect.sync(() => void times++))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(times, 1)
        yield* post("r1")
        assert.strictEqual(times, 2)
      }).pipe(Effect.provide(layer))
    })
  })
})
