/** Sandboxes of every kind: Managed Instances, restored snapshots, older and missing APIs. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ended } from "./books.ts"
import { eventually, withSandbox } from "./sandbox.ts"
import type { Sandbox } from "./sandbox.ts"

/** The JSON that a path of Lambda's APIs was asked with, where the answer was 200. */
const acceptedBy = ({ emulator }: Sandbox, path: string): Effect.Effect<ReadonlyArray<Record<string, unknown>>> =>
  Effect.map(
    emulator.calls,
    (calls) =>
      calls.filter((call) => call.path.endsWith(path) && call.status === 200).map(({ body }) => JSON.parse(body))
  )

const recordsOfType = ({ openObserve }: Sandbox, type: string) =>
  Effect.map(openObserve.records("default"), (records) => records.filter((record) => record["type"] === type))

describe("Managed Instances", () => {
  const managed = { initializationType: "lambda-managed-instances" } as const

  it.live("have interleaved calls' lines stored by a timer, each under its own request", () =>
    withSandbox(
      { ...managed, maxConcurrency: 64, environment: { O2_FLUSH_INTERVAL_MS: "200" } },
      (sandbox) =>
        Effect.gen(function*() {
          yield* sandbox.emulator.start
          // the environment is ready when one of the function's workers is
          yield* eventually(
            sandbox.emulator.calls,
            (calls) => calls.filter(({ path }) => path.endsWith("/invocation/next")).length === 64
          )
          assert.deepStrictEqual((yield* acceptedBy(sandbox, "/register")).map(({ events }) => events), [["SHUTDOWN"]])
          assert.deepStrictEqual((yield* acceptedBy(sandbox, "/telemetry")).map(({ schemaVersion }) => schemaVersion), [
            "2025-01-29"
          ])
          const calls = yield* Effect.forEach(
            Array.from({ length: 64 }, (_, n) => n),
            (n) => sandbox.invoke({ log: [`begins ${n}`], sleepMs: 1000 + n % 4 * 50, logAfter: [`ends ${n}`] }),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(calls.map(({ outcome }) => outcome._tag)), new Set(["Response"]))
          const order = (yield* sandbox.emulator.events).map(({ type }) => type)
          assert.isBelow(order.lastIndexOf("platform.start"), order.indexOf("platform.report"), "not all ran at once")
          // nobody announces calls, and nothing else asks for a flush
          yield* eventually(recordsOfType(sandbox, "platform.report"), (reports) => reports.length === 64)
          const requestIds = calls.map(({ requestId }) => requestId)
          const records = yield* sandbox.functionRecords
          assert.strictEqual(records.length, 128)
          for (const [n, requestId] of requestIds.entries()) {
            const own = records.filter((record) => record["requestid"] === requestId)
            assert.deepStrictEqual(own.map((record) => record["record_message"]), [`begins ${n}`, `ends ${n}`])
          }
          for (const type of ["platform.start", "platform.report"]) {
            const told = (yield* recordsOfType(sandbox, type)).map((record) => record["record_requestid"])
            assert.deepStrictEqual(told.sort(), requestIds.toSorted(), type)
          }
          assert.deepStrictEqual(yield* recordsOfType(sandbox, "platform.runtimeDone"), [])
          const ledger = yield* ended(sandbox)
          assert.strictEqual(ledger["delivered"], ledger["received"])
          assert.strictEqual((yield* recordsOfType(sandbox, "platform.report")).length, 64)
        })
    ))

  it.live("have what the timer has not sent delivered at SHUTDOWN", () =>
    withSandbox({ ...managed, environment: { O2_FLUSH_INTERVAL_MS: "900000" } }, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.emulator.start
        const { requestId } = yield* sandbox.invoke({ log: [{ order: 7 }], lines: ["plain"] })
        const ledger = yield* ended(sandbox)
        assert.strictEqual(ledger["delivered"], ledger["received"])
        const records = yield* sandbox.functionRecords
        assert.deepStrictEqual(
          records.map((record) => [record["record_message"] ?? record["record_message_order"], record["requestid"]]),
          // a line without a request id of its own could be anybody's
          [["plain", undefined], [7, requestId]]
        )
      })))
})

describe("a restored snapshot", () => {
  it.live("is a new sandbox", () =>
    withSandbox({ initializationType: "snap-start" }, (sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.emulator.start
        yield* Effect.sleep("1200 millis")
        const calls = [yield* sandbox.invoke({ lines: ["first"] }), yield* sandbox.invoke({ lines: ["second"] })]
        assert.deepStrictEqual(yield* sandbox.functionLines, ["first\n", "second\n"])
        yield* ended(sandbox)
        assert.deepStrictEqual(
          (yield* sandbox.functionRecords).map((record) => [record["requestid"], record["faas_coldstart"]]),
          [[calls[0]?.requestId, true], [calls[1]?.requestId, false]]
        )
        for (const type of ["platform.restoreStart", "platform.restoreRuntimeDone", "platform.restoreReport"]) {
          assert.strictEqual((yield* recordsOfType(sandbox, type)).length, 1, type)
        }
        const [initStart] = yield* recordsOfType(sandbox, "platform.initStart")
        assert.isString(initStart?.["faas_instance"])
        // the snapshot's name is shared by all that are restored from it
        const names = new Set((yield* sandbox.functionRecords).map((record) => record["faas_instance"]))
        assert.strictEqual(names.size, 1)
        assert.match(String([...names][0]), /^[\w-]{32,}$/)
        assert.notInclude([...names], initStart?.["faas_instance"])
      })))
})

describe("a snapshot", () => {
  it.live("is taken of a process that has no connection yet, and keeps what init wrote for the first call", () =>
    withSandbox(
      // not frozen, so that whoever wants to send before the snapshot can
      {
        initializationType: "snap-start",
        freeze: false,
        environment: { O2_FLUSH_INTERVAL_MS: "100", INIT_LINE: "at publishing" }
      },
      (sandbox) =>
        Effect.gen(function*() {
          yield* sandbox.emulator.start
          const received = Effect.map(sandbox.emulator.deliveries, (deliveries) => deliveries.length)
          const before = yield* eventually(received, (count) => count > 0)
          // a line that comes after the age of the first: by then that one has had its time
          yield* Effect.sleep(1000)
          yield* sandbox.emulator.emit({ type: "function", record: "later\n" })
          yield* eventually(received, (count) => count > before)
          yield* Effect.sleep(1000)
          assert.deepStrictEqual(yield* sandbox.openObserve.requests, [])
          yield* sandbox.invoke({ lines: ["first"] })
          assert.deepStrictEqual(yield* sandbox.functionLines, ["at publishing\n", "later\n", "first\n"])
          const ledger = yield* ended(sandbox)
          assert.strictEqual(ledger["delivered"], ledger["received"])
        })
    ))
})

describe("another telemetry API", () => {
  for (const telemetryApi of ["missing-404", "not-supported-202"] as const) {
    it.live(`is used where the Telemetry API is ${telemetryApi}: the Logs API`, () =>
      withSandbox(
        { telemetryApi, timeoutMs: 90_000, environment: { O2_FLUSH_STRATEGY: "end" } },
        (sandbox) =>
          Effect.gen(function*() {
            for (let call = 0; call < 3; call++) {
              const { requestId } = yield* sandbox.invoke({ lines: [`call ${call}`], sleepMs: 50 })
              // stored when the call ends, so its end was seen and nothing else waited for
              const record = (yield* sandbox.functionRecords).at(-1)
              assert.deepStrictEqual([record?.["record"], record?.["requestid"]], [`call ${call}\n`, requestId])
            }
            assert.deepStrictEqual((yield* acceptedBy(sandbox, "/logs")).map(({ schemaVersion }) => schemaVersion), [
              "2021-03-18"
            ])
            yield* ended(sandbox)
            assert.deepStrictEqual((yield* sandbox.ownLines).filter(({ level }) => level !== "info"), [])
            assert.strictEqual((yield* recordsOfType(sandbox, "platform.end")).length, 3)
          })
      ))
  }

  it.live("is missed with one warning where there is none: calls run, and nothing is waited for", () =>
    withSandbox(
      { telemetryApi: "missing-404", logsApi: "missing-404", timeoutMs: 90_000 },
      (sandbox) =>
        Effect.gen(function*() {
          for (let call = 0; call < 3; call++) {
            const { outcome, status } = yield* sandbox.invoke({ lines: ["unheard"] })
            assert.strictEqual(`${outcome._tag} ${status}`, "Response success")
          }
          yield* ended(sandbox)
          assert.strictEqual((yield* sandbox.ownLines).filter(({ level }) => level === "warn").length, 1)
          assert.deepStrictEqual(yield* sandbox.openObserve.requests, [])
        })
    ))
})
