/** Wrong settings: said once, clearly, without secrets, and with the consequence that was asked for. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NAME, withSandbox } from "./sandbox.ts"

const SECRET = "c2VjcmV0LTEyMzQ1"

const wrong: ReadonlyArray<{
  readonly what: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly names: ReadonlyArray<string>
}> = [
  { what: "a missing organization", environment: { O2_ORGANIZATION_ID: undefined }, names: ["O2_ORGANIZATION_ID"] },
  {
    what: "a credential with a line break",
    environment: { O2_AUTHORIZATION_HEADER: `Basic ${SECRET}\nX-Evil: 1` },
    names: ["O2_AUTHORIZATION_HEADER"]
  },
  {
    what: "a percent-encoded credential",
    environment: { O2_AUTHORIZATION_HEADER: "Basic%20YTpi" },
    names: ["O2_AUTHORIZATION_HEADER", "percent-encoded", "followed by base64"]
  },
  {
    what: "a credential without a colon",
    environment: { O2_AUTHORIZATION_HEADER: `Basic ${SECRET}` },
    names: ["O2_AUTHORIZATION_HEADER", "without a colon", "followed by base64"]
  },
  {
    what: "a password in the endpoint",
    environment: { O2_ENDPOINT: `https://me:${SECRET}@openobserve.test` },
    names: ["O2_ENDPOINT"]
  },
  { what: "plain HTTP to elsewhere", environment: { O2_ENDPOINT: "http://openobserve.test" }, names: ["O2_ENDPOINT"] },
  {
    what: "retry delays that contradict each other",
    environment: { O2_INITIAL_RETRY_DELAY_MS: "5000", O2_MAX_RETRY_DELAY_MS: "1000" },
    names: ["O2_INITIAL_RETRY_DELAY_MS", "O2_MAX_RETRY_DELAY_MS"]
  },
  {
    what: "everything at once",
    environment: {
      O2_ORGANIZATION_ID: " ",
      O2_AUTHORIZATION_HEADER: undefined,
      O2_ENDPOINT: "not a URL",
      O2_STREAM: "streams",
      O2_MAX_BUFFER_SIZE_MB: "0",
      O2_REQUEST_TIMEOUT_MS: "abc",
      O2_MAX_RETRIES: "-1",
      O2_INITIAL_RETRY_DELAY_MS: "1.5",
      O2_MAX_RETRY_DELAY_MS: "1e9",
      O2_MAX_BATCH_SIZE_KB: "99999",
      O2_FLUSH_INTERVAL_MS: "1",
      O2_FLUSH_BUDGET_MS: "x",
      O2_TELEMETRY_TYPES: "logs",
      O2_COMPRESSION: "zip",
      O2_LOG_LEVEL: "loud",
      O2_ON_CONFIG_ERROR: "ignore",
      O2_METADATA: "maybe",
      O2_PRESERVE_ORDER: "2",
      O2_ALLOW_INSECURE_HTTP: "yes please"
    },
    names: [
      "O2_ORGANIZATION_ID",
      "O2_AUTHORIZATION_HEADER",
      "O2_ENDPOINT",
      "O2_STREAM",
      "O2_MAX_BUFFER_SIZE_MB",
      "O2_REQUEST_TIMEOUT_MS",
      "O2_MAX_RETRIES",
      "O2_INITIAL_RETRY_DELAY_MS",
      "O2_MAX_RETRY_DELAY_MS",
      "O2_MAX_BATCH_SIZE_KB",
      "O2_FLUSH_INTERVAL_MS",
      "O2_FLUSH_BUDGET_MS",
      "O2_TELEMETRY_TYPES",
      "O2_COMPRESSION",
      "O2_LOG_LEVEL",
      "O2_ON_CONFIG_ERROR",
      "O2_METADATA",
      "O2_PRESERVE_ORDER",
      "O2_ALLOW_INSECURE_HTTP"
    ]
  }
]

describe("configuration", () => {
  for (const { environment, names, what } of wrong) {
    it.live(`refuses ${what}: one line, init/error, exit 1`, () =>
      withSandbox({ environment }, ({ allOutput, emulator, openObserve, ownLines }) =>
        Effect.gen(function*() {
          yield* Effect.flip(emulator.start)
          const lines = yield* ownLines
          assert.deepStrictEqual(lines.map(({ level }) => level), ["error"], JSON.stringify(lines))
          for (const name of names) assert.include(lines[0]?.message, name)
          const refused = (yield* emulator.calls).filter(({ path }) => path.endsWith("/init/error"))
          assert.strictEqual(refused.length, 1)
          assert.strictEqual(refused[0]?.headers["lambda-extension-function-error-type"], "Extension.ConfigInvalid")
          assert.strictEqual(refused[0]?.status, 202)
          for (const name of names) assert.include(refused[0]?.body, name)
          assert.deepStrictEqual((yield* emulator.extensions).map(({ exitCode }) => exitCode), [1])
          assert.notInclude(`${yield* allOutput}${refused[0]?.body}`, SECRET)
          assert.strictEqual((yield* openObserve.requests).length, 0)
        })))
  }

  it.live("lets the function run without logs when it is asked to pass through", () =>
    withSandbox({
      environment: { O2_STREAM: "streams", O2_ON_CONFIG_ERROR: "pass-through" }
    }, ({ emulator, invoke, openObserve, ownLines }) =>
      Effect.gen(function*() {
        for (let call = 0; call < 2; call++) {
          const { outcome, status } = yield* invoke({ lines: ["unheard"] })
          assert.strictEqual(`${outcome._tag} ${status}`, "Response success")
        }
        const { extensions } = yield* emulator.shutdown()
        assert.strictEqual(extensions[0]?.exitCode, 0)
        assert.deepStrictEqual((yield* ownLines).map(({ level }) => level), ["error", "warn"])
        assert.strictEqual((yield* openObserve.requests).length, 0)
        assert.isFalse((yield* emulator.calls).some(({ path }) => path.includes("telemetry") || path.includes("error")))
      })))

  it.live("warns of a variable that looks like a setting, and goes on", () =>
    withSandbox(
      { environment: { O2_STREEM: "x" } },
      ({ emulator, functionLines, invoke, ownLines }) =>
        Effect.gen(function*() {
          yield* invoke({ lines: ["heard"] })
          assert.deepStrictEqual(yield* functionLines, ["heard\n"])
          const warnings = (yield* ownLines).filter(({ level }) => level === "warn")
          assert.strictEqual(warnings.length, 1)
          assert.include(warnings[0]?.message, "did you mean O2_STREAM?")
          yield* emulator.shutdown()
        })
    ))

  const odd = [["base64 alone", "YTpi"], ["base64 of the URL's alphabet", "Basic YTr_-w=="], ["basic", "basic YTpi"]]
  for (const [what, O2_AUTHORIZATION_HEADER] of odd) {
    it.live(`warns at the start of a credential that only another server can take: ${what}`, () =>
      withSandbox({ environment: { O2_AUTHORIZATION_HEADER } }, ({ emulator, ownLines }) =>
        Effect.gen(function*() {
          yield* emulator.start
          const [first] = yield* ownLines
          assert.strictEqual(first?.level, "warn")
          assert.include(first?.message, "O2_AUTHORIZATION_HEADER")
          assert.include(first?.message, "\"Basic \" followed by base64 of user:password")
          yield* emulator.shutdown()
        })))
  }

  for (const telemetryApi of ["not-supported-202", "missing-404", "closed-403", "error-500"] as const) {
    it.live(`lets the function run where the Telemetry API is ${telemetryApi}`, () =>
      withSandbox({ telemetryApi, logsApi: "missing-404" }, ({ emulator, invoke, ownLines }) =>
        Effect.gen(function*() {
          const { status } = yield* invoke({ lines: ["unheard"] })
          assert.strictEqual(status, "success")
          const { extensions } = yield* emulator.shutdown()
          assert.deepStrictEqual(extensions.map(({ exitCode, name }) => `${name} ${exitCode}`), [`${NAME} 0`])
          const complaints = (yield* ownLines).filter(({ level }) => level === "warn" || level === "error")
          assert.strictEqual(complaints.length, 1)
        })))
  }

  it.live("subscribes with an older schema where the newest is unknown", () =>
    withSandbox({ telemetrySchemaVersions: ["2022-07-01"] }, ({ functionLines, invoke }) =>
      Effect.gen(function*() {
        yield* invoke({ lines: ["heard"] })
        assert.deepStrictEqual(yield* functionLines, ["heard\n"])
      })))
})
