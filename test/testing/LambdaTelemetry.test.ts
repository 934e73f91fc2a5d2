import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, patience, printed, received, withEmulator } from "./lambdaSandbox.ts"

const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const lines = (events: ReadonlyArray<{ readonly type: string; readonly record: unknown }>) =>
  events.filter(({ type }) => type === "function").map(({ record }) => record)

describe("LambdaEmulator telemetry", () => {
  it.live(
    "puts the lines of a request between its start and its runtimeDone",
    () =>
      withEmulator({ shipper: { subscription: {}, runtimeDone: true } }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({ do: "flood", lines: 500 })
          yield* emulator.invoke({ do: "flood", lines: 500 })
          yield* emulator.shutdown()
          const events = (yield* received(emulator)).filter(({ type }) => !type.startsWith("platform.init"))
          const shape = events.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1])
          assert.deepStrictEqual(shape.slice(2), [
            "platform.start",
            "function",
            "platform.runtimeDone",
            "platform.report",
            "platform.start",
            "function",
            "platform.runtimeDone",
            "platform.report"
          ])
          assert.strictEqual(lines(events).length, 1000)
        })),
    patience
  )

  it.live(
    "keeps a message of the logger whole and cuts raw output into lines",
    () =>
      withEmulator({}, (emulator) =>
        Effect.gen(function*() {
          const { requestId } = yield* emulator.invoke({ do: "log" })
          const records = lines(yield* emulator.events).map(String)
          const logged = records.filter((record) => record.includes("\t")).map((record) => record.split("\t"))
          assert.match(logged[0]?.[0] ?? "", stamp)
          assert.deepStrictEqual(logged[0]?.slice(1), [requestId, "INFO", "first line\nsecond line\n"])
          assert.deepStrictEqual(logged[1]?.slice(1, 3), [requestId, "ERROR"])
          assert.match(logged[1]?.[3] ?? "", /^TypeError: broken\n {4}at /)
          assert.sameMembers(records.filter((record) => !record.includes("\t")), [
            "raw one\n",
            "raw two\n",
            "to stderr\n"
          ])
        })),
    patience
  )

  it.live(
    "makes objects of lines in JSON format, and strings for the first schema version",
    () =>
      withEmulator({ logFormat: "JSON", shippers: ["shipper"] }, (emulator) =>
        Effect.gen(function*() {
          const { requestId } = yield* emulator.invoke({ do: "json" })
          const records = lines(yield* emulator.events) as ReadonlyArray<Record<string, unknown>>
          assert.deepInclude(records, { a: 1, b: { c: null } } as never)
          const plain = records.find(({ message }) => message === "plain")
          assert.hasAllKeys(plain, ["timestamp", "level", "message"])
          const logged = records.find((record) => record["requestId"] === requestId)
          assert.deepInclude(logged, { level: "INFO", message: { answer: 42 } })
        })),
    patience
  )

  it.live(
    "gives subscribers of the first schema version strings",
    () =>
      withEmulator(
        { logFormat: "JSON", shipper: { subscription: { schemaVersion: "2022-07-01" } } },
        (emulator) =>
          Effect.gen(function*() {
            yield* emulator.invoke({ do: "json" })
            yield* emulator.shutdown()
            const records = lines(yield* received(emulator))
            assert.include(records, "{\"a\":1.0,\"b\":{\"c\":null}}\n")
            assert.isTrue(records.every((record) => typeof record === "string"))
          })
      ),
    patience
  )

  it.live(
    "posts to the full path with the sandbox's host, and replays what was before",
    () =>
      withEmulator({}, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({})
          yield* emulator.shutdown()
          const [first] = yield* printed(emulator, "events")
          assert.strictEqual(first?.["path"], "/some/path?q=1")
          assert.match(String(first?.["host"]), /^sandbox\.localdomain:\d+$/)
          assert.strictEqual((yield* received(emulator))[0]?.type, "platform.initStart")
        })),
    patience
  )

  it.live(
    "repeats a refused batch with the same body until it is taken",
    () =>
      withEmulator({ freeze: false, shipper: { subscription: {}, refusals: 2 } }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          const deliveries = yield* eventually(
            emulator.deliveries,
            (deliveries) => deliveries.some(({ status }) => status === 200)
          )
          const [first, second, third] = deliveries
          assert.deepStrictEqual([first, second, third].map((delivery) => [delivery?.status, delivery?.attempt]), [
            [500, 1],
            [500, 2],
            [200, 3]
          ])
          assert.strictEqual(new Set([first, second, third].map((delivery) => delivery?.bytes)).size, 1)
        })),
    patience
  )

  it.live("delivers lines of extensions only to those that ask", () =>
    withEmulator({
      freeze: false,
      shippers: ["asking"],
      shipper: { subscription: { types: ["platform", "extension"] } },
      files: {}
    }, (emulator) =>
      Effect.gen(function*() {
        yield* emulator.start
        const events = yield* eventually(
          received(emulator, "asking"),
          (events) => events.some(({ type }) => type === "extension")
        )
        assert.include(String(events.find(({ type }) => type === "extension")?.record), "registered")
      })), patience)

  it.live(
    "cuts a record that is larger than maxBytes into two bodies that are no JSON",
    () =>
      withEmulator(
        { freeze: false, cutRecordsAtMaxBytes: true, shipper: { subscription: {}, tolerant: true } },
        (emulator) =>
          Effect.gen(function*() {
            yield* emulator.invoke({ do: "flood", lines: 1, text: "x".repeat(300_000) })
            const [head, tail] = yield* eventually(printed(emulator, "invalid"), (bodies) => bodies.length >= 2)
            assert.match(String(head?.["invalid"]), /^\[.*x{100}\}\]$/s)
            assert.match(String(tail?.["invalid"]), /^\[\{"time":"[^"]+","type":"function","record":x.*\]$/s)
          })
      ),
    patience
  )

  it.live("drops what a stuck subscriber does not take, and says so", () =>
    withEmulator({
      freeze: false,
      telemetryBufferBytes: 20_000,
      shipper: { subscription: {}, holdMs: 1000 }
    }, (emulator) =>
      Effect.gen(function*() {
        yield* emulator.invoke({ do: "flood", lines: 1000 })
        const events = yield* eventually(
          emulator.events,
          (events) => events.some(({ type }) => type === "platform.logsDropped")
        )
        const dropped = events.find(({ type }) => type === "platform.logsDropped")?.record as Record<string, unknown>
        assert.isAbove(Number(dropped["droppedRecords"]), 100)
        assert.isAbove(Number(dropped["droppedBytes"]), 1000)
      })), patience)

  it.live("keeps the last report back for as long as it is told, or for good", () =>
    Effect.forEach(
      [{ reportDelayAfterShutdownMs: 50, reports: 1 }, { lastReport: "never" as const, reports: 0 }],
      ({ reports, ...options }) =>
        withEmulator({ ...options, shipper: { subscription: {}, linger: 500 } }, (emulator) =>
          Effect.gen(function*() {
            yield* emulator.invoke({})
            yield* emulator.shutdown()
            const output = (yield* emulator.output).map(({ line }) => line)
            const shutdown = output.findIndex((line) => line.includes("\"SHUTDOWN\""))
            const found = output.flatMap((line, index) => line.includes("\"platform.report\"") ? [index] : [])
            assert.strictEqual(found.length, reports)
            for (const index of found) assert.isAbove(index, shutdown)
          }))
    ), patience)

  it.live(
    "tells no call's end when it is told so, but all the rest",
    () =>
      withEmulator({ runtimeDone: "never" }, (emulator) =>
        Effect.gen(function*() {
          const ended = yield* emulator.invoke({})
          assert.strictEqual(ended.status, "success")
          assert.isDefined(ended.runtimeDoneAt)
          const types = (yield* emulator.events).map(({ type }) => type)
          assert.notInclude(types, "platform.runtimeDone")
          assert.includeMembers(types, ["platform.start", "platform.report"])
        })),
    patience
  )

  it.live(
    "lets telemetry overtake the INVOKE event",
    () =>
      withEmulator({ invokeDelayMs: 300 }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({})
          const output = (yield* emulator.output).filter(({ source }) => source === "shipper").map(({ line }) => line)
          const done = output.findIndex((line) => line.includes("\"platform.runtimeDone\""))
          assert.isAtLeast(done, 0)
          assert.isBelow(done, output.findIndex((line) => line.startsWith("{\"event\":")))
        })),
    patience
  )

  it.live(
    "takes raw posts and further events from the test",
    () =>
      withEmulator({ shipper: { subscription: {}, tolerant: true } }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          assert.strictEqual(yield* emulator.postTelemetry("[{\"time\":"), 200)
          yield* emulator.emit({ type: "platform.unknown", record: { a: 1 } })
          yield* emulator.invoke({})
          yield* emulator.shutdown()
          assert.strictEqual((yield* printed(emulator, "invalid"))[0]?.["invalid"], "[{\"time\":")
          assert.include((yield* received(emulator)).map(({ type }) => type), "platform.unknown")
        })),
    patience
  )

  it.live("reads what a foreign bootstrap writes line by line", () =>
    withEmulator({
      bootstrap: `#!/usr/bin/env node
        const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2018-06-01/runtime/invocation/"
        for (;;) {
          const next = await fetch(base + "next")
          await next.text()
          process.stdout.write("one\\ntwo\\nthree")
          await fetch(base + next.headers.get("lambda-runtime-aws-request-id") + "/response", { method: "POST", body: "7" })
        }
      `
    }, (emulator) =>
      Effect.gen(function*() {
        const { outcome } = yield* emulator.invoke({})
        assert.deepStrictEqual(outcome, { _tag: "Response", body: "7" })
        assert.deepStrictEqual(lines(yield* emulator.events), ["one\n", "two\n"])
        const types = (yield* emulator.events).map(({ type }) => type)
        assert.isBelow(types.lastIndexOf("function"), types.indexOf("platform.runtimeDone"))
      })), patience)
})

describe("Logs API", () => {
  it.live("sends the older shapes, and ends an invocation with platform.end", () =>
    withEmulator({
      telemetryApi: "missing-404",
      shipper: { subscription: { schemaVersion: "2021-03-18" }, path: "/2020-08-15/logs" }
    }, (emulator) =>
      Effect.gen(function*() {
        const { requestId } = yield* emulator.invoke({ do: "log" })
        yield* emulator.shutdown()
        const events = (yield* received(emulator)).filter(({ type }) => type !== "function")
        assert.deepStrictEqual(events.map(({ type }) => type), [
          "platform.logsSubscription",
          "platform.extension",
          "platform.start",
          "platform.runtimeDone",
          "platform.end",
          "platform.report"
        ])
        assert.deepStrictEqual(events[3]?.record, { requestId, status: "success" })
      })), patience)
})
