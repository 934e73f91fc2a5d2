import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Logger from "../../../src/platform/Logger.ts"
import { capturedProcess } from "../../support/fakes/capturedProcess.ts"

/** The lines that an effect logs. */
const linesOf = (effect: Effect.Effect<void>) =>
  Effect.map(
    capturedProcess(Effect.provide(effect, Logger.layer)),
    ({ stdout }) => stdout === "" ? [] : stdout.replace(/\n$/, "").split("\n")
  )

describe("Logger", () => {
  it.effect("writes one JSON line that begins with the extension's name", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.parse("2026-11-22T10:00:00.123Z"))
      const lines = yield* linesOf(Effect.logWarning("two\nlines", { url: "https://x", sent: 3 }))
      assert.strictEqual(lines.length, 1)
      assert.isTrue(lines[0]?.startsWith(Logger.OWN_LINE_PREFIX))
      assert.deepStrictEqual(JSON.parse(lines[0] ?? ""), {
        extension: "o2-lambda-extension",
        time: "2026-11-22T10:00:00.123Z",
        level: "warn",
        message: "two\nlines",
        url: "https://x",
        sent: 3
      })
    }))

  it.effect("adds the cause", () =>
    Effect.gen(function*() {
      const [line] = yield* linesOf(Effect.logError("broken", Cause.die(new Error("the reason"))))
      assert.include(JSON.parse(line ?? "").error, "the reason")
    }))

  for (
    const [level, expected] of [
      ["debug", ["debug", "info", "warn", "error"]],
      ["info", ["info", "warn", "error"]],
      ["warn", ["warn", "error"]],
      ["error", ["error"]],
      ["none", []]
    ] as const
  ) {
    it.effect(`logs ${expected.join(", ") || "nothing"} at level ${level}`, () =>
      Effect.gen(function*() {
        const all = Effect.logDebug("x").pipe(
          Effect.andThen(Effect.logInfo("x")),
          Effect.andThen(Effect.logWarning("x")),
          Effect.andThen(Effect.logError("x"))
        )
        const lines = yield* linesOf(Logger.withLevel(level)(all))
        assert.deepStrictEqual(lines.map((line) => JSON.parse(line).level), [...expected])
      }))
  }
})
