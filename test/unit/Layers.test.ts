/** The library's front door: the services composed as an embedder gets them. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Http from "node:http"
import * as Layers from "../../src/Layers.ts"
import * as Library from "../../src/library/Layers.ts"
import { isBalanced } from "../../src/delivery/Books.ts"
import { Ledger } from "../../src/delivery/Ledger.ts"
import { Invocations } from "../../src/telemetry/Invocations.ts"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"
import { settings } from "../support/fakes/sinkUnderTest.ts"

const environment = (env: Readonly<Record<string, string>>) => ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))

const post = (port: number, path: string, body: string) =>
  Effect.callback<number>((resume) => {
    const request = Http.request({ port, path, host: "127.0.0.1", method: "POST", agent: false }, (response) => {
      response.resume()
      response.once("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
    })
    request.end(body)
  })

describe("Layers", () => {
  it.live("carry a post to OpenObserve", () =>
    Effect.gen(function*() {
      const openObserve = yield* OpenObserveDouble
      yield* Effect.gen(function*() {
        const { path, port } = yield* Library.TelemetryServer
        const invocations = yield* Invocations
        const sink = yield* Library.OpenObserveSink
        const time = DateTime.formatIso(yield* DateTime.now)
        assert.strictEqual(yield* post(port, path, JSON.stringify([{ time, type: "function", record: "hello" }])), 200)
        const limit = DateTime.toEpochMillis(yield* DateTime.now) + 5000
        yield* invocations.waitUntil(({ isIdle }) => isIdle ? -Infinity : limit)
        assert.isTrue(yield* sink.flush({ budget: Duration.seconds(5), isLast: true }))
        const books = yield* Ledger.use((ledger) => ledger.snapshot)
        assert.isTrue(isBalanced(books))
        assert.strictEqual(books.logs.delivered.records, 1)
      }).pipe(Effect.provide(Layers.layer.pipe(Layer.provide(environment({
        O2_ENDPOINT: openObserve.url,
        O2_ORGANIZATION_ID: "default",
        O2_AUTHORIZATION_HEADER: openObserve.authorization,
        AWS_REGION: "eu-west-1"
      })))))
      const [record] = yield* openObserve.records("default")
      assert.include(record, { record: "hello", type: "function", cloud_region: "eu-west-1" })
    }).pipe(Effect.provide(OpenObserveDouble.layer())))

  it.effect("fail with every problem of the settings", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Library.layer))).pipe(
        Effect.provide(environment({ O2_STREAM: "streams" }))
      )
      assert.strictEqual(error._tag, "ConfigurationError")
      for (const name of ["O2_ORGANIZATION_ID", "O2_AUTHORIZATION_HEADER", "O2_STREAM"]) {
        assert.include(error.message, name)
      }
    }))

  it.live("let an embedder replace settings and sandbox", () =>
    Effect.gen(function*() {
      const { stream } = yield* Library.ExtensionConfig
      assert.strictEqual(stream, "mine")
      assert.isAbove((yield* Library.TelemetryServer).port, 0)
    }).pipe(Effect.provide(Library.layerNoDeps.pipe(
      Layer.provideMerge(Library.Transport.layer),
      Layer.provideMerge(Library.ExtensionConfig.layerEnv({ ...settings, O2_STREAM: "mine" })),
      Layer.provideMerge(Layer.succeed(Library.LambdaEnvironment, {
        runtimeApi: "127.0.0.1:1",
        extensionName: "mine",
        region: undefined,
        logStreamName: undefined,
        isProvisioned: false,
        isManagedInstance: false,
        isSnapStart: false,
        temporaryDirectory: "/nowhere",
        registration: undefined
      }))
    ))))
})
