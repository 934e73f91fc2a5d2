/** AWS's emulator in Managed Instances mode: a real Telemetry API, invocations side by side, another user. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { StoredRecord } from "../../src/testing/OpenObserveDouble.ts"
import {
  assertBalanced,
  assertRegisteredBy,
  describeConformance,
  variants,
  withSandbox,
  withStartingSandbox
} from "./conformance.ts"
import { eventually } from "./eventually.ts"

const A = "aaaaaaaa-0000-4000-8000-00000000000a"
const B = "bbbbbbbb-0000-4000-8000-00000000000b"

/** In ms, longer than any test: nothing leaves by age. */
const NEVER = "900000"

/** The user of the emulator's children. */
const UID = 993

const EXITED = /Name:extension-o2-lambda-extension Cause:exited Signo:<nil> ExitStatus:0 /

const ofType = (records: ReadonlyArray<StoredRecord>, type: string) =>
  records.filter((record) => record["type"] === type)

/** The indices of events of one type and invocation. */
const positions = (records: ReadonlyArray<StoredRecord>, type: string, requestId: string) =>
  records.flatMap((record, index) => record["type"] === type && record["record_requestid"] === requestId ? [index] : [])

/** The lines of the function, and the request ids in them. */
const functionLines = (records: ReadonlyArray<StoredRecord>) =>
  ofType(records, "function").map(({ record, requestid }) => ({ text: String(record), requestId: requestid }))

describeConformance("Managed Instances mode of AWS's emulator", () => {
  for (const { runtime, shell } of variants) {
    it.live(`delivers what two calls of a ${runtime} function say at the end, sh being ${shell}`, () =>
      withSandbox(
        { mode: "managed", runtime, shell, environment: { O2_FLUSH_INTERVAL_MS: NEVER } },
        (sandbox) =>
          Effect.gen(function*() {
            const [a, b] = yield* Effect.all([
              sandbox.invoke({ lines: ["a one", "a two"], log: ["a logs"], signal: "a", until: "b" }, A),
              sandbox.invoke({ lines: ["b one", "b two"], log: ["b logs"], signal: "b", until: "a" }, B)
            ], { concurrency: "unbounded" })
            assert.deepStrictEqual([a.body, b.body], [{ requestId: A }, { requestId: B }])
            yield* sandbox.awaitLines("a logs", "b logs")
            const { environment, uid } = yield* sandbox.extension
            assertRegisteredBy(shell, environment)
            assert.strictEqual(uid, UID)
            assert.deepStrictEqual(yield* sandbox.stored, [])

            assert.strictEqual(yield* sandbox.terminate, 0)
            const stored = yield* sandbox.stored
            assert.match((yield* sandbox.output).join("\n"), EXITED)
            assertBalanced(yield* sandbox.ownLines, "spindown", stored.length)

            const [ready] = ofType(stored, "platform.extension")
            assert.include(ready, {
              record_name: "o2-lambda-extension",
              record_state: "Ready",
              record_events: "[\"SHUTDOWN\"]"
            })
            for (const type of ["initStart", "telemetrySubscription", "initRuntimeDone", "initReport"]) {
              assert.lengthOf(ofType(stored, `platform.${type}`), 1, type)
            }
            for (const id of [A, B]) {
              assert.lengthOf(positions(stored, "platform.start", id), 1)
              assert.lengthOf(positions(stored, "platform.report", id), 1)
            }
            // neither ended before the other had begun
            assert.isBelow(positions(stored, "platform.start", A)[0]!, positions(stored, "platform.report", B)[0]!)
            assert.isBelow(positions(stored, "platform.start", B)[0]!, positions(stored, "platform.report", A)[0]!)

            const lines = functionLines(stored)
            for (const [id, name] of [[A, "a"], [B, "b"]] as const) {
              const own = lines.filter(({ text }) => text.startsWith(`${name} `)).map(({ text }) => text)
              assert.deepStrictEqual(own, [`${name} one`, `${name} two`])
              // the emulator makes strings even of JSON lines, so the id need not be found, but must not be guessed
              const logged = lines.filter(({ text }) => text.includes(`"${name} logs"`))
              assert.lengthOf(logged, 1)
              assert.strictEqual(JSON.parse(logged[0]!.text).requestId, id)
              assert.include([undefined, id], logged[0]!.requestId)
            }
            const plain = lines.filter(({ text }) => !text.startsWith("{"))
            assert.deepStrictEqual(plain.filter(({ requestId }) => requestId !== undefined), [])
          })
      ))
  }

  it.live("delivers while the environment runs, by the age of the records", () =>
    withSandbox(
      { mode: "managed", runtime: "node", environment: { O2_FLUSH_INTERVAL_MS: "50" } },
      (sandbox) =>
        Effect.gen(function*() {
          for (const [id, line] of [[A, "first"], [B, "second"]] as const) {
            yield* sandbox.invoke({ lines: [line] }, id)
            const stored = yield* eventually(
              "the report of the call",
              sandbox.stored,
              (records) => positions(records, "platform.report", id).length > 0
            )
            assert.include(functionLines(stored).map(({ text }) => text), line)
          }
          assert.strictEqual(yield* sandbox.terminate, 0)
          assertBalanced(yield* sandbox.ownLines, "spindown", (yield* sandbox.stored).length)
        })
    ))

  for (const runtime of ["node", "python"] as const) {
    it.live(`delivers the error that a ${runtime} handler throws`, () =>
      withSandbox({ mode: "managed", runtime }, (sandbox) =>
        Effect.gen(function*() {
          const { body } = yield* sandbox.invoke({ throws: "out of range" }, A)
          assert.include(body, { errorType: "RangeError", errorMessage: "out of range" })
          assert.property((yield* sandbox.invoke({ lines: ["all is well"] }, B)).body, "requestId")
          yield* sandbox.awaitLines("all is well")
          assert.strictEqual(yield* sandbox.terminate, 0)
          const stored = yield* sandbox.stored
          const reports = ofType(stored, "platform.report").map((report) => report["record_status"])
          assert.deepStrictEqual(reports, ["error", "success"])
          assertBalanced(yield* sandbox.ownLines, "spindown", stored.length)
        })))
  }

  it.live("waits for OpenObserve to take what a call had said that the end cuts off", () =>
    withSandbox(
      { mode: "managed", runtime: "python", environment: { O2_FLUSH_INTERVAL_MS: NEVER } },
      (sandbox) =>
        Effect.gen(function*() {
          const lines = Array.from({ length: 200 }, (_, n) => `line ${n}`)
          const call = yield* Effect.forkChild(sandbox.invoke({ lines, signal: "running", until: "never" }, A))
          yield* sandbox.awaitFile("running")
          yield* sandbox.awaitLines(lines.at(-1)!)
          yield* sandbox.setLatency(400)
          assert.strictEqual(yield* sandbox.terminate, 0)
          assert.strictEqual((yield* Fiber.join(call)).errorType, "Client.ExecutionEnvironmentShutDown")
          const stored = yield* sandbox.stored
          assert.deepStrictEqual(functionLines(stored).map(({ text }) => text), lines)
          assert.match((yield* sandbox.output).join("\n"), EXITED)
          assertBalanced(yield* sandbox.ownLines, "spindown", stored.length)
        })
    ))

  it.live("delivers what a call had said that takes the runtime down", () =>
    withSandbox(
      { mode: "managed", runtime: "node", environment: { O2_FLUSH_INTERVAL_MS: NEVER } },
      (sandbox) =>
        Effect.gen(function*() {
          const call = yield* Effect.forkChild(sandbox.invoke({ lines: ["last words"], until: "the end", exits: 7 }, A))
          yield* sandbox.awaitLines("last words")
          yield* sandbox.posted
          yield* sandbox.touch("the end")
          const { body } = yield* Fiber.join(call)
          assert.deepStrictEqual(body, { errorType: "Runtime.ExitError" })
          assert.strictEqual(yield* sandbox.ended, 1)
          const stored = yield* sandbox.stored
          assert.deepStrictEqual(functionLines(stored).map(({ text }) => text), ["last words"])
          assert.include(stored[positions(stored, "platform.report", A)[0]!], { record_errortype: "Runtime.ExitError" })
          assert.match((yield* sandbox.output).join("\n"), EXITED)
          assertBalanced(yield* sandbox.ownLines, "failure", stored.length)
        })
    ))

  it.live("delivers what a call says after it has timed out, without a new start", () =>
    withSandbox({ mode: "managed", runtime: "node", timeoutSeconds: 3 }, (sandbox) =>
      Effect.gen(function*() {
        const late = yield* sandbox.invoke({ lines: ["in time"], until: "other call", after: ["too late"] }, A)
        assert.include(late.body, { errorType: "Sandbox.Timedout" })
        assert.deepStrictEqual((yield* sandbox.invoke({ signal: "other call" }, B)).body, { requestId: B })
        yield* sandbox.awaitLines("too late")
        assert.strictEqual(yield* sandbox.terminate, 0)
        const stored = yield* sandbox.stored
        assert.deepStrictEqual(functionLines(stored).map(({ text }) => text), ["in time", "too late"])
        assert.deepStrictEqual(ofType(stored, "platform.report").map((report) => report["record_status"]), [
          "timeout",
          "success"
        ])
        assert.lengthOf(ofType(stored, "platform.initStart"), 1)
        assertBalanced(yield* sandbox.ownLines, "spindown", stored.length)
      })))

  it.live("ends the environment with the type that it names when a setting is wrong", () =>
    withStartingSandbox(
      { mode: "managed", runtime: "node", environment: { O2_MAX_RETRIES: "many" } },
      (sandbox) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* sandbox.ended, 1)
          assert.include((yield* sandbox.output).join("\n"), "\"Shutting down\" reason=Extension.ConfigInvalid")
          assert.include((yield* sandbox.ownLines)[0]?.message, "O2_MAX_RETRIES")
        })
    ))
})
