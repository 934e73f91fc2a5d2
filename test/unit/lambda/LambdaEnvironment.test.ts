import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LambdaEnvironment } from "../../../src/lambda/LambdaEnvironment.ts"

const environmentOf = (env: Record<string, string>) =>
  LambdaEnvironment.pipe(
    Effect.provide(LambdaEnvironment.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))))
  )

describe("LambdaEnvironment", () => {
  it.effect("has /tmp for temporary files, unless TMPDIR says else", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* environmentOf({})).temporaryDirectory, "/tmp")
      assert.strictEqual((yield* environmentOf({ TMPDIR: "" })).temporaryDirectory, "/tmp")
      assert.strictEqual((yield* environmentOf({ TMPDIR: "/elsewhere" })).temporaryDirectory, "/elsewhere")
    }))
})
