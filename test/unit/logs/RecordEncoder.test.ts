import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import { LambdaEnvironment } from "../../../src/lambda/LambdaEnvironment.ts"
import { RecordEncoder } from "../../../src/logs/RecordEncoder.ts"

const NOW = Date.UTC(2026, 10, 22, 12)

const makeLayer = (env: Readonly<Record<string, string>> = {}) =>
  RecordEncoder.layerNoDeps.pipe(
    Layer.provide([ExtensionConfig.layer, LambdaEnvironment.layer]),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({
      O2_ORGANIZATION_ID: "default",
      O2_AUTHORIZATION_HEADER: "Basic eDp5",
      AWS_REGION: "eu-west-1",
      ...env
    })))
  )

const encode = Effect.fnUntraced(function*(...events: ReadonlyArray<unknown>) {
  const encoder = yield* RecordEncoder
  const { bytes } = yield* encoder.encode(Buffer.from(JSON.stringify(events)))
  return JSON.parse(`[${bytes.toString().slice(0, -1)}]`) as ReadonlyArray<Readonly<Record<string, unknown>>>
})

const line = { type: "function", record: "x" }

describe("RecordEncoder", () => {
  it.effect("takes the clock for events without a time", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(NOW)
      const [record] = yield* encode(line)
      assert.strictEqual(record?.["_timestamp"], NOW * 1000)
    }).pipe(Effect.provide(makeLayer())))

  it.effect("adds what the register answer and the environment say", () =>
    Effect.gen(function*() {
      const encoder = yield* RecordEncoder
      yield* encoder.identify({ functionName: "orders" })
      const [record] = yield* encode(line)
      assert.include(record, { faas_name: "orders", cloud_region: "eu-west-1" })
    }).pipe(Effect.provide(makeLayer())))

  it.effect("adds nothing when O2_METADATA is false", () =>
    Effect.gen(function*() {
      const encoder = yield* RecordEncoder
      yield* encoder.identify({ functionName: "orders" })
      const [record] = yield* encode(line)
      assert.deepEqual(Object.keys(record ?? {}), ["_timestamp", "type", "record"])
    }).pipe(Effect.provide(makeLayer({ O2_METADATA: "false" }))))

  it.effect("sends the types that O2_TELEMETRY_TYPES names", () =>
    Effect.gen(function*() {
      const records = yield* encode(line, { type: "platform.report", record: {} }, { type: "extension", record: "y" })
      assert.deepEqual(records.map(({ type }) => type), ["platform.report"])
    }).pipe(Effect.provide(makeLayer({ O2_TELEMETRY_TYPES: "platform" }))))

  it.effect("leaves lines of one millisecond alone when O2_PRESERVE_ORDER is false", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(NOW)
      const records = yield* encode(line, line)
      assert.deepEqual(records.map(({ _timestamp }) => _timestamp), [NOW * 1000, NOW * 1000])
    }).pipe(Effect.provide(makeLayer({ O2_PRESERVE_ORDER: "false" }))))

  for (const [limit, counted] of [[undefined, 191], ["20", 21], ["1000", 14 + 500]] as const) {
    it.effect(`counts columns until they are more than ${limit ?? "the default of"} O2_MAX_COLUMNS`, () =>
      Effect.gen(function*() {
        const encoder = yield* RecordEncoder
        const record = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key${index}`, index]))
        const { columns } = yield* encoder.encode(Buffer.from(JSON.stringify([{ type: "function", record }])))
        assert.strictEqual(columns.size, counted)
      }).pipe(Effect.provide(makeLayer(limit === undefined ? {} : { O2_MAX_COLUMNS: limit }))))
  }

  it.effect("does not relate lines to invocations on Managed Instances", () =>
    Effect.gen(function*() {
      const [, record] = yield* encode({ type: "platform.start", record: { requestId: "a" } }, line)
      assert.isUndefined(record?.["requestId"])
    }).pipe(Effect.provide(makeLayer({ AWS_LAMBDA_INITIALIZATION_TYPE: "lambda-managed-instances" }))))
})
