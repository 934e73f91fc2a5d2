import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import * as LogsDestination from "../../../src/openobserve/LogsDestination.ts"

const makeDestination = ExtensionConfig.useSync(LogsDestination.make).pipe(
  Effect.provide(ExtensionConfig.layerEnv({ O2_ORGANIZATION_ID: "org", O2_AUTHORIZATION_HEADER: "Basic eDp5" }))
)

describe("LogsDestination", () => {
  it.effect("sends JSON with the credentials to the stream", () =>
    Effect.gen(function*() {
      const { headers, probe, url } = yield* makeDestination
      assert.strictEqual(url.href, "https://api.openobserve.ai/api/org/default/_json")
      assert.deepEqual(headers(), { "authorization": "Basic eDp5", "content-type": "application/json" })
      assert.strictEqual(String(probe), "[]")
    }))

  it.effect("holds the credentials hidden until they are sent", () =>
    Effect.gen(function*() {
      assert.notInclude(JSON.stringify(yield* makeDestination), "eDp5")
    }))
})
