/** Settings for tests: the two required variables, and any others. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Configuration, ExtensionConfig } from "../../src/config/Config.ts"

type Env = Readonly<Record<string, string>>

const required: Env = { O2_ORGANIZATION_ID: "default", O2_AUTHORIZATION_HEADER: "Basic eDp5" }

/** Reads these variables and nothing else. */
export const readAll = (env: Env) => Effect.provide(ExtensionConfig, ExtensionConfig.layerEnv(env))

/** Reads these variables beside the required ones. */
export const read = (env: Env = {}) => readAll({ ...required, ...env })

/** The error that these variables lead to. */
export const refusal = (env: Env = {}) => Effect.flip(read(env))

/** A test that the variables lead to these settings. */
export const reads = (name: string, env: Env, expected: Partial<Configuration>) =>
  it.effect(name, () =>
    Effect.gen(function*() {
      const config: Readonly<Record<string, unknown>> = { ...(yield* read(env)) }
      for (const [key, value] of Object.entries(expected)) assert.deepEqual(config[key], value)
    }))

/** A test that the variables lead to exactly this problem. */
export const refuses = (env: Env, problem: string) =>
  it.effect(`refuses ${JSON.stringify(env).slice(0, 80)}`, () =>
    Effect.gen(function*() {
      const { problems } = yield* refusal(env)
      assert.strictEqual(problems.length, 1)
      assert.include(problems[0], problem)
    }))
