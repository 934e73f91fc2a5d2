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

  describe("withoutSecrets", () => {
    it.effect("hides the credentials where a server quotes them, whole, encoded and in parts", () =>
      Effect.sync(() => {
        const authorization = `Basic ${Buffer.from("me@example.com:s3cret-pass").toString("base64")}`
        const body = `bad header ${authorization}, user me@example.com with s3cret-pass`
        const hidden = Endpoint.withoutSecrets(
          { status: 500, body, headers: { location: "https://h/?p=s3cret-pass" } },
          Redacted.make(authorization)
        )
        assert.deepEqual(hidden, {
          status: 500,
          body: "bad header ***, user me@example.com with ***",
          headers: { location: "https://h/?p=***" }
        })
      }))
  })
})
