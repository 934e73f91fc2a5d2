/** Between INVOKE and the next event: what each tier holds up and what it delivers, whatever order things come in. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { ended } from "./books.ts"
import { eventually, withSandbox } from "./sandbox.ts"
import type { Sandbox } from "./sandbox.ts"

const tier = (O2_FLUSH_STRATEGY: string, more: Readonly<Record<string, string>> = {}) => ({
  environment: { O2_FLUSH_STRATEGY, ...more }
})

/** A delay before retries that no test outlives: whatever arrives has been paid for by none. */
const noRetry = { O2_INITIAL_RETRY_DELAY_MS: "600000", O2_MAX_RETRY_DELAY_MS: "600000" }

/** When the extension has asked for events, in epoch ms: at its start, and after each call. */
const polls = ({ emulator }: Sandbox) =>
  Effect.map(emulator.calls, (calls) => calls.filter(({ path }) => path.endsWith("/event/next")).map(({ at }) => at))

/** Cuts every connection of the frozen extension, and is there again. */
const cutConnections = ({ openObserve }: Sandbox) =>
  Effect.andThen(openObserve.setFault(Fault.RefuseConnections()), openObserve.setFault(undefined))

/** Longer than what counts as a freeze. */
const A_FREEZE = "1200 millis"

describe("continuous", () => {
  it.live("holds up no call, and has every line stored once, in order, under its own request", () =>
    withSandbox(tier("continuous"), (sandbox) =>
      Effect.gen(function*() {
        const invocations = []
        for (let call = 0; call < 30; call++) {
          invocations.push(yield* sandbox.invoke({ lines: [`${call} a`, `${call} b`], sleepMs: 30 }))
        }
        const asked = (yield* polls(sandbox)).slice(1)
        assert.strictEqual(asked.length, 30)
        const early = invocations.filter(({ runtimeDoneAt }, call) => asked[call]! < runtimeDoneAt!)
        assert.isAbove(early.length, 15)
        const { possiblyDuplicated } = yield* ended(sandbox)
        assert.strictEqual(possiblyDuplicated, 0)
        assert.deepStrictEqual(
          (yield* sandbox.functionRecords).map((record) => [record["record"], record["requestid"]]),
          invocations.flatMap(({ requestId }, call) => [[`${call} a\n`, requestId], [`${call} b\n`, requestId]])
        )
      })))

  it.live("reads after a freeze the answer that has come meanwhile, though the time-out is due as well", () =>
    withSandbox(tier("continuous", { ...noRetry, O2_REQUEST_TIMEOUT_MS: "1000" }), (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.invoke({ lines: ["first"], sleepMs: 100 })
        yield* sandbox.openObserve.setLatency(300)
        // the first call's lines are on their way when this one ends
        yield* sandbox.invoke({ lines: ["second"], sleepMs: 50 })
        yield* eventually(sandbox.functionLines, (lines) => lines.includes("first\n"))
        yield* Effect.sleep(A_FREEZE)
        yield* sandbox.openObserve.setLatency(0)
        yield* sandbox.invoke({ lines: ["third"], sleepMs: 300 })
        const { possiblyDuplicated } = yield* ended(sandbox)
        assert.strictEqual(possiblyDuplicated, 0)
        assert.deepStrictEqual(yield* sandbox.functionLines, ["first\n", "second\n", "third\n"])
      })))

  it.live("sends again, at once and counted, what was in flight on a connection that died in the freeze", () =>
    withSandbox(tier("continuous"), (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.invoke({ lines: ["first"], sleepMs: 100 })
        yield* sandbox.openObserve.setLatency(400)
        yield* sandbox.invoke({ lines: ["second"], sleepMs: 50 })
        // whether the first call's lines are stored cannot be known on the other side
        yield* cutConnections(sandbox)
        yield* Effect.sleep(A_FREEZE)
        yield* sandbox.openObserve.setLatency(0)
        yield* sandbox.invoke({ lines: ["third"], sleepMs: 800 })
        const { possiblyDuplicated } = yield* ended(sandbox)
        const lines = yield* sandbox.functionLines
        assert.deepStrictEqual([...new Set(lines)], ["first\n", "second\n", "third\n"])
        assert.isAtMost(lines.length - 3, possiblyDuplicated)
      })))
})

describe("end", () => {
  it.live("has stored all that a call wrote when the call ends", () =>
    withSandbox(tier("end"), (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.openObserve.setLatency(100)
        for (let call = 0; call < 3; call++) {
          const { requestId } = yield* sandbox.invoke({ lines: [`call ${call}`], sleepMs: call * 50 })
          const stored = yield* sandbox.openObserve.records("default")
          const ofCall = stored.filter((record) =>
            record["requestid"] === requestId || record["record_requestid"] === requestId
          )
          assert.deepStrictEqual(ofCall.map(({ type }) => type), ["platform.start", "function", "platform.runtimeDone"])
        }
        yield* ended(sandbox)
      })))

  it.live("does not wait for a call that was over before INVOKE came", () =>
    withSandbox({ ...tier("end"), invokeDelayMs: 200, timeoutMs: 90_000 }, (sandbox) =>
      Effect.gen(function*() {
        // waiting for this call's end once more would outlast the test
        for (let call = 0; call < 3; call++) {
          const { status } = yield* sandbox.invoke({ lines: [`call ${call}`] })
          assert.strictEqual(status, "success")
          assert.include(yield* sandbox.functionLines, `call ${call}\n`)
        }
        yield* ended(sandbox)
      })))

  it.live("is not misled by another call's end, repeated or late", () =>
    withSandbox(tier("end"), (sandbox) =>
      Effect.gen(function*() {
        const { requestId } = yield* sandbox.invoke({ lines: ["first"] })
        const second = yield* Effect.forkChild(sandbox.invoke({ lines: ["begun"], sleepMs: 400, throws: "the end" }))
        yield* eventually(sandbox.emulator.events, (events) => events.some(({ record }) => record === "begun\n"))
        yield* sandbox.emulator.emit({ type: "platform.runtimeDone", record: { requestId, status: "timeout" } })
        yield* sandbox.emulator.emit({ type: "function", record: "late line\n" })
        const { runtimeDoneAt } = yield* Fiber.join(second)
        assert.isAbove((yield* polls(sandbox)).at(-1)!, runtimeDoneAt!)
        assert.deepStrictEqual((yield* sandbox.functionLines).slice(1, 3), ["begun\n", "late line\n"])
        assert.strictEqual((yield* sandbox.functionLines).length, 4)
        yield* ended(sandbox)
      })))

  for (const [what, pause] of [["a short pause", 0], ["a freeze", 1200]] as const) {
    it.live(`loses and repeats nothing, and pays no retry, when connections died in ${what}`, () =>
      withSandbox(tier("end", noRetry), (sandbox) =>
        Effect.gen(function*() {
          for (let call = 0; call < 2; call++) {
            yield* sandbox.invoke({ lines: [`call ${call}`] })
            assert.include(yield* sandbox.functionLines, `call ${call}\n`)
            yield* cutConnections(sandbox)
            yield* Effect.sleep(pause)
          }
          yield* ended(sandbox)
          assert.deepStrictEqual(yield* sandbox.functionLines, ["call 0\n", "call 1\n"])
        })))
  }
})

describe("an end of a call that is never told", () => {
  it.live("is waited for once, for a second of silence, and not again", () =>
    withSandbox({ ...tier("end"), runtimeDone: "never", timeoutMs: 90_000 }, (sandbox) =>
      Effect.gen(function*() {
        const calls = []
        for (let call = 0; call < 5; call++) {
          // until the time-out it would outlast the test
          calls.push(yield* sandbox.invoke({ lines: [`call ${call}`], sleepMs: 500 }))
        }
        const asked = (yield* polls(sandbox)).slice(1)
        assert.deepStrictEqual(
          calls.map(({ runtimeDoneAt, status }, call) => [status, asked[call]! > runtimeDoneAt!]),
          [["success", true], ["success", false], ["success", false], ["success", false], ["success", false]]
        )
        const { delivered, received } = yield* ended(sandbox)
        assert.strictEqual(delivered, received)
        assert.deepStrictEqual(yield* sandbox.functionLines, [0, 1, 2, 3, 4].map((call) => `call ${call}\n`))
      })))

  it.live("is waited for again after a first call that was only quiet", () =>
    withSandbox(tier("end"), (sandbox) =>
      Effect.gen(function*() {
        for (const line of ["first", "second", "third"]) {
          const { runtimeDoneAt } = yield* sandbox.invoke({ sleepMs: 1500, logAfter: [line] })
          if (line === "first") continue
          assert.isAbove((yield* polls(sandbox)).at(-1)!, runtimeDoneAt!)
          assert.include((yield* sandbox.functionLines).at(-1), line)
        }
        yield* ended(sandbox)
        assert.strictEqual((yield* sandbox.functionLines).length, 3)
      })))

  it.live("is not waited for when the platform says that it has dropped events", () =>
    // waiting until the deadline would outlast the test
    withSandbox({ ...tier("end"), runtimeDone: "never", timeoutMs: 90_000 }, (sandbox) =>
      Effect.gen(function*() {
        const call = yield* Effect.forkChild(sandbox.invoke({ lines: ["kept"], sleepMs: 200 }))
        yield* eventually(sandbox.emulator.events, (events) => events.some(({ record }) => record === "kept\n"))
        yield* sandbox.emulator.emit({
          type: "platform.logsDropped",
          record: { droppedBytes: 300, droppedRecords: 1, reason: "the consumer is slower than the logs come" }
        })
        const { runtimeDoneAt, status } = yield* Fiber.join(call)
        assert.strictEqual(status, "success")
        assert.isAbove((yield* polls(sandbox)).at(-1)!, runtimeDoneAt!)
        assert.include(yield* sandbox.functionLines, "kept\n")
        yield* ended(sandbox)
      })))
})

describe("a backend that hangs", () => {
  for (const strategy of ["adaptive", "end", "continuous", "periodic"]) {
    it.live(`does not push a function of 3 s into its time-out with ${strategy}`, () =>
      withSandbox(
        { ...tier(strategy, { O2_FLUSH_INTERVAL_MS: "500" }), timeoutMs: 3000 },
        (sandbox) =>
          Effect.gen(function*() {
            yield* sandbox.openObserve.setFault(Fault.HangBeforeHeaders())
            // long enough that a flush of 2 s after it would be too long, and short
            for (const sleepMs of [1400, 0, 0]) {
              const { outcome, status } = yield* sandbox.invoke({ lines: [`slept for ${sleepMs}`], sleepMs })
              assert.strictEqual(`${outcome._tag} ${status}`, "Response success")
            }
            // what becomes of a request that has hung for less than two seconds is another question
            yield* ended(sandbox)
          })
      ))
  }
})
