/** What the function says arrives: complete, in order, once, and before Lambda may freeze the sandbox. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { gunzipSync } from "node:zlib"
import { carrying, ledgerOf, NAME, recordsOf, sidesOf, withSandbox } from "./sandbox.ts"

const oneLine = /^[^\t]*\t[^\t]*\tINFO\t/

describe("delivery", () => {
  it.live("stores every line once, in order, before each invocation ends, and closes its books", () =>
    withSandbox(
      {},
      ({ emulator, functionLines, functionRecords, invoke, openObserve, ownLines }) =>
        Effect.gen(function*() {
          const expected: Array<string> = []
          const timestamps: Array<number> = []
          for (let call = 0; call < 3; call++) {
            const lines = [`call ${call} a`, `call ${call} 😀 ünï "quoted" \\ tab\t`, `{"call":${call},"time":"x"}`, ""]
            const { outcome, requestId } = yield* invoke({ lines, log: [`two\nlines of ${call}`] })
            assert.strictEqual(outcome._tag, "Response")
            expected.push(...lines.map((line) => `${line}\n`), `two\nlines of ${call}\n`)
            // no waiting here: the invocation has ended, so it must be stored
            const seen = (yield* functionLines).map((line) => line.replace(oneLine, ""))
            assert.deepStrictEqual(seen.sort(), expected.toSorted())
            for (const record of (yield* functionRecords).slice(-5)) {
              assert.include(record, {
                requestid: requestId,
                faas_name: "demo-function",
                faas_version: "$LATEST",
                faas_coldstart: call === 0,
                cloud_region: "eu-west-1",
                cloud_account_id: "111122223333"
              })
              assert.isString(record["faas_instance"])
              assert.notProperty(record, "time")
              timestamps.push(Number(record["_timestamp"]))
            }
          }
          assert.strictEqual(new Set(timestamps).size, timestamps.length)
          const stdout = (yield* functionLines).filter((line) => !oneLine.test(line))
          assert.deepStrictEqual(stdout, expected.filter((line) => !line.startsWith("two")))

          const { extensions } = yield* emulator.shutdown()
          assert.deepStrictEqual(extensions.map(({ exitCode, killed }) => ({ exitCode, killed })), [
            { exitCode: 0, killed: false }
          ])
          const stored = yield* openObserve.records("default")
          for (const type of ["platform.start", "platform.runtimeDone", "platform.report"]) {
            assert.strictEqual(stored.filter((record) => record["type"] === type).length, 3, type)
          }
          assert.strictEqual(stored.filter(({ type }) => type === "platform.initStart").length, 1)
          const ledger = ledgerOf(yield* ownLines)
          const { came, went } = sidesOf(ledger)
          assert.strictEqual(came, went)
          assert.include(ledger, { delivered: stored.length, received: stored.length, malformed: 0, postsDropped: 0 })
        })
    ))

  it.live("takes JSON records apart into columns", () =>
    withSandbox({ logFormat: "JSON" }, ({ emulator, functionRecords, invoke }) =>
      Effect.gen(function*() {
        const { requestId } = yield* invoke({
          lines: ["{\"level\":\"INFO\",\"order\":{\"id\":7},\"big\":9007199254740993,\"emoji\":\"😀\"}", "plain"],
          log: ["framed"]
        })
        yield* emulator.shutdown()
        const records = yield* functionRecords
        const order = records.find((record) => record["record_order_id"] !== undefined)
        assert.include(order, { record_order_id: 7, record_emoji: "😀", requestid: requestId })
        // all digits arrive, whatever this test's JSON parser makes of them
        assert.strictEqual(String(order?.["record_big"]).slice(0, 12), "900719925474")
        assert.isDefined(records.find((record) => record["record_message"] === "plain"))
        const framed = records.find((record) => record["record_message"] === "framed")
        assert.include(framed, { record_requestid: requestId, requestid: requestId })
      })))

  it.live("speaks to both APIs as they are documented", () =>
    withSandbox({}, ({ emulator, invoke, openObserve }) =>
      Effect.gen(function*() {
        yield* invoke({ lines: ["hello"] })
        yield* emulator.shutdown()
        const calls = (yield* emulator.calls).filter(({ path }) =>
          path.includes("/extension/") || path.includes("telemetry")
        )
        assert.deepStrictEqual(calls.map(({ method, path, status }) => `${method} ${path} ${status}`), [
          "POST /2020-01-01/extension/register 200",
          "PUT /2022-07-01/telemetry 200",
          "GET /2020-01-01/extension/event/next 200",
          "GET /2020-01-01/extension/event/next 200"
        ])
        const [register, subscribe] = calls
        assert.include(register?.headers, {
          "content-type": "application/json",
          "lambda-extension-accept-feature": "accountId",
          "lambda-extension-name": NAME
        })
        assert.deepStrictEqual(JSON.parse(register?.body ?? ""), { events: ["INVOKE", "SHUTDOWN"] })
        const body = JSON.parse(subscribe?.body ?? "")
        assert.match(body.destination.URI, /^http:\/\/sandbox\.localdomain:\d+\/telemetry\/[\w-]{32,}$/)
        assert.deepStrictEqual({ ...body, destination: undefined }, {
          schemaVersion: "2025-01-29",
          types: ["platform", "function"],
          buffering: { maxItems: 10_000, maxBytes: 1_048_576, timeoutMs: 25 },
          destination: undefined
        })
        const requests = carrying(yield* openObserve.requests)
        assert.isAbove(requests.length, 0)
        for (const request of requests) {
          assert.strictEqual(`${request.method} ${request.path}`, "POST /api/default/default/_json")
          assert.include(request.headers, {
            "authorization": openObserve.authorization,
            "content-encoding": "gzip",
            "content-type": "application/json",
            "content-length": String(request.wireBytes)
          })
          assert.isArray(recordsOf(request))
        }
      })))

  it.live("keeps an endpoint's path, encodes names, and sends plain JSON where asked to", () =>
    withSandbox({
      openObserve: { basePath: "/o2/base" },
      environment: { O2_ORGANIZATION_ID: "org ünï/7", O2_STREAM: "my stream%", O2_COMPRESSION: "none" }
    }, ({ invoke, openObserve }) =>
      Effect.gen(function*() {
        yield* invoke({ lines: ["hello"] })
        const [request] = carrying(yield* openObserve.requests)
        assert.strictEqual(request?.path, "/o2/base/api/org%20%C3%BCn%C3%AF%2F7/my%20stream%25/_json")
        assert.notProperty(request?.headers, "content-encoding")
        assert.strictEqual(request?.wireBytes, request?.body.length)
        assert.strictEqual(request?.status, 200)
        assert.throws(() => gunzipSync(request?.body ?? ""))
      })))

  it.live("starts where the shell can register, and in spite of what the customer means for the function", () =>
    withSandbox({
      shebang: "#!/bin/bash --posix",
      environment: { NODE_OPTIONS: "--require /nonexistent.js", NODE_DEBUG: "http" },
      // the function's own runtime would stumble over NODE_OPTIONS
      runtime: "bare"
    }, ({ allOutput, emulator, openObserve }) =>
      Effect.gen(function*() {
        yield* emulator.invoke({})
        const { extensions } = yield* emulator.shutdown()
        assert.strictEqual(extensions[0]?.exitCode, 0)
        const calls = (yield* emulator.calls).filter(({ path }) => path.endsWith("/register"))
        assert.deepStrictEqual(calls.map(({ status }) => status), [200])
        const records = yield* openObserve.records("default")
        assert.include(records.find(({ type }) => type === "function"), {
          record: "from a shell\n",
          cloud_account_id: "111122223333"
        })
        assert.notInclude(yield* allOutput, openObserve.authorization)
      })))

  it.live("sends thousands of lines of one call", () =>
    // on busy cores the double takes seconds for 7 MB, and what waits much longer than others is sent once more
    withSandbox({ environment: { O2_FLUSH_BUDGET_MS: "15000" } }, ({ emulator, functionLines, invoke, ownLines }) =>
      Effect.gen(function*() {
        yield* invoke({ flood: { text: "flood", count: 20_000 } })
        const lines = yield* functionLines
        const different = [...new Set(lines)]
        assert.strictEqual(different.length, 20_000)
        assert.isTrue(different.every((line, index) =>
          line === `flood ${index}\n`
        ))
        yield* emulator.shutdown()
        const ledger = ledgerOf(yield* ownLines)
        const { came, went } = sidesOf(ledger)
        assert.strictEqual(came, went)
        assert.isAtMost(lines.length - 20_000, ledger["possiblyDuplicated"])
      })))
})
