import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CUT, JsonScanner } from "../../../src/json/JsonScanner.ts"
import { PostRecovery } from "../../../src/telemetry/PostRecovery.ts"

const recoveryOf = (text: string) => new PostRecovery(new JsonScanner(Buffer.from(text)))

describe("PostRecovery", () => {
  describe("behind", () => {
    const elements: ReadonlyArray<readonly [text: string, end: number]> = [
      ["!!,{\"", 2],
      ["!!]", 2],
      ["{\"a\":!},{\"", 7],
      ["{\"a\":\"},\\\"\"} , { \"", 12],
      ["[[!],{}] ] ", 8],
      ["!!,1", CUT],
      ["!!],", CUT],
      ["{\"a\":[!},{\"", CUT],
      ["{\"a\":\"", CUT]
    ]
    for (const [text, end] of elements) {
      it.effect(`${end === CUT ? "sees no end in" : "skips a broken element:"} ${text}`, () =>
        Effect.sync(() => assert.strictEqual(recoveryOf(text).behind(0), end)))
    }

    it.effect("gives up after a few times the post's length", () =>
      Effect.sync(() => {
        const recovery = recoveryOf("!!]")
        const ends = Array.from({ length: 20 }, () => recovery.behind(0))
        assert.strictEqual(ends[0], 2)
        assert.strictEqual(ends.at(-1), CUT)
      }))
  })

  describe("search", () => {
    const event = ",{\"time\":\"t\",\"type\":\"function\",\"record\":1}"

    it.effect("finds what begins as Lambda begins an event", () =>
      Effect.sync(() => {
        const text = "!!,{\"time\":1}"
        assert.strictEqual(recoveryOf(`${text}${event}]`).search(0, false), text.length + 1)
        assert.strictEqual(recoveryOf(`${text}]`).search(0, false), CUT)
      }))

    it.effect("takes in a remainder only what goes on to the end of the post", () =>
      Effect.sync(() => {
        const text = `text${event}] more`
        assert.strictEqual(recoveryOf(`${text}${event}]`).search(0, true), text.length + 1)
        assert.strictEqual(recoveryOf(text).search(0, true), CUT)
      }))
  })
})
