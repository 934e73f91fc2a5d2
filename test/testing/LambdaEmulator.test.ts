import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, patience, printed, received, withEmulator } from "./lambdaSandbox.ts"

const types = (events: ReadonlyArray<{ readonly type: string }>) => events.map(({ type }) => type)

const isAlive = (pid: number | undefined): boolean => {
  if (pid === undefined) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const lifecycle = [
  "platform.initStart",
  "platform.telemetrySubscription",
  "platform.initRuntimeDone",
  "platform.extension",
  "platform.initReport",
  "platform.start",
  "platform.runtimeDone",
  "platform.report"
]

describe("LambdaEmulator", () => {
  it.live(
    "runs init, an invocation and a shutdown in Lambda's order",
    () =>
      withEmulator({}, (emulator) =>
        Effect.gen(function*() {
          const { initDurationMs } = yield* emulator.start
          assert.isAbove(initDurationMs, 0)
          const invocation = yield* emulator.invoke({ n: 1 })
          assert.strictEqual(invocation.outcome._tag, "Response")
          assert.isTrue(invocation.coldStart)
          const { extensions } = yield* emulator.shutdown()
          assert.deepStrictEqual(extensions.map(({ exitCode, killed, name }) => ({ exitCode, killed, name })), [
            { exitCode: 0, killed: false, name: "shipper" }
          ])
          const created = yield* emulator.events
          assert.deepStrictEqual(types(created.filter(({ type }) => type.startsWith("platform"))), lifecycle)
          assert.deepStrictEqual(types(yield* received(emulator)), lifecycle)
          const polled = yield* printed(emulator, "event")
          const [invoke, shutdown] = polled as ReadonlyArray<Record<string, any>>
          assert.include(invoke?.["event"], { eventType: "INVOKE", requestId: invocation.requestId })
          assert.strictEqual(
            invoke?.["event"].invokedFunctionArn,
            "arn:aws:lambda:eu-west-1:111122223333:function:demo-function"
          )
          assert.deepInclude(shutdown, { type: "text/plain; charset=utf-8" })
          assert.notProperty(shutdown, "id")
          assert.include(shutdown?.["event"], { eventType: "SHUTDOWN", shutdownReason: "spindown" })
        })),
    patience
  )

  it.live(
    "hands the response over and measures each part of the invocation",
    () =>
      withEmulator({}, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({})
          const call = yield* emulator.invoke({ do: "sleep", ms: 60 })
          assert.isFalse(call.coldStart)
          const { endedAt, respondedAt = 0, runtimeDoneAt = 0, startedAt } = call
          assert.isAtLeast(respondedAt - startedAt, 55)
          assert.isAtLeast(runtimeDoneAt, respondedAt)
          assert.isAtLeast(endedAt, runtimeDoneAt)
          const events = yield* emulator.events
          const reports = events.filter(({ type }) => type === "platform.report").map(({ record }) => record as any)
          assert.property(reports[0].metrics, "initDurationMs")
          assert.notProperty(reports[1].metrics, "initDurationMs")
          assert.strictEqual(reports[1].metrics.billedDurationMs, Math.ceil(reports[1].metrics.durationMs))
          assert.strictEqual(reports[1].spans[0].name, "extensionOverhead")
          const done = events.findLast(({ type }) => type === "platform.runtimeDone")?.record as any
          assert.deepStrictEqual(done.spans.map(({ name }: { name: string }) => name), [
            "responseLatency",
            "responseDuration",
            "runtimeOverhead"
          ])
        })),
    patience
  )

  it.live(
    "stops every process between invocations and holds telemetry back",
    () =>
      withEmulator({}, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({})
          const before = (yield* emulator.deliveries).length
          yield* Effect.sleep(400)
          assert.strictEqual((yield* emulator.deliveries).length, before)
          assert.notInclude(types(yield* received(emulator)), "platform.report")
          yield* emulator.invoke({})
          const [first, second] = (yield* printed(emulator, "event")).map(({ ticks }) => Number(ticks))
          // the extension's timer fires every 10 ms while it runs: 40 times more without the freeze
          assert.isBelow((second ?? 0) - (first ?? 0), 30)
          yield* emulator.shutdown()
          assert.strictEqual(types(yield* received(emulator)).filter((type) => type === "platform.report").length, 2)
        })),
    patience
  )

  it.live(
    "lets the processes run on without freeze",
    () =>
      withEmulator({ freeze: false }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({})
          yield* eventually(received(emulator), (events) => types(events).includes("platform.report"))
          yield* Effect.sleep(300)
          yield* emulator.invoke({})
          const [first, second] = (yield* printed(emulator, "event")).map(({ ticks }) => Number(ticks))
          assert.isAbove((second ?? 0) - (first ?? 0), 15)
        })),
    patience
  )

  it.live("builds the environment of an extension from nothing", () =>
    withEmulator({
      shippers: [],
      files: { "print-env": "#!/bin/sh\nenv | sed 's/^/env /'\nexec sleep 60\n" },
      environment: { CUSTOMER: "1", _PRIVATE: "2", AWS_REGION: "mars-north-1", TZ: "Europe/Berlin" },
      initTimeoutMs: 300
    }, (emulator) =>
      Effect.gen(function*() {
        yield* Effect.flip(emulator.start)
        const output = yield* emulator.output
        const names = Object.fromEntries(
          output.filter(({ line }) => line.startsWith("env ")).map(({ line }) => line.slice(4).split(/=(.*)/s, 2))
        ) as Record<string, string>
        assert.include(names, {
          AWS_LAMBDA_RUNTIME_API: emulator.runtimeApi,
          AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
          AWS_REGION: "eu-west-1",
          CUSTOMER: "1",
          TMPDIR: emulator.temporaryDirectory,
          TZ: "Europe/Berlin"
        })
        for (const absent of ["_PRIVATE", "_HANDLER", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "HOME", "VITEST"]) {
          assert.notProperty(names, absent)
        }
      })), patience)

  it.live("says which extension did not register, and what it had to say", () =>
    withEmulator({
      shippers: [],
      files: { mute: "#!/bin/sh\necho no address\nexec sleep 60\n" },
      initTimeoutMs: 400
    }, (emulator) =>
      Effect.gen(function*() {
        const { message } = yield* Effect.flip(emulator.start)
        assert.strictEqual(
          message,
          "start: extension mute did not register within 400 ms; its output was:\nno address"
        )
      })), patience)

  it.live("reports exit codes, and kills at the end of the budget", () =>
    withEmulator({
      shippers: ["failing", "slow"],
      shipper: { exitCode: 3 },
      files: { deaf: "#!/bin/sh\nexec sleep 60\n" },
      shutdownBudgetMs: 700,
      initTimeoutMs: 60_000
    }, (emulator) =>
      Effect.gen(function*() {
        yield* Effect.forkChild(Effect.ignore(emulator.start))
        yield* eventually(emulator.calls, (calls) => calls.filter(({ status }) => status === 200).length >= 2)
        const api = `http://${emulator.runtimeApi}/2020-01-01/extension`
        const registered = yield* Effect.promise(() =>
          fetch(`${api}/register`, {
            method: "POST",
            body: "{\"events\":[\"INVOKE\"]}",
            headers: { "lambda-extension-name": "deaf" }
          })
        )
        const identifier = registered.headers.get("lambda-extension-identifier") ?? ""
        yield* Effect.forkChild(
          Effect.tryPromise((signal) =>
            fetch(`${api}/event/next`, { signal, headers: { "lambda-extension-identifier": identifier } })
          )
        )
        yield* emulator.start
        const { extensions } = yield* emulator.shutdown()
        assert.deepStrictEqual(extensions.map(({ exitCode, killed, name }) => [name, exitCode, killed]), [
          // it has not registered for SHUTDOWN
          ["deaf", undefined, true],
          ["failing", 3, false],
          ["slow", 3, false]
        ])
        assert.deepStrictEqual((yield* emulator.extensions).map(({ state }) => state), [
          "ShutdownFailed",
          "ShutdownFailed",
          "ShutdownFailed"
        ])
      })), patience)

  it.live(
    "kills an extension that outlives the budget",
    () =>
      withEmulator({ shipper: { linger: 20_000 }, shutdownBudgetMs: 600 }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          const { extensions: [extension] } = yield* emulator.shutdown()
          assert.include(extension, { exitCode: undefined, killed: true })
          assert.isBelow(extension?.exitedAfterMs ?? Infinity, 5000)
        })),
    patience
  )

  it.live("leaves no process behind when its scope closes, frozen or not", () =>
    Effect.gen(function*() {
      const pids: Array<number | undefined> = []
      yield* withEmulator({ shippers: ["one", "two"] }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({})
          pids.push(...(yield* emulator.extensions).map(({ pid }) => pid))
          assert.isTrue(pids.every(isAlive))
        }))
      assert.strictEqual(pids.length, 2)
      assert.deepStrictEqual(pids.filter(isAlive), [])
    }), patience)

  it.live("ends an invocation that runs when its scope closes", () =>
    Effect.gen(function*() {
      const pids: Array<number | undefined> = []
      yield* withEmulator({ timeoutMs: 60_000 }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          yield* Effect.forkChild(emulator.invoke({ do: "sleep", ms: 60_000 }))
          yield* eventually(emulator.events, (events) => types(events).includes("platform.start"))
          pids.push(...(yield* emulator.extensions).map(({ pid }) => pid))
          assert.isTrue(pids.every(isAlive))
        }))
      assert.deepStrictEqual(pids.filter(isAlive), [])
    }), patience)

  it.live(
    "restores a SnapStart environment before its first invocation",
    () =>
      withEmulator({ initializationType: "snap-start" }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({})
          yield* emulator.invoke({})
          const events = (yield* emulator.events).filter(({ type }) => type.startsWith("platform"))
          assert.deepStrictEqual(types(events).slice(5, 11), [
            "platform.restoreStart",
            "platform.restoreRuntimeDone",
            "platform.restoreReport",
            "platform.start",
            "platform.runtimeDone",
            "platform.report"
          ])
          const reports = events.filter(({ type }) => type === "platform.report").map(({ record }) => record as any)
          assert.property(reports[0].metrics, "restoreDurationMs")
          assert.notProperty(reports[0].metrics, "initDurationMs")
          assert.notProperty(reports[1].metrics, "restoreDurationMs")
        })),
    patience
  )

  it.live(
    "runs a function without any extension",
    () =>
      withEmulator({ shippers: [] }, (emulator) =>
        Effect.gen(function*() {
          assert.strictEqual((yield* emulator.invoke({})).outcome._tag, "Response")
          assert.deepStrictEqual((yield* emulator.shutdown()).extensions, [])
        })),
    patience
  )

  it.live(
    "begins a new generation with the same temporary directory after a shutdown",
    () =>
      withEmulator({}, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          yield* emulator.shutdown()
          const call = yield* emulator.invoke({})
          assert.isTrue(call.coldStart)
          const registered = yield* printed(emulator, "registered")
          assert.deepStrictEqual(registered.map(({ tmp }) => tmp), [
            emulator.temporaryDirectory,
            emulator.temporaryDirectory
          ])
        })),
    patience
  )
})
