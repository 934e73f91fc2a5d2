import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as OpenObserve from "../../../src/library/OpenObserve.ts"
import * as Processor from "../../../src/library/Processor.ts"
import { Records } from "../../../src/library/Records.ts"
import { variablesOf } from "../../../src/library/OpenObserveOptions.ts"
import { OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"
import { recording, STREAM } from "../../support/sinks.ts"

const SECRET = "SECRET-MARK"
const authorization = Redacted.make(`Basic ${Buffer.from(`root:${SECRET}`).toString("base64")}`)

const right = { organizationId: "default", authorization, endpoint: "http://127.0.0.1:9" } as const

/** What is said of options. */
const errorOf = (options: unknown) =>
  Effect.flip(Effect.scoped(Layer.build(OpenObserve.layer(options as OpenObserve.OpenObserveOptions))))

describe("the options of a sink", () => {
  it.effect("are complained of all at once, by their names, each with a remedy", () =>
    Effect.gen(function*() {
      const error = yield* errorOf({
        organizationId: "",
        authorization,
        endpoint: "ftp://example.com",
        flushInterval: "5 parsecs",
        requestTimeout: 1,
        maxRetryDelay: Number.NaN,
        maxBufferMegabytes: 0.5,
        shutdownTimeout: "soon",
        compression: "zip"
      })
      assert.strictEqual(error._tag, "ConfigurationError")
      const problems = error._tag === "ConfigurationError" ? error.problems : []
      const names = [
        "organizationId",
        "endpoint",
        "flushInterval",
        "requestTimeout",
        "maxRetryDelay",
        "maxBufferMegabytes",
        "shutdownTimeout",
        "compression"
      ]
      assert.sameMembers(problems.map((problem) => problem.slice(0, problem.indexOf(" "))), names)
      for (const problem of problems) assert.match(problem, /: set it to /)
      assert.notInclude(error.message, "O2_")
      assert.include(
        error.message,
        "requestTimeout is out of range (10 to 900000): set it to a duration from 10 to 900000 milliseconds"
      )
    }))

  const secrets: ReadonlyArray<readonly [string, object]> = [
    ["an authorization with a line break", { authorization: Redacted.make(`Basic ${SECRET}\n`) }],
    ["an authorization that is none", { authorization: Redacted.make(SECRET) }],
    ["an endpoint with a password", { endpoint: `https://root:${SECRET}@example.com` }],
    ["a proxy that is not a URL", { endpoint: "https://example.com", proxy: `http://root:${SECRET}@` }],
    ["a proxy of another scheme", {
      endpoint: "https://example.com",
      proxy: Redacted.make(`socks://root:${SECRET}@proxy:1`)
    }]
  ]
  for (const [what, options] of secrets) {
    it.effect(`give nothing away with ${what}`, () =>
      Effect.gen(function*() {
        const error = yield* errorOf({ ...right, flushInterval: 1, ...options })
        assert.notInclude(inspect(error, { depth: 9 }) + error.message + JSON.stringify(error), SECRET)
        assert.notInclude(error.message, "O2_")
      }))
  }

  it.effect("stay hidden where they are printed", () =>
    Effect.sync(() => {
      const printed = inspect(right, { depth: 9 }) + JSON.stringify(right)
      assert.include(printed, "<redacted")
      assert.notInclude(printed, Redacted.value(authorization))
    }))

  const durations: ReadonlyArray<readonly [Duration.Input, string]> = [
    ["2 seconds", "2000"],
    [2_000, "2000"],
    [2_000_000_000n, "2000"],
    [Duration.seconds(2), "2000"],
    [[2, 0], "2000"],
    [{ seconds: 2 }, "2000"],
    ["1.5 seconds", "1500"],
    [0.4, "0"],
    ["Infinity", "Infinity"]
  ]
  for (const [input, text] of durations) {
    it.effect(`takes a duration such as ${inspect(input)}`, () =>
      Effect.sync(() => {
        const { problems, variables } = variablesOf({ ...right, requestTimeout: input })
        assert.deepStrictEqual([problems, variables["O2_REQUEST_TIMEOUT_MS"]], [[], text])
      }))
  }

  it.live("may come from the ConfigProvider", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      const provider = ConfigProvider.layer(
        ConfigProvider.fromUnknown({ AUTH: double.authorization, URL: double.url, INTERVAL: "50 millis" })
      )
      const sink = OpenObserve.layerConfig({
        organizationId: Config.succeed("default"),
        authorization: Config.Redacted("AUTH"),
        endpoint: Config.String("URL"),
        stream: Config.succeed(STREAM),
        flushInterval: Config.Duration("INTERVAL")
      }, {
        metadata: { app: "test", _id: 5, _timestamp: 1, "": true },
        processors: [Processor.redact({ fields: ["password"] })]
      })
      yield* Records.use((records) => records.add({ n: 1, password: "x" })).pipe(
        Effect.provide(Layer.provide(sink, provider))
      )
      const [record] = yield* double.records(STREAM)
      assert.deepInclude(record, { n: 1, app: "test", event_id: 5, event_timestamp: 1, event: true, type: "custom" })
      assert.notStrictEqual(record?.["password"], "x")
    }).pipe(Effect.provide(OpenObserveDouble.layer())))

  it.live("may be the extension's variables, of which what is odd is told", () =>
    Effect.gen(function*() {
      const double = yield* OpenObserveDouble
      const log = recording()
      const env = {
        O2_ORGANIZATION_ID: "default",
        O2_AUTHORIZATION_HEADER: double.authorization,
        O2_ENDPOINT: double.url,
        O2_STREAM: STREAM,
        O2_STRAEM: "x",
        HTTPS_PROXY: undefined
      }
      yield* Records.use((records) => records.add({ n: 1 })).pipe(
        Effect.provide(Layer.provideMerge(OpenObserve.layerEnv(env), log.layer))
      )
      assert.lengthOf(yield* double.records(STREAM), 1)
      assert.include(log.text(), "O2_STRAEM")
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(OpenObserve.layerEnv({ O2_ENDPOINT: "x" }, { shutdownTimeout: Duration.infinity })))
      )
      assert.include(error.message, "O2_ENDPOINT")
      assert.include(error.message, "O2_ORGANIZATION_ID")
      assert.include(error.message, "shutdownTimeout")
    }).pipe(Effect.provide(OpenObserveDouble.layer())))
})
