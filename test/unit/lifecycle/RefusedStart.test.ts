/** A start that must not succeed: what the platform and the operator are told, and whether the function still runs. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { ConfigurationError } from "../../../src/config/Config.ts"
import * as RefusedStart from "../../../src/lifecycle/RefusedStart.ts"
import { ListenError } from "../../../src/platform/HttpListener.ts"
import { makeProgram } from "../../support/fakes/program.ts"

describe("RefusedStart", () => {
  describe("refuse", () => {
    const problems = ["O2_STREAM is reserved", "O2_ORGANIZATION_ID is not set"]

    it.effect("reports every problem to the platform and fails", () => {
      const program = makeProgram()
      return Effect.gen(function*() {
        const error = new ConfigurationError({ problems, reaction: "fail" })
        const exit = yield* Effect.exit(RefusedStart.refuse(error))
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(program.calls, [
          "register",
          `init/error Extension.ConfigInvalid: wrong configuration: ${problems.join("; ")}`
        ])
        assert.deepStrictEqual(program.log.at("Error"), [`wrong configuration: ${problems.join("; ")}`])
        assert.deepStrictEqual(program.polls, [])
      }).pipe(Effect.provide(program.layer))
    })

    for (
      const error of [
        new ConfigurationError({ problems, reaction: "pass-through" }),
        new ListenError({ cause: new Error("EADDRINUSE") })
      ]
    ) {
      it.effect(`lets the function run until SHUTDOWN after ${error._tag} with pass-through`, () => {
        const program = makeProgram()
        return Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(RefusedStart.refuse(error))
          yield* program.invoke("r1")
          yield* program.invoke("r2")
          assert.strictEqual(program.polls.length, 3)
          assert.isUndefined(fiber.pollUnsafe())
          yield* program.shutdown()
          assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
          assert.deepStrictEqual(program.calls, ["register"])
          assert.deepStrictEqual(program.log.at("Error"), [error.message])
          assert.strictEqual(program.log.at("Warn").length, 1)
        }).pipe(Effect.provide(program.layer))
      })
    }
  })
})
