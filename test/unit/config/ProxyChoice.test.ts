import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inspect } from "node:util"
import { read, refusal } from "../../support/configFixtures.ts"

type Env = Readonly<Record<string, string>>

/** The proxy that these variables lead to, and in whose name. */
const chosen = Effect.fnUntraced(function*(env: Env) {
  const { proxy, warnings } = yield* read(env)
  assert.deepStrictEqual(warnings, [])
  return proxy && [proxy.variable, proxy.url.href, proxy.authorization?.()]
})

const HTTP = { O2_ENDPOINT: "http://o2.example", O2_ALLOW_INSECURE_HTTP: "true" }

const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString("base64")}`

const table: ReadonlyArray<readonly [env: Env, proxy: ReadonlyArray<string | undefined> | undefined]> = [
  [{}, undefined],
  [{ HTTP_PROXY: "http://p:1" }, undefined],
  [{ NO_PROXY: "*" }, undefined],
  [{ HTTPS_PROXY: "http://p:1" }, ["HTTPS_PROXY", "http://p:1/", undefined]],
  [{ HTTPS_PROXY: " " }, undefined],
  [{ HTTPS_PROXY: "http://p:1", https_proxy: "http://q:2" }, ["https_proxy", "http://q:2/", undefined]],
  [{ HTTPS_PROXY: "http://p:1", https_proxy: "" }, ["HTTPS_PROXY", "http://p:1/", undefined]],
  [{ ALL_PROXY: "http://a:3", HTTPS_PROXY: "http://p:1" }, ["HTTPS_PROXY", "http://p:1/", undefined]],
  [{ ALL_PROXY: "http://a:3", HTTP_PROXY: "http://p:1" }, ["ALL_PROXY", "http://a:3/", undefined]],
  [{ ...HTTP, HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://q:2" }, ["HTTP_PROXY", "http://p:1/", undefined]],
  [{ HTTPS_PROXY: "p:1" }, ["HTTPS_PROXY", "http://p:1/", undefined]],
  [{ HTTPS_PROXY: "HTTP://P/path?q" }, ["HTTPS_PROXY", "http://p/", undefined]],
  [{ HTTPS_PROXY: "http://[fd00::1]:3128" }, ["HTTPS_PROXY", "http://[fd00::1]:3128/", undefined]],
  [{ HTTPS_PROXY: "http://u:p@h:1" }, ["HTTPS_PROXY", "http://h:1/", basic("u:p")]],
  [{ HTTPS_PROXY: "u@h:1" }, ["HTTPS_PROXY", "http://h:1/", basic("u:")]],
  [{ HTTPS_PROXY: "http://d%5Cu:p%40%3A%C3%A4@h:1" }, ["HTTPS_PROXY", "http://h:1/", basic("d\\u:p@:ä")]],
  [{ HTTPS_PROXY: "http://u:100%@h:1" }, ["HTTPS_PROXY", "http://h:1/", basic("u:100%")]],
  [{ HTTPS_PROXY: "http://u:a:b@c@h:1" }, ["HTTPS_PROXY", "http://h:1/", basic("u:a:b@c")]],
  [{ HTTPS_PROXY: "http://p:1", O2_PROXY: "http://o:4" }, ["O2_PROXY", "http://o:4/", undefined]],
  [{ NO_PROXY: "*", O2_PROXY: "http://o:4" }, ["O2_PROXY", "http://o:4/", undefined]],
  [{ HTTPS_PROXY: "http://p:1", O2_PROXY: "None" }, undefined],
  [{ HTTPS_PROXY: "http://p:1", O2_PROXY: " " }, ["HTTPS_PROXY", "http://p:1/", undefined]],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "openobserve.ai" }, undefined],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "*", no_proxy: "x" }, ["HTTPS_PROXY", "http://p:1/", undefined]],
  ...["localhost", "a.localhost", "localhost.", "127.1.2.3", "[::1]"].map((host) =>
    [{ O2_ENDPOINT: `http://${host}`, O2_PROXY: "http://p:1", ALL_PROXY: "http://p:1" }, undefined] as const
  )
]

describe("a proxy", () => {
  for (const [env, proxy] of table) {
    it.effect(`of ${JSON.stringify(env)} is ${proxy?.[0] ?? "none"}`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* chosen(env), proxy)
      }))
  }

  for (
    const [url, problem] of [
      ["https://user:secret@h:1", "has another scheme than http"],
      ["socks5h://user:secret@h:1", "has another scheme than http"],
      ["http://user:sec/ret@h:1", "must be percent-encoded"],
      ["http://user:12#secret@h:1", "must be percent-encoded"],
      ["http://user:p@secret/p@h:1", "must be percent-encoded"],
      ["http://h:99999", "is not a URL"],
      ["http://", "is not a URL"]
    ] as const
  ) {
    it.effect(`of ${url} is refused in O2_PROXY, and not used in HTTPS_PROXY`, () =>
      Effect.gen(function*() {
        const { problems } = yield* refusal({ O2_PROXY: url })
        assert.strictEqual(problems.length, 1)
        assert.include(
          problems[0],
          `O2_PROXY ${problem}`.replace(" must", " has a character in its user name or password that must")
        )
        const { proxy, warnings } = yield* read({ HTTPS_PROXY: url })
        assert.strictEqual(proxy, undefined)
        assert.strictEqual(warnings.length, 1)
        assert.match(warnings[0]!, /^HTTPS_PROXY .*, and is not used: set O2_PROXY to /)
        assert.notInclude(problems[0]! + warnings[0]!, "secret")
      }))
  }

  it.effect("does not show its password", () =>
    Effect.gen(function*() {
      const { proxy } = yield* read({ HTTPS_PROXY: "http://user:secret@h:1" })
      const shown = inspect(proxy, { depth: 9 }) + JSON.stringify(proxy) + String(proxy)
      assert.notMatch(shown, /secret|dXNlcjpzZWNyZXQ/)
    }))
})
