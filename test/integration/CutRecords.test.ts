/** Records larger than one post: Lambda cuts them, and they arrive whole. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { isDeepStrictEqual } from "node:util"
import { ended } from "./books.ts"
import { withSandbox } from "./sandbox.ts"
import type { Sandbox, SandboxOptions } from "./sandbox.ts"

const MEBIBYTE = 1024 * 1024

const cutting: SandboxOptions = {
  cutRecordsAtMaxBytes: true,
  timeoutMs: 90_000,
  environment: { O2_FLUSH_STRATEGY: "end", O2_FLUSH_BUDGET_MS: "15000" }
}

/** What a function might write that logs events, quotes, backslashes and characters of all lengths. */
const lookAlike = (n: number) => ({
  time: new Date(0).toISOString(),
  type: n % 2 === 0 ? "function" : "platform.runtimeDone",
  record: { requestId: `no event ${n}`, text: "}]},{\"time\":\"\\ é 日 😀" }
})

/** An object whose JSON text is a little longer than so many bytes. */
const large = (name: string, bytes: number) => {
  const count = Math.ceil(bytes / Buffer.byteLength(JSON.stringify(lookAlike(0))))
  return { name, list: Array.from({ length: count }, (_, n) => lookAlike(n)), end: name }
}

/** What stands before the record of a line that is written now. */
const envelopeOfNow = (): string => `{"time":"${new Date().toISOString()}","type":"function","record":`

/** Invokes the function and answers with what of that call is stored when it has ended. */
const storedBy = (sandbox: Sandbox, line: string) =>
  Effect.gen(function*() {
    const { requestId } = yield* sandbox.invoke({ lines: [line] })
    const records = yield* sandbox.openObserve.records("default")
    return records.filter((record) => record["requestid"] === requestId || record["record_requestid"] === requestId)
  })

describe("a record that is cut", () => {
  it.live("arrives whole as text, with the end of its call", () =>
    withSandbox(cutting, (sandbox) =>
      Effect.gen(function*() {
        for (const size of [1.5, 3]) {
          const line = JSON.stringify(large(`of ${size} MiB`, size * MEBIBYTE))
          const stored = yield* storedBy(sandbox, line)
          assert.deepStrictEqual(stored.map(({ type }) => type), ["platform.start", "function", "platform.runtimeDone"])
          assert.isTrue(stored[1]?.["record"] === `${line}\n`)
        }
        assert.isTrue((yield* sandbox.emulator.deliveries).every(({ bytes }) => bytes < 2 * MEBIBYTE))
        const ledger = yield* ended(sandbox)
        assert.strictEqual(ledger["malformed"], 0)
        assert.strictEqual(ledger["delivered"], ledger["received"])
      })))

  it.live("arrives whole as an object, with the end of its call", () =>
    withSandbox({ ...cutting, logFormat: "JSON" }, (sandbox) =>
      Effect.gen(function*() {
        for (const size of [1.5, 3]) {
          const object = large(`of ${size} MiB`, size * MEBIBYTE)
          const stored = yield* storedBy(sandbox, JSON.stringify(object))
          assert.deepStrictEqual(stored.map(({ type }) => type), ["platform.start", "function", "platform.runtimeDone"])
          assert.isTrue(isDeepStrictEqual(JSON.parse(String(stored[1]?.["record_list"])), object.list))
          assert.strictEqual(stored[1]?.["record_end"], object.end)
        }
        const ledger = yield* ended(sandbox)
        assert.strictEqual(ledger["malformed"], 0)
        assert.strictEqual(ledger["delivered"], ledger["received"])
      })))

  it.live("costs nothing but itself when its rest does not follow", () =>
    withSandbox(cutting, (sandbox) =>
      Effect.gen(function*() {
        const { emulator } = sandbox
        yield* emulator.start
        const envelope = envelopeOfNow()
        const record = JSON.stringify(large("cut", 10_000))
        const head = `[${envelope}"before"},${envelope}${record.slice(0, 5000)}}]`
        const rest = `[${envelope}${record.slice(5000)}},${envelope}"behind"}]`
        assert.strictEqual(yield* emulator.postTelemetry(head), 200)
        assert.strictEqual((yield* sandbox.invoke({ lines: ["after the head"] })).status, "success")
        assert.strictEqual(yield* emulator.postTelemetry(rest), 200)
        assert.strictEqual((yield* sandbox.invoke({ lines: ["after the rest"] })).status, "success")
        const lines = ["after the head\n", "after the rest\n", "before", "behind"]
        assert.deepStrictEqual((yield* sandbox.functionLines).toSorted(), lines)
        // one that is held at the end
        assert.strictEqual(yield* emulator.postTelemetry(head), 200)
        const ledger = yield* ended(sandbox)
        assert.deepStrictEqual((yield* sandbox.functionLines).toSorted(), [...lines, "before"].toSorted())
        assert.strictEqual(ledger["malformed"], 3)
        assert.strictEqual(ledger["delivered"], ledger["received"])
      })))
})
