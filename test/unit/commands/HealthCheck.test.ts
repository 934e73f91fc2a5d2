import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as HealthCheck from "../../../src/commands/HealthCheck.ts"
import { Fault, OpenObserveDouble } from "../../../src/testing/OpenObserveDouble.ts"

const double = OpenObserveDouble.layer()

/** Checks against the double; answers with the verdict and the lines. */
const check = (env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function*() {
    const openObserve = yield* OpenObserveDouble
    const lines: Array<string> = []
    const isHealthy = yield* HealthCheck.run((line) => Effect.sync(() => void lines.push(line))).pipe(
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({
        O2_ENDPOINT: openObserve.url,
        O2_ORGANIZATION_ID: "default",
        O2_AUTHORIZATION_HEADER: openObserve.authorization,
        ...env
      })))
    )
    assert.notInclude(lines.join(), openObserve.authorization)
    return { isHealthy, lines }
  })

/** The steps as they end when the last one fails with these words. */
const assertFailure = (
  { isHealthy, lines }: { readonly isHealthy: boolean; readonly lines: ReadonlyArray<string> },
  steps: ReadonlyArray<string>,
  ...words: ReadonlyArray<string>
) => {
  assert.isFalse(isHealthy)
  assert.deepStrictEqual(lines.map((line) => line.slice(0, line.indexOf(":"))), steps)
  for (const word of words) assert.include(lines.at(-1), word)
}

const settings = "ok    settings"
const connection = "ok    connection"

describe("HealthCheck", () => {
  it.live("says where records would go, and writes none", () =>
    Effect.gen(function*() {
      const { url } = yield* OpenObserveDouble
      const { isHealthy, lines } = yield* check()
      assert.isTrue(isHealthy)
      assert.deepStrictEqual(lines, [
        `ok    settings: stream default of organization default at ${url}/`,
        `ok    connection: ${new URL(url).host} answers`,
        "ok    credentials: OpenObserve would take records"
      ])
      assert.deepStrictEqual(yield* OpenObserveDouble.use((openObserve) => openObserve.records("default")), [])
    }).pipe(Effect.provide(double)))

  it.live("warns of a stream that the server spells in another way", () =>
    Effect.gen(function*() {
      const { isHealthy, lines } = yield* check({ O2_STREAM: "Orders-API" })
      assert.isTrue(isHealthy)
      assert.match(lines.at(-1) ?? "", /^warn {2}credentials: .*"orders_api".*O2_STREAM/)
    }).pipe(Effect.provide(double)))

  it.live("asks for the platform's stream, too, where that is another", () =>
    Effect.gen(function*() {
      const { isHealthy, lines } = yield* check({ O2_PLATFORM_STREAM: "Lambda Platform" })
      assert.isTrue(isHealthy)
      assert.deepStrictEqual(lines.slice(3, 5), [
        "ok    settings: stream Lambda Platform for the platform's events",
        "ok    platform stream: OpenObserve would take records"
      ])
      assert.match(lines.at(-1) ?? "", /^warn {2}platform stream: .*"lambda_platform".*O2_PLATFORM_STREAM/)
      const paths = (yield* OpenObserveDouble.use(({ requests }) => requests)).map(({ path }) => path)
      assert.deepStrictEqual(paths, ["/api/default/default/_json", "/api/default/Lambda%20Platform/_json"])
    }).pipe(Effect.provide(double)))

  it.live("does not let a server move the cursor", () =>
    Effect.gen(function*() {
      const fault = Fault.Answer({ status: 500, body: "\u001b[2Jgone\r\nok    credentials: fine" })
      yield* OpenObserveDouble.use((openObserve) => openObserve.setFault(fault))
      const { lines } = yield* check()
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(lines.join(""), /[\u0000-\u001f]/)
      assert.strictEqual(lines.length, 3)
    }).pipe(Effect.provide(double)))

  it.live("accepts the ingestion token", () =>
    Effect.gen(function*() {
      const { ingestionAuthorization } = yield* OpenObserveDouble
      assert.isTrue((yield* check({ O2_AUTHORIZATION_HEADER: ingestionAuthorization })).isHealthy)
    }).pipe(Effect.provide(double)))

  it.live("passes warnings on", () =>
    Effect.gen(function*() {
      const { isHealthy, lines } = yield* check({ O2_STREEM: "x" })
      assert.isTrue(isHealthy)
      assert.strictEqual(
        lines[1],
        "warn  settings: O2_STREEM is not a setting of this extension; did you mean O2_STREAM?"
      )
    }).pipe(Effect.provide(double)))

  it.live("has a line for each wrong setting", () =>
    Effect.gen(function*() {
      const result = yield* check({ O2_STREAM: "streams", O2_MAX_RETRIES: "many" })
      assertFailure(result, ["FAIL  settings", "FAIL  settings"])
    }).pipe(Effect.provide(double)))

  it.live("names the credentials' variable", () =>
    Effect.gen(function*() {
      const result = yield* check({ O2_AUTHORIZATION_HEADER: "Basic d3Jvbmc6d3Jvbmc=" })
      assertFailure(result, [settings, connection, "FAIL  credentials"], "HTTP 401", "O2_AUTHORIZATION_HEADER")
    }).pipe(Effect.provide(double)))

  for (
    const [what, fault, words] of [
      ["an overloaded server", Fault.memoryOverflow, ["HTTP 503", "try again"]],
      ["a redirect", Fault.Redirect({ location: "https://elsewhere.test/x?token=1", status: 301 }), ["O2_ENDPOINT"]],
      [
        "something else than OpenObserve",
        Fault.Answer({ status: 200, body: "<html>hello</html>" }),
        ["it is no OpenObserve"]
      ],
      ["an unknown path", Fault.Answer({ status: 404, body: "" }), ["O2_ENDPOINT"]]
    ] as const
  ) {
    it.live(`says what to do about ${what}`, () =>
      Effect.gen(function*() {
        yield* OpenObserveDouble.use((openObserve) => openObserve.setFault(fault))
        const result = yield* check()
        assertFailure(result, [settings, connection, "FAIL  credentials"], ...words)
        assert.notInclude(result.lines.join(), "token=1")
      }).pipe(Effect.provide(double)))
  }

  for (
    const [what, fault, words] of [
      ["nothing listens", Fault.RefuseConnections(), ["ECONNREFUSED"]],
      ["the connection is reset", Fault.ResetBeforeStoring(), ["ECONNRESET"]],
      ["no HTTP is spoken", Fault.Garbage(), ["HTTP"]],
      ["no answer comes", Fault.HangBeforeHeaders(), ["O2_REQUEST_TIMEOUT_MS (100)"]]
    ] as const
  ) {
    it.live(`says so when ${what}`, () =>
      Effect.gen(function*() {
        yield* OpenObserveDouble.use((openObserve) => openObserve.setFault(fault))
        const result = yield* check({ O2_REQUEST_TIMEOUT_MS: "100" })
        assertFailure(result, [settings, "FAIL  connection"], "check O2_ENDPOINT", ...words)
      }).pipe(Effect.provide(double)))
  }

  it.live("says so when no TLS is spoken", () =>
    Effect.gen(function*() {
      const { url } = yield* OpenObserveDouble
      const result = yield* check({ O2_ENDPOINT: url.replace("http:", "https:") })
      assertFailure(result, [settings, "FAIL  connection"], "TLS")
    }).pipe(Effect.provide(double)))
})
