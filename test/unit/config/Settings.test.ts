import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as fc from "fast-check"
import { inspect } from "node:util"
import { settings } from "../../../src/config/Settings.ts"
import { read, reads, refusal, refuses } from "../../support/configFixtures.ts"

describe("Settings", () => {
  describe("values", () => {
    const limits: ReadonlyArray<readonly [key: keyof typeof settings, minimum: number, maximum: number]> = [
      ["maxBufferMegabytes", 1, 512],
      ["requestTimeoutMs", 10, 900_000],
      ["maxRetries", 0, 100],
      ["initialRetryDelayMs", 1, 900_000],
      ["maxRetryDelayMs", 1, 900_000],
      ["maxBatchKilobytes", 1, 10_240],
      ["maxColumns", 20, 10_000],
      ["flushIntervalMs", 10, 900_000],
      ["flushBudgetMs", 100, 60_000]
    ]
    for (const [key, minimum, maximum] of limits) {
      const { accepts, name } = settings[key]
      // delays may not contradict each other
      const around = key === "initialRetryDelayMs"
        ? { O2_MAX_RETRY_DELAY_MS: "900000" }
        : { O2_INITIAL_RETRY_DELAY_MS: "1" }
      it.effect(`${name} lies between ${minimum} and ${maximum}`, () =>
        Effect.gen(function*() {
          yield* read({ ...around, [name]: String(minimum) })
          yield* read({ ...around, [name]: String(maximum) })
          for (const value of [minimum - 1, maximum + 1]) {
            const { problems } = yield* refusal({ ...around, [name]: String(value) })
            assert.deepEqual(problems, [`${name} is out of range (${minimum} to ${maximum}): set it to ${accepts}`])
          }
        }))

      it.effect(`${name} is a whole number`, () =>
        Effect.gen(function*() {
          for (const value of ["1.5", "1e3", "ten", "0x10", "1 000", "1_000", "5s", "NaN", "Infinity", "٣"]) {
            const { problems } = yield* refusal({ ...around, [name]: value })
            assert.deepEqual(problems, [`${name} is not a whole number: set it to ${accepts}`])
          }
        }))
    }

    const choices: ReadonlyArray<readonly [key: keyof typeof settings, choices: ReadonlyArray<string>]> = [
      ["compression", ["gzip", "none"]],
      ["logLevel", ["debug", "info", "warn", "error", "none"]],
      ["onConfigError", ["fail", "pass-through"]]
    ]
    for (const [key, values] of choices) {
      const { accepts, name } = settings[key]
      it.effect(`${name} is one of ${values.join(", ")}`, () =>
        Effect.gen(function*() {
          for (const value of values) {
            const config: Readonly<Record<string, unknown>> = { ...(yield* read({ [name]: value.toUpperCase() })) }
            assert.strictEqual(config[key], value)
          }
          const { problems } = yield* refusal({ [name]: "other" })
          assert.deepEqual(problems, [`${name} is none of ${values.join(", ")}: set it to ${accepts}`])
        }))
    }

    for (const key of ["hasMetadata", "preservesOrder", "allowsInsecureHttp"] as const) {
      const { name } = settings[key]
      reads(`${name} can be true`, { [name]: "true" }, { [key]: true })
      reads(`${name} can be False`, { [name]: "False" }, { [key]: false })
      refuses({ [name]: "yes" }, `${name} is none of true, false: set it to true or false`)
    }

    reads("may have blanks around them", { O2_STREAM: " logs\n", O2_MAX_RETRIES: " 5 " }, {
      stream: "logs",
      maxRetries: 5
    })

    reads("of lists may be spaced, repeated and in upper case", { O2_TELEMETRY_TYPES: " Platform,,EXTENSION , " }, {
      telemetryTypes: ["platform", "extension"]
    })
    refuses({ O2_TELEMETRY_TYPES: "platform,functions" }, "O2_TELEMETRY_TYPES contains something else than")
    refuses({ O2_TELEMETRY_TYPES: "," }, "O2_TELEMETRY_TYPES lists nothing")

    reads(
      "let one batch fill half of the buffer at most",
      { O2_MAX_BUFFER_SIZE_MB: "1", O2_MAX_BATCH_SIZE_KB: "1024" },
      {
        maxBufferBytes: 1024 * 1024,
        maxBatchBytes: 512 * 1024
      }
    )

    refuses({ O2_STREAM: "streams" }, "O2_STREAM is reserved by OpenObserve")
    refuses({ O2_STREAM: "Streams" }, "O2_STREAM is reserved by OpenObserve")
    refuses({ O2_STREAM: "x".repeat(201) }, "O2_STREAM is longer than 200 characters")
    refuses({ O2_STREAM: "a\u0007b" }, "O2_STREAM contains a control character")
    refuses({ O2_STREAM: ".." }, "O2_STREAM is not a name")
    refuses({ O2_ORGANIZATION_ID: "." }, "O2_ORGANIZATION_ID is not a name")
    refuses({ O2_ORGANIZATION_ID: "x".repeat(300) }, "O2_ORGANIZATION_ID is longer than 200 characters")
  })

  describe("O2_ENDPOINT", () => {
    const accepted: ReadonlyArray<readonly [text: string, href: string]> = [
      ["https://o2.example.com", "https://o2.example.com/"],
      ["HTTPS://O2.Example.com:8443/base/", "https://o2.example.com:8443/base/"],
      ["http://localhost:5080", "http://localhost:5080/"],
      ["http://api.localhost", "http://api.localhost/"],
      ["http://127.0.0.1:5080", "http://127.0.0.1:5080/"],
      ["http://127.9.9.9", "http://127.9.9.9/"],
      ["http://[::1]:5080", "http://[::1]:5080/"]
    ]
    for (const [text, href] of accepted) {
      it.effect(`may be ${text}`, () =>
        Effect.gen(function*() {
          const { endpoint } = yield* read({ O2_ENDPOINT: text })
          assert.strictEqual(endpoint.href, href)
        }))
    }

    const plain = "O2_ENDPOINT is plain HTTP"
    const refused: ReadonlyArray<readonly [text: string, problem: string]> = [
      ["o2.example.com", "is not a URL"],
      ["https://", "is not a URL"],
      ["https://a b", "is not a URL"],
      ["ftp://o2.example.com", "has another scheme than https"],
      ["o2.example.com:5080", "has another scheme than https"],
      ["https://user@o2.example.com", "contains a user name or password"],
      ["https://user:secret@o2.example.com", "contains a user name or password"],
      ["https://o2.example.com/?org=x", "contains a query or fragment"],
      ["https://o2.example.com/?", "contains a query or fragment"],
      ["https://o2.example.com#", "contains a query or fragment"],
      ["https://o2.example.com/api/default/default/_json", "ends with /_json"],
      ["https://o2.example.com/api/default/default/_json/", "ends with /_json"],
      ["http://o2.example.com", plain],
      ["http://127.0.0.1.example.com", plain],
      ["http://localhost.example.com", plain],
      ["http://0.0.0.0:5080", plain],
      ["http://10.0.0.7:5080", plain]
    ]
    for (const [text, problem] of refused) refuses({ O2_ENDPOINT: text }, problem)

    reads("may be plain HTTP elsewhere when that is allowed", {
      O2_ENDPOINT: "http://10.0.0.7:5080",
      O2_ALLOW_INSECURE_HTTP: "true"
    }, { endpoint: new URL("http://10.0.0.7:5080") })
  })

  describe("O2_AUTHORIZATION_HEADER", () => {
    it.effect("is kept as it is, blanks included", () =>
      Effect.gen(function*() {
        const { authorization } = yield* read({ O2_AUTHORIZATION_HEADER: " Basic eDp5 " })
        assert.strictEqual(Redacted.value(authorization), " Basic eDp5 ")
      }))

    refuses({ O2_AUTHORIZATION_HEADER: "Basic eDp5\n" }, "contains a line break (often the end of the file")
    refuses({ O2_AUTHORIZATION_HEADER: "Basic eDp5\r\nX-Injected: 1" }, "contains a line break")
    refuses({ O2_AUTHORIZATION_HEADER: "Basic \u0000" }, "contains a character that no HTTP header may have")
    refuses({ O2_AUTHORIZATION_HEADER: "Basic é" }, "contains a character that no HTTP header may have")

    const secrets = fc.string({ unit: "binary", minLength: 12, maxLength: 40 }).filter((text) => text.trim() !== "")

    it.effect("appears in no message, whatever is wrong", () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(secrets, fc.constantFrom({}, { O2_MAX_RETRIES: "x" }), async (secret, env) => {
            const outcome = await Effect.runPromise(
              Effect.result(read({ ...env, O2_AUTHORIZATION_HEADER: secret, O2_STREAM: "streams" }))
            )
            assert.strictEqual(outcome._tag, "Failure")
            if (outcome._tag === "Failure") assertAbsent(secret, outcome.failure)
          })
        )
      ))

    it.effect("appears in no rendering of the settings", () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.base64String({ minLength: 16, maxLength: 40 }), async (secret) => {
            const token = Buffer.from(`x:${secret}`).toString("base64")
            const config = await Effect.runPromise(read({ O2_AUTHORIZATION_HEADER: `Basic ${token}` }))
            assert.strictEqual(Redacted.value(config.authorization), `Basic ${token}`)
            assertAbsent(token, config)
          })
        )
      ))
  })
})

const assertAbsent = (secret: string, holder: object) => {
  // a part of it is bad enough
  const part = secret.trim().slice(0, 12)
  for (const text of [String(holder), JSON.stringify(holder), inspect(holder, { depth: 9 })]) {
    assert.isFalse(text.includes(part) || text.includes(JSON.stringify(part).slice(1, -1)))
  }
}
