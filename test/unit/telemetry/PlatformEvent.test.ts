import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as PlatformEvent from "../../../src/telemetry/PlatformEvent.ts"

const requestId = "6f0d7a9e-52a5-4f1b-8f0a-0d5f4f6a1c11"

describe("PlatformEvent", () => {
  describe("parse", () => {
    // Telemetry API event schema reference: keys of each record
    const events: ReadonlyArray<
      readonly [type: string, record: unknown, event: PlatformEvent.PlatformEvent | undefined]
    > = [
      ["platform.start", { requestId, version: "$LATEST" }, { _tag: "InvocationStart", requestId }],
      ["platform.runtimeDone", { requestId, status: "success", metrics: { durationMs: 4.5 } }, {
        _tag: "RuntimeDone",
        requestId,
        durationMs: 4.5,
        hasFailed: false
      }],
      ["platform.runtimeDone", { requestId, status: "timeout", metrics: null }, {
        _tag: "RuntimeDone",
        requestId,
        durationMs: undefined,
        hasFailed: true
      }],
      ["platform.end", { requestId }, { _tag: "RuntimeDone", requestId, durationMs: undefined, hasFailed: false }],
      ["platform.report", { requestId, status: "error", errorType: "Runtime.ExitError" }, {
        _tag: "Report",
        requestId
      }],
      ["platform.initStart", { phase: "init", instanceId: "2026/11/22/[$LATEST]9f8e7d6c" }, {
        _tag: "EnvironmentStart",
        instanceId: "2026/11/22/[$LATEST]9f8e7d6c",
        isRestore: false
      }],
      ["platform.initStart", {}, { _tag: "EnvironmentStart", instanceId: undefined, isRestore: false }],
      ["platform.restoreStart", { functionName: "f" }, {
        _tag: "EnvironmentStart",
        instanceId: undefined,
        isRestore: true
      }],
      ["platform.initRuntimeDone", { status: "success" }, { _tag: "InitEnd", hasFailed: false }],
      ["platform.initReport", { status: "success" }, { _tag: "InitEnd", hasFailed: false }],
      ["platform.initReport", { metrics: { durationMs: 5 } }, { _tag: "InitEnd", hasFailed: false }],
      ["platform.initReport", { status: "timeout" }, { _tag: "InitEnd", hasFailed: true }],
      ["platform.initRuntimeDone", { status: "error", errorType: "Runtime.ExitError" }, {
        _tag: "InitEnd",
        hasFailed: true
      }],
      ["platform.restoreRuntimeDone", { status: "success" }, undefined],
      ["platform.logsDropped", { droppedRecords: 1 }, { _tag: "Dropped" }],
      ["platform.fault", { requestId }, { _tag: "Fault", requestId }],
      ["platform.fault", `RequestId: ${requestId} Error: exit status 1\nRuntime.ExitError\n`, {
        _tag: "Fault",
        requestId
      }],
      ["platform.fault", "Error: exit status 1", { _tag: "Fault", requestId: undefined }],
      ["platform.Start", { requestId }, undefined],
      ["function", { requestId }, undefined],
      ["", { requestId }, undefined]
    ]
    for (const [type, record, event] of events) {
      it.effect(`reads ${type} ${JSON.stringify(record)}`, () =>
        Effect.sync(() => assert.deepEqual(PlatformEvent.parse(type, JSON.stringify(record)), event)))
    }

    const others = ["null", "7", "\"text\"", "[]", "{}", "{\"requestId\":7}", "{\"requestId\":\"\"}", "[\"requestId\"]"]
    for (const record of others) {
      it.effect(`ignores a platform.start whose record is ${record}`, () =>
        Effect.sync(() => assert.isUndefined(PlatformEvent.parse("platform.start", record))))
    }
  })
})
