import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, patience, printed, received, withEmulator } from "./lambdaSandbox.ts"

const managed = {
  initializationType: "lambda-managed-instances",
  shipper: { events: ["SHUTDOWN"], subscription: { schemaVersion: "2025-01-29" } }
} as const

describe("LambdaEmulator on Managed Instances", () => {
  it.live(
    "serves invocations side by side, without INVOKE, runtimeDone or freeze",
    () =>
      withEmulator(managed, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          const calls = yield* Effect.all(
            Array.from({ length: 3 }, () => emulator.invoke({ do: "sleep", ms: 300 })),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(calls.map(({ outcome }) => outcome._tag), ["Response", "Response", "Response"])
          assert.isBelow(
            Math.max(...calls.map(({ startedAt }) => startedAt)),
            Math.min(...calls.map(({ endedAt }) => endedAt))
          )
          const events = yield* eventually(
            received(emulator),
            (events) => events.filter(({ type }) => type === "platform.report").length === 3
          )
          assert.notInclude(events.map(({ type }) => type), "platform.runtimeDone")
          const report = events.find(({ type }) => type === "platform.report")?.record as Record<string, any>
          assert.hasAllKeys(report["metrics"], ["durationMs"])
          yield* emulator.shutdown()
          const polled = yield* printed(emulator, "event")
          assert.deepStrictEqual(polled.map(({ event }) => (event as { eventType: string }).eventType), ["SHUTDOWN"])
        })),
    patience
  )

  it.live("refuses INVOKE, older schemas and the Logs API", () =>
    withEmulator({
      ...managed,
      initTimeoutMs: 3000,
      shippers: [],
      files: { mute: "#!/bin/sh\nexec sleep 60\n" }
    }, (emulator) =>
      Effect.gen(function*() {
        yield* Effect.forkChild(Effect.ignore(emulator.start))
        yield* eventually(emulator.extensions, (extensions) => extensions.length === 1)
        const call = (path: string, method: string, body: unknown, headers: Record<string, string>) =>
          Effect.promise(() =>
            fetch(`http://${emulator.runtimeApi}${path}`, { method, body: JSON.stringify(body), headers })
          )
        const named = { "lambda-extension-name": "mute" }
        const register = "/2020-01-01/extension/register"
        const refused = yield* call(register, "POST", { events: ["INVOKE", "SHUTDOWN"] }, named)
        assert.strictEqual(refused.status, 403)
        assert.include(yield* Effect.promise(() => refused.text()), "INVOKE: ErrorInvalidEventType")
        const registered = yield* call(register, "POST", { events: ["SHUTDOWN"] }, named)
        const identified = {
          "lambda-extension-identifier": registered.headers.get("lambda-extension-identifier") ?? ""
        }
        const subscription = {
          types: ["platform"],
          destination: { protocol: "HTTP", URI: "http://sandbox.localdomain:4243" }
        }
        const older = { ...subscription, schemaVersion: "2022-12-13" }
        assert.strictEqual((yield* call("/2022-07-01/telemetry", "PUT", older, identified)).status, 400)
        assert.strictEqual((yield* call("/2020-08-15/logs", "PUT", subscription, identified)).status, 404)
      })), patience)

  it.live(
    "correlates lines by the id inside the record, and calls a handler's exception an error",
    () =>
      withEmulator(managed, (emulator) =>
        Effect.gen(function*() {
          const [logged, thrown] = yield* Effect.all(
            [emulator.invoke({ do: "json" }), emulator.invoke({ do: "throw" })],
            { concurrency: "unbounded" }
          )
          const events = yield* emulator.events
          const records = events.filter(({ type }) => type === "function").map(({ record }) => record as any)
          assert.isTrue(records.some((record) => record.requestId === logged.requestId && record.message.answer === 42))
          assert.isTrue(
            records.some((record) => record.requestId === thrown.requestId && record.errorType === "RangeError")
          )
          assert.strictEqual(thrown.status, "error")
        })),
    patience
  )

  it.live(
    "ends all that runs when the runtime crashes, and starts anew",
    () =>
      withEmulator(managed, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          const outcomes = yield* Effect.all([
            emulator.invoke({ do: "sleep", ms: 2000 }),
            Effect.delay(emulator.invoke({ do: "exit", code: 1 }), 100)
          ], { concurrency: "unbounded" })
          for (const { outcome, reason } of outcomes) {
            assert.deepStrictEqual(outcome, { _tag: "Crashed", errorType: "Runtime.ExitError" })
            assert.match(String(reason), /^the runtime exited with code 1;/)
          }
          assert.strictEqual((yield* emulator.invoke({})).outcome._tag, "Response")
        })),
    patience
  )

  it.live(
    "serves as many calls at once as asked for",
    () =>
      withEmulator({ ...managed, maxConcurrency: 12 }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          // the environment is ready when one of the workers is
          yield* eventually(
            emulator.calls,
            (calls) => calls.filter(({ path }) => path.endsWith("/invocation/next")).length === 12
          )
          const calls = yield* Effect.all(
            Array.from({ length: 12 }, () => emulator.invoke({ do: "sleep", ms: 1000 })),
            { concurrency: "unbounded" }
          )
          const order = (yield* emulator.events).map(({ type }) => type)
          assert.isBelow(order.lastIndexOf("platform.start"), order.indexOf("platform.report"))
          assert.deepStrictEqual(new Set(calls.map(({ outcome }) => outcome._tag)), new Set(["Response"]))
        })),
    patience
  )

  it.live(
    "times a call out without a reset",
    () =>
      withEmulator({ ...managed, timeoutMs: 300 }, (emulator) =>
        Effect.gen(function*() {
          const late = yield* emulator.invoke({ do: "sleep", ms: 600 })
          assert.deepStrictEqual(late.outcome, { _tag: "TimedOut" })
          assert.strictEqual(late.reason, "the function had not answered when the function timed out after 300 ms")
          assert.strictEqual((yield* emulator.invoke({})).outcome._tag, "Response")
          const { freezes, phases } = yield* emulator.timeline
          assert.deepStrictEqual(phases.map(({ outcome, phase }) => [phase, outcome]), [
            ["init", "success"],
            ["invoke", "timeout"],
            ["invoke", "success"]
          ])
          assert.deepStrictEqual(freezes, [])
          yield* eventually(emulator.calls, (calls) => calls.some(({ status }) => status === 410))
        })),
    patience
  )
})
