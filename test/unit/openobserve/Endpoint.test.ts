import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Endpoint from "../../../src/openobserve/Endpoint.ts"

describe("Endpoint", () => {
  describe("ingestUrl", () => {
    const urls: ReadonlyArray<readonly [endpoint: string, organization: string, stream: string, url: string]> = [
      ["https://h", "org", "s", "https://h/api/org/s/_json"],
      ["https://h/", "org", "s", "https://h/api/org/s/_json"],
      ["https://h//", "org", "s", "https://h/api/org/s/_json"],
      ["https://h:8443/base/path/", "org", "s", "https://h:8443/base/path/api/org/s/_json"],
      ["https://h", "my org", "a/b?c#d", "https://h/api/my%20org/a%2Fb%3Fc%23d/_json"],
      ["https://h", "ключ", "%41", "https://h/api/%D0%BA%D0%BB%D1%8E%D1%87/%2541/_json"],
      ["https://h", "..a", "...", "https://h/api/..a/.../_json"]
    ]
    for (const [endpoint, organizationId, stream, url] of urls) {
      it.effect(`is ${url} for ${endpoint}, ${organizationId}, ${stream}`, () =>
        Effect.sync(() =>
          assert.strictEqual(Endpoint.ingestUrl({ endpoint: new URL(endpoint), organizationId, stream }).href, url)
        ))
    }
  })

  describe("redaction", () => {
    it("hides the credentials where a server quotes them, whole, encoded and in parts", () => {
      const authorization = `Basic ${Buffer.from("me@example.com:s3cret-pass").toString("base64")}`
      const body = `bad header ${authorization}, user me@example.com with s3cret-pass`
      const hidden = Endpoint.redaction(Redacted.make(authorization), "s")(
        { status: 500, body, headers: { location: "https://h/?p=s3cret-pass" } }
      )
      assert.deepEqual(hidden, {
        status: 500,
        body: "bad header ***, user me@example.com with ***",
        headers: { location: "https://h/?p=***" }
      })
    })

    const base64 = (text: string) => Buffer.from(text).toString("base64")
    const everyCharacter = (text: string) =>
      Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")
    const json = (text: string) =>
      Array.from(text, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")
    const password = "p/ä\"+?>=<& 1234"
    const credentials = `me@example.com:${password}`
    const forms: ReadonlyArray<readonly [how: string, form: (text: string) => string]> = [
      ["plain", (text) => text],
      ["percent-encoded", encodeURIComponent],
      [
        "percent-encoded in lower case",
        (text) => encodeURIComponent(text).replaceAll(/%../g, (hex) => hex.toLowerCase())
      ],
      ["percent-encoded twice", (text) => encodeURIComponent(encodeURIComponent(text))],
      ["percent-encoded in every character", everyCharacter],
      ["encoded as a form", (text) => new URLSearchParams({ v: text }).toString().slice(2)],
      ["escaped as JSON", (text) => JSON.stringify(text).slice(1, -1)],
      ["escaped as JSON twice", (text) => JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1)],
      ["escaped as JSON in every character", json],
      ["escaped as HTML", (text) => text.replaceAll(/[&<>"=+]/g, (c) => `&#${c.charCodeAt(0)};`)],
      ["in base64", base64],
      ["in base64 without padding", (text) => base64(text).replace(/=+$/, "")],
      ["in base64 of the URL's alphabet", (text) => Buffer.from(text).toString("base64url")],
      ["in base64, percent-encoded", (text) => encodeURIComponent(base64(text))]
    ]
    for (const [how, form] of forms) {
      it(`hides them ${how}`, () => {
        const encoded = base64(credentials)
        const hide = Endpoint.redaction(Redacted.make(`Basic ${encoded}`), "s")
        for (const secret of [`Basic ${encoded}`, encoded, credentials, password]) {
          const said = `<p>no entry with "${form(secret)}" here</p>`
          const { body } = hide({ status: 403, body: said, headers: {} })
          assert.strictEqual(body.replaceAll("***", ""), "<p>no entry with \"\" here</p>", form(secret))
        }
      })
    }

    it("hides a token that is none of Basic, and nothing else", () => {
      const hide = Endpoint.redaction(Redacted.make("Bearer abc.def"), "s")
      const body = "Bearer abc.def, abc%2edef, Bearer, abc, def, YWJj"
      assert.strictEqual(hide({ status: 401, body, headers: {} }).body, "***, ***, Bearer, abc, def, YWJj")
    })

    it("hides the proxy's as well", () => {
      const authorization = () => `Basic ${base64("user:of-proxy")}`
      const hide = Endpoint.redaction(Redacted.make("Bearer abc.def"), "s", {
        url: new URL("http://p"),
        variable: "P",
        authorization
      })
      const body = `abc.def of-proxy ${base64("user:of-proxy")}`
      assert.strictEqual(hide({ status: 403, body, headers: {} }).body, "*** *** ***")
    })

    it("leaves everything as it is where the secret is too short to be one", () => {
      const hide = Endpoint.redaction(Redacted.make("abc"), "s")
      assert.strictEqual(hide({ status: 401, body: "abc", headers: {} }).body, "abc")
      assert.strictEqual(hide({ status: 401, body: "", headers: {} }).body, "")
    })
  })
})
