import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { TelemetryEvent } from "../../src/testing/LambdaEmulator.ts"
import { patience, printed, received, withEmulator } from "./lambdaSandbox.ts"

const records = (events: ReadonlyArray<Pick<TelemetryEvent, "record" | "type">>, type: string) =>
  events.filter((event) => event.type === type).map(({ record }) => record as Record<string, any>)

describe("LambdaEmulator failures", () => {
  it.live(
    "resets after a time-out: SHUTDOWN timeout, then a new generation inside the next call",
    () =>
      // the next call's time is that of its init, too
      withEmulator({ timeoutMs: 2500 }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          const [first] = yield* emulator.extensions
          const call = yield* emulator.invoke({ do: "sleep", ms: 10_000 })
          assert.deepStrictEqual(call.outcome, { _tag: "TimedOut" })
          const shutdown = (yield* printed(emulator, "event")).at(-1) as Record<string, any>
          assert.include(shutdown["event"], { eventType: "SHUTDOWN", shutdownReason: "timeout" })
          const seen = yield* received(emulator)
          assert.deepInclude(records(seen, "platform.runtimeDone")[0], { requestId: call.requestId, status: "timeout" })
          assert.deepInclude(records(seen, "platform.report")[0], { requestId: call.requestId, status: "timeout" })
          assert.strictEqual(records(seen, "platform.report")[0]?.["metrics"].durationMs, 2500)

          const next = yield* emulator.invoke({})
          assert.strictEqual(next.outcome._tag, "Response")
          assert.isTrue(next.coldStart)
          const [second] = yield* emulator.extensions
          assert.notStrictEqual(second?.pid, first?.pid)
          const events = yield* emulator.events
          assert.deepStrictEqual(records(events, "platform.initStart").map(({ phase }) => phase), ["init", "invoke"])
          const identifiers = (yield* emulator.calls)
            .filter(({ path }) => path.endsWith("/event/next"))
            .map(({ headers }) => headers["lambda-extension-identifier"])
          assert.strictEqual(new Set(identifiers).size, 2)
        })),
    patience
  )

  it.live(
    "times an invocation out whose extension does not come back, after the answer",
    () =>
      withEmulator(
        { timeoutMs: 500, shutdownBudgetMs: 500, shipper: { runtimeDone: true } },
        (emulator) =>
          Effect.gen(function*() {
            // not subscribed, so the extension waits for a runtimeDone that never comes
            const call = yield* emulator.invoke({})
            assert.strictEqual(call.outcome._tag, "Response")
            assert.strictEqual(call.status, "timeout")
            const done = records(yield* emulator.events, "platform.runtimeDone").map(({ status }) => status)
            assert.deepStrictEqual(done, ["success", "timeout"])
          })
      ),
    patience
  )

  const ends = [
    ["the exit of the runtime an error", { do: "exit", code: 4 }, "Runtime.ExitError"],
    ["a runtime that the kernel has killed out of memory", { do: "kill" }, "Runtime.OutOfMemory"]
  ] as const
  for (const [what, payload, errorType] of ends) {
    it.live(
      `calls ${what} and resets`,
      () =>
        withEmulator({}, (emulator) =>
          Effect.gen(function*() {
            const call = yield* emulator.invoke(payload)
            assert.deepStrictEqual(call.outcome, { _tag: "Crashed", errorType })
            const seen = yield* received(emulator)
            assert.deepInclude(records(seen, "platform.report")[0], { status: "error", errorType })
            const shutdown = (yield* printed(emulator, "event")).at(-1) as Record<string, any>
            assert.strictEqual(shutdown["event"].shutdownReason, "failure")
            assert.strictEqual((yield* emulator.invoke({})).outcome._tag, "Response")
          })),
      patience
    )
  }

  it.live(
    "calls an exception of the handler a success of the platform",
    () =>
      withEmulator({}, (emulator) =>
        Effect.gen(function*() {
          const { outcome, status } = yield* emulator.invoke({ do: "throw" })
          assert.strictEqual(outcome._tag, "HandlerError")
          assert.strictEqual(status, "success")
          assert.include(JSON.parse(outcome._tag === "HandlerError" ? outcome.body : ""), {
            errorType: "RangeError",
            errorMessage: "out of range"
          })
        })),
    patience
  )

  it.live("fails an invocation when an extension exits with code 0", () =>
    withEmulator({
      files: {
        leaver: `#!/usr/bin/env node
          const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension/"
          const answer = await fetch(base + "register", {
            method: "POST", body: '{"events":["INVOKE"]}', headers: { "lambda-extension-name": "leaver" }
          })
          const headers = { "lambda-extension-identifier": answer.headers.get("lambda-extension-identifier") }
          await (await fetch(base + "event/next", { headers })).text()
          process.exit(0)
        `
      }
    }, (emulator) =>
      Effect.gen(function*() {
        const call = yield* emulator.invoke({ do: "sleep", ms: 1500 })
        assert.deepStrictEqual(call.outcome, { _tag: "Crashed", errorType: "Extension.Crash" })
        assert.deepStrictEqual((yield* emulator.extensions).map(({ name, state }) => [name, state]), [
          ["leaver", "Exited"],
          ["shipper", "Exited"]
        ])
      })), patience)

  it.live(
    "repeats a failed init inside the invocation, and fails that when it fails again",
    () =>
      withEmulator({ files: { broken: "#!/bin/sh\nexit 7\n" } }, (emulator) =>
        Effect.gen(function*() {
          const call = yield* emulator.invoke({})
          assert.deepStrictEqual(call.outcome, { _tag: "Crashed", errorType: "Extension.Crash" })
          const events = yield* emulator.events
          assert.deepStrictEqual(
            records(events, "platform.initReport").map(({ errorType, phase, status }) => [phase, status, errorType]),
            [["init", "error", "Extension.Crash"], ["invoke", "error", "Extension.Crash"]]
          )
          assert.deepStrictEqual(records(events, "platform.initRuntimeDone"), [])
          const error = yield* Effect.flip(emulator.start)
          assert.include(error.message, "extension broken exited with code 7")
        })),
    patience
  )

  it.live(
    "names what cannot be started",
    () =>
      withEmulator({ files: { "README.md": "not a program" } }, (emulator) =>
        Effect.gen(function*() {
          const { message } = yield* Effect.flip(emulator.start)
          assert.include(message, "extension README.md could not be started: exec format error")
          assert.include(records(yield* emulator.events, "platform.initReport")[0], {
            errorType: "Extension.LaunchError"
          })
        })),
    patience
  )

  it.live(
    "reports a handler that cannot be loaded",
    () =>
      withEmulator({ runtime: { _tag: "Handler", file: "/does/not/exist.mjs" } }, (emulator) =>
        Effect.gen(function*() {
          yield* Effect.flip(emulator.start)
          assert.include(records(yield* emulator.events, "platform.initRuntimeDone")[0], { status: "error" })
        })),
    patience
  )
})
