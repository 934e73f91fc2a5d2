import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as CommandLine from "../../../src/commands/CommandLine.ts"
import { capturedProcess } from "../../support/fakes/capturedProcess.ts"

const run = (args: ReadonlyArray<string>) =>
  capturedProcess(CommandLine.run(args)).pipe(
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ O2_ORGANIZATION_ID: "default" })))
  )

describe("CommandLine", () => {
  it.effect("shows the usage on stdout when asked for help", () =>
    Effect.gen(function*() {
      const { exitCode, stderr, stdout } = yield* run(["--help"])
      assert.isTrue(stdout.startsWith("Usage: o2-lambda-extension [command]\n"))
      assert.deepStrictEqual([exitCode, stderr], [undefined, ""])
    }))

  for (const flag of ["--version", "-v"]) {
    it.effect(`shows the version for ${flag}`, () =>
      Effect.gen(function*() {
        const { exitCode, stderr, stdout } = yield* run([flag])
        assert.deepStrictEqual([exitCode, stderr, stdout], [undefined, "", "unbundled\n"])
      }))
  }

  for (const flag of ["health-check", "--health-check", "-h"]) {
    it.effect(`checks the health for ${flag}, and fails with it`, () =>
      Effect.gen(function*() {
        const { exitCode, stderr, stdout } = yield* run([flag])
        assert.match(stdout, /^FAIL {2}settings: O2_AUTHORIZATION_HEADER is not set: .*\n$/)
        assert.deepStrictEqual([exitCode, stderr], [1, ""])
      }))
  }

  for (
    const [args, complaint] of [
      [[], "not under Lambda (AWS_LAMBDA_RUNTIME_API is not set), and no command given"],
      [["frobnicate"], "unknown command \"frobnicate\""],
      [["--version", "now"], "unknown command \"--version now\""],
      [[""], "unknown command \"\""]
    ] as const
  ) {
    it.effect(`explains itself on stderr for ${JSON.stringify(args)}`, () =>
      Effect.gen(function*() {
        const { exitCode, stderr, stdout } = yield* run(args)
        assert.isTrue(stderr.startsWith(`o2-lambda-extension: ${complaint}\n\nUsage: `), stderr)
        assert.deepStrictEqual([exitCode, stdout], [2, ""])
      }))
  }
})
