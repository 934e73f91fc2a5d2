import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { patience, withEmulator } from "./lambdaSandbox.ts"

const chatty = { shippers: [], files: { talker: "#!/bin/sh\necho ready 1\necho ready 2\nexec sleep 60\n" } }

describe("LambdaEmulator waits", () => {
  it.live(
    "finds a line that is there already and one that is still to come, by source",
    () =>
      withEmulator({}, (emulator) =>
        Effect.gen(function*() {
          const waiting = yield* Effect.forkChild(
            emulator.awaitOutput(/"eventType":"SHUTDOWN"/g, { source: "shipper", timeout: "20 seconds" })
          )
          const { startedAt } = yield* emulator.invoke({ do: "log" })
          const line = yield* emulator.awaitOutput("raw two")
          assert.deepInclude(line, { source: "runtime", stream: "stdout", line: "raw two" })
          assert.isAbove(line.at, startedAt)
          yield* emulator.shutdown()
          yield* Fiber.join(waiting)
        })),
    patience
  )

  it.live(
    "fails with the last lines, and says that nothing was written after a moment or by a source",
    () =>
      withEmulator({ ...chatty, initTimeoutMs: 1000 }, (emulator) =>
        Effect.gen(function*() {
          const starting = yield* Effect.forkChild(Effect.ignore(emulator.start))
          yield* emulator.awaitOutput("ready 2", { timeout: "20 seconds" })
          const { message } = yield* Effect.flip(emulator.awaitOutput(/ready 3/i, { source: "talker", timeout: 20 }))
          assert.strictEqual(
            message,
            "awaitOutput: no line of talker matched /ready 3/i within 20 ms; " +
              "the last lines were:\ntalker: ready 1\ntalker: ready 2"
          )
          const other = yield* Effect.flip(emulator.awaitOutput("x", { source: "runtime", timeout: "20 millis" }))
          assert.strictEqual(
            other.problem,
            "no line of runtime matched \"x\" within 20 ms; nothing was written"
          )
          const late = yield* Effect.flip(emulator.awaitOutput("ready", { after: Infinity, timeout: 20 }))
          assert.include(late.problem, "talker: ready 1")
          yield* Fiber.join(starting)
        })),
    patience
  )

  it.live(
    "waits until an event was created, or accepted by a subscriber, and says what there was instead",
    () =>
      withEmulator({}, (emulator) =>
        Effect.gen(function*() {
          const { requestId } = yield* emulator.invoke({})
          const created = yield* emulator.awaitEvent("platform.runtimeDone", { requestId })
          assert.deepInclude(created.record, { requestId, status: "success" })
          // a frozen environment gets nothing until it is thawed
          const { problem } = yield* Effect.flip(
            emulator.awaitEvent("platform.report", { requestId, subscriber: "shipper", timeout: 20 })
          )
          assert.match(
            problem,
            /^no platform\.report of [-\w]+ was accepted by shipper within 20 ms; the environment has been frozen for /
          )
          const waiting = yield* Effect.forkChild(
            emulator.awaitEvent("platform.report", { requestId, subscriber: "shipper", timeout: "20 seconds" })
          )
          const next = yield* emulator.invoke({})
          yield* emulator.shutdown()
          yield* Fiber.join(waiting)
          const after = { after: next.startedAt, timeout: 20 }
          yield* emulator.awaitEvent("platform.start", after)
          const late = yield* Effect.flip(emulator.awaitEvent("platform.start", { ...after, requestId }))
          assert.include(late.problem, "there were platform.initStart")
        })),
    patience
  )

  it.live(
    "gives up at once when the emulator is closed, and lets what was recorded be read",
    () =>
      Effect.gen(function*() {
        const [emulator, waiting] = yield* withEmulator({}, (emulator) =>
          Effect.gen(function*() {
            yield* emulator.start
            const waiting = yield* Effect.forkDetach(
              Effect.flip(emulator.awaitOutput("never", { timeout: "1 minute" }))
            )
            yield* Effect.yieldNow
            return [emulator, waiting] as const
          }))
        assert.include((yield* Fiber.join(waiting)).problem, "the emulator has been closed")
        const { phases } = yield* emulator.timeline
        assert.deepStrictEqual(phases.map(({ phase }) => phase), ["init"])
        assert.isTrue((yield* emulator.freezes).every(({ until }) => until !== undefined))
      }),
    patience
  )
})
