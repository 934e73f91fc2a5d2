import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ConfigurationError } from "../../../src/config/Config.ts"
import { settings } from "../../../src/config/Settings.ts"
import { read, readAll, reads, refusal, refuses } from "../../support/configFixtures.ts"

describe("Config", () => {
  describe("defaults", () => {
    reads("are those of the documentation", {}, {
      organizationId: "default",
      endpoint: new URL("https://api.openobserve.ai"),
      stream: "default",
      maxBufferBytes: 10 * 1024 * 1024,
      maxBatchBytes: 1024 * 1024,
      maxColumns: 190,
      requestTimeoutMs: 30_000,
      maxRetries: 3,
      initialRetryDelayMs: 1_000,
      maxRetryDelayMs: 30_000,
      flushIntervalMs: 5_000,
      flushBudgetMs: 2_000,
      telemetryTypes: ["platform", "function"],
      compression: "gzip",
      logLevel: "info",
      onConfigError: "fail",
      hasMetadata: true,
      preservesOrder: true,
      allowsInsecureHttp: false,
      authorityFiles: [],
      warnings: []
    })

    const optional = Object.values(settings).filter(({ fallback }) => fallback !== undefined).map(({ name }) => name)
    for (const blank of ["", " ", "\t\n"]) {
      it.effect(`stand in for ${JSON.stringify(blank)}`, () =>
        Effect.gen(function*() {
          const blanks = Object.fromEntries(optional.map((name) => [name, blank]))
          assert.deepEqual({ ...(yield* read(blanks)) }, { ...(yield* read()) })
        }))
    }
  })

  describe("problems", () => {
    it.effect("come all at once, each with its remedy", () =>
      Effect.gen(function*() {
        const { message, problems } = yield* Effect.flip(readAll({
          O2_AUTHORIZATION_HEADER: "  ",
          O2_ENDPOINT: "nowhere",
          O2_MAX_RETRIES: "-1",
          O2_COMPRESSION: "zstd"
        }))
        assert.deepEqual(problems.map((problem) => problem.split(" ")[0]), [
          "O2_ORGANIZATION_ID",
          "O2_AUTHORIZATION_HEADER",
          "O2_ENDPOINT",
          "O2_MAX_RETRIES",
          "O2_COMPRESSION"
        ])
        assert.isTrue(problems.every((problem) => problem.includes(": set it to ")))
        assert.strictEqual(message, `wrong configuration: ${problems.join("; ")}`)
      }))

    it.effect("tell a missing variable from a blank one", () =>
      Effect.gen(function*() {
        const { problems } = yield* Effect.flip(readAll({ O2_AUTHORIZATION_HEADER: " " }))
        assert.include(problems[0], "O2_ORGANIZATION_ID is not set: set it to")
        assert.include(problems[1], "O2_AUTHORIZATION_HEADER is blank: set it to")
      }))

    refuses(
      { O2_INITIAL_RETRY_DELAY_MS: "5000", O2_MAX_RETRY_DELAY_MS: "4999" },
      "O2_INITIAL_RETRY_DELAY_MS (5000) is greater than O2_MAX_RETRY_DELAY_MS (4999)"
    )
    reads("do not include equal delays", { O2_INITIAL_RETRY_DELAY_MS: "5000", O2_MAX_RETRY_DELAY_MS: "5000" }, {
      maxRetryDelayMs: 5000
    })
    refuses({ O2_INITIAL_RETRY_DELAY_MS: "60000", O2_MAX_RETRY_DELAY_MS: "x" }, "O2_MAX_RETRY_DELAY_MS is not a whole")

    const reactions: ReadonlyArray<readonly [value: string, reaction: ConfigurationError["reaction"]]> = [
      ["", "fail"],
      ["fail", "fail"],
      ["pass-through", "pass-through"],
      ["nonsense", "fail"]
    ]
    for (const [value, reaction] of reactions) {
      it.effect(`ask for ${reaction} where O2_ON_CONFIG_ERROR is "${value}"`, () =>
        Effect.gen(function*() {
          const error = yield* refusal({ O2_ON_CONFIG_ERROR: value, O2_MAX_RETRIES: "x" })
          assert.strictEqual(error.reaction, reaction)
        }))
    }
  })

  describe("warnings", () => {
    const warns = (name: string, warning: string | undefined) =>
      it.effect(`${warning === undefined ? "do not mind" : "mention"} ${name}`, () =>
        Effect.gen(function*() {
          const { warnings } = yield* read({ [name]: "value-of-it" })
          assert.deepEqual(warnings, warning === undefined ? [] : [warning])
        }))

    warns("O2_STREM", "O2_STREM is not a setting of this extension; did you mean O2_STREAM?")
    warns("O2_MAX_RETRY", "O2_MAX_RETRY is not a setting of this extension; did you mean O2_MAX_RETRIES?")
    warns("O2_ENDPOINT_", "O2_ENDPOINT_ is not a setting of this extension; did you mean O2_ENDPOINT?")
    warns("O2__STREAM", "O2__STREAM is not a setting of this extension; did you mean O2_STREAM?")
    warns("O2_FEATURE_FLAGS_URL", "O2_FEATURE_FLAGS_URL is not a setting of this extension")
    warns("O2", undefined)
    warns("O2LOG", undefined)
    warns("MY_O2_STREAM", undefined)
    warns("o2_strem", undefined)

    it.effect("come in order, and change nothing", () =>
      Effect.gen(function*() {
        const config = yield* read({ O2_STREAM: "logs", O2_STREAM_B: "1", O2_STREAM_A: "2", O2_STREAM_A_B: "3" })
        assert.strictEqual(config.stream, "logs")
        assert.deepEqual(config.warnings.map((warning) => warning.split(" ")[0]), [
          "O2_STREAM_A",
          "O2_STREAM_A_B",
          "O2_STREAM_B"
        ])
      }))
  })

  describe("files of authorities", () => {
    reads("come with the variables that name them, ours first", {
      AWS_CA_BUNDLE: "/bundle",
      NODE_EXTRA_CA_CERTS: "/node",
      O2_CA_CERT_FILE: " /ours ",
      SSL_CERT_FILE: "/openssl"
    }, {
      authorityFiles: [
        { variable: "O2_CA_CERT_FILE", path: "/ours" },
        { variable: "NODE_EXTRA_CA_CERTS", path: "/node" },
        { variable: "SSL_CERT_FILE", path: "/openssl" },
        { variable: "AWS_CA_BUNDLE", path: "/bundle" }
      ]
    })
    reads("go by the customer's variable where the launcher has hidden it", { _O2LAMBDA_EXTRA_CA_CERTS: "/node" }, {
      authorityFiles: [{ variable: "NODE_EXTRA_CA_CERTS", path: "/node" }]
    })
    refuses({ O2_CA_CERT_FILE: "/a\0b" }, "O2_CA_CERT_FILE contains a character that no path may have")
  })
})
