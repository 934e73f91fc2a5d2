/** What the init says: of the first call's records, of the sandbox's name, and when it fails. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ended } from "./books.ts"
import { eventually, type Sandbox, withSandbox } from "./sandbox.ts"

/** Records never leave by age, nor is there a call that takes them along. */
const withoutCalls = { freeze: false, environment: { O2_FLUSH_INTERVAL_MS: "900000" } }

/** The lines with what each of them says about a cold start. */
const coldstarts = ({ functionRecords }: Sandbox) =>
  Effect.map(functionRecords, (records) => records.map((record) => [record["record"], record["faas_coldstart"]]))

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

describe("a cold start", () => {
  it.live("is what the first call is, and no later one", () =>
    withSandbox({}, (sandbox) =>
      Effect.gen(function*() {
        for (const line of ["first", "second"]) yield* sandbox.invoke({ lines: [line] })
        yield* ended(sandbox)
        assert.deepStrictEqual(yield* coldstarts(sandbox), [["first\n", true], ["second\n", false]])
      })))

  it.live("is none of a sandbox with provisioned concurrency", () =>
    withSandbox({ initializationType: "provisioned-concurrency" }, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.invoke({ lines: ["first"] })
        yield* ended(sandbox)
        assert.deepStrictEqual(yield* coldstarts(sandbox), [["first\n", false]])
      })))

  it.live("is none of a sandbox that was started a minute before its first call", () =>
    withSandbox({ freeze: false }, (sandbox) =>
      Effect.gen(function*() {
        const { emulator } = sandbox
        yield* emulator.start
        const record = { initializationType: "on-demand", phase: "init", status: "success" }
        yield* emulator.emit({ type: "platform.initReport", record, time: minutesAgo(1) })
        yield* sandbox.invoke({ lines: ["first"] })
        yield* ended(sandbox)
        assert.deepStrictEqual(yield* coldstarts(sandbox), [["first\n", false]])
      })))

  it.live("is left out on Managed Instances", () =>
    withSandbox({ initializationType: "lambda-managed-instances" }, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.invoke({ log: [{ order: 7 }] })
        yield* ended(sandbox)
        const [record] = yield* sandbox.functionRecords
        assert.property(record, "faas_instance")
        assert.notProperty(record, "faas_coldstart")
      })))
})

describe("a sandbox that nobody names", () => {
  it.live("has a name of its own in all its records, which no other has", () =>
    Effect.gen(function*() {
      const names: Array<unknown> = []
      for (let sandboxes = 0; sandboxes < 2; sandboxes++) {
        yield* withSandbox({ tellsInstanceId: false }, (sandbox) =>
          Effect.gen(function*() {
            yield* sandbox.invoke({ lines: ["first"] })
            yield* sandbox.invoke({ lines: ["second"] })
            yield* ended(sandbox)
            const records = yield* sandbox.openObserve.records("default")
            const inSandbox = new Set(records.map((record) => record["faas_instance"]))
            assert.strictEqual(inSandbox.size, 1)
            names.push(...inSandbox)
          }))
      }
      assert.strictEqual(new Set(names).size, 2)
      for (const name of names) assert.match(String(name), /^[\w-]{32,}$/)
    }))
})

describe("an init that fails", () => {
  const failures = [
    ["platform.initRuntimeDone", { phase: "init", status: "error", errorType: "Runtime.ImportModuleError" }],
    ["platform.initReport", { phase: "init", status: "timeout", metrics: { durationMs: 10_000 } }],
    ["platform.initReport", { phase: "invoke", status: "failure", metrics: { durationMs: 5 } }],
    ["platform.fault", "RequestId: 6f0d7a9e Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n"]
  ] as const
  for (const [type, record] of failures) {
    it.live(`has its lines delivered at once after ${type} ${JSON.stringify(record)}`, () =>
      withSandbox(withoutCalls, (sandbox) =>
        Effect.gen(function*() {
          const { emulator, functionLines, openObserve } = sandbox
          yield* emulator.start
          yield* emulator.emit({ type: "function", record: "[ERROR] Runtime.ImportModuleError: no app\n" })
          yield* emulator.emit({ type, record })
          yield* eventually(functionLines, (lines) => lines.length === 1)
          // what comes behind it, too
          yield* emulator.emit({ type: "function", record: "last words\n" })
          yield* eventually(functionLines, (lines) => lines.length === 2)
          const types = (yield* openObserve.records("default")).map((record) => record["type"])
          assert.include(types, type)
          yield* ended(sandbox, "failure")
        })))
  }

  it.live("is none that went well: that sends nothing by itself, and is not held up", () =>
    withSandbox(withoutCalls, (sandbox) =>
      Effect.gen(function*() {
        const { emulator, functionLines } = sandbox
        yield* emulator.start
        yield* emulator.emit({ type: "function", record: "started\n" })
        yield* emulator.emit({ type: "platform.initReport", record: { phase: "init", status: "success" } })
        const { extensions } = yield* emulator.shutdown()
        assert.strictEqual(extensions[0]?.exitCode, 0)
        assert.deepStrictEqual(yield* functionLines, ["started\n"])
        const records = (yield* sandbox.openObserve.requests).filter(({ body }) => body.length > 2)
        assert.strictEqual(records.length, 1)
      })))
})
