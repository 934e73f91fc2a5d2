import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CUT, JsonScanner } from "../../../src/json/JsonScanner.ts"
import { Resync } from "../../../src/telemetry/PostRecovery.ts"

const resyncOf = (text: string) => new Resync(new JsonScanner(Buffer.from(text)))

describe("Resync", () => {
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
        Effect.sync(() => assert.strictEqual(resyncOf(text).behind(0), end)))
    }

    it.effect("gives up after a few times the post's length", () =>
      Effect.sync(() => {
        const resync = resyncOf("!!]")
        const ends = Array.from({ length: 20 }, () => resync.behind(0))
        assert.strictEqual(ends[0], 2)
        assert.strictEqual(ends.at(-1), CUT)
      }))
  })

  describe("next", () => {
    const event = ",{\"time\":\"t\",\"type\":\"function\",\"record\":1}"

    it.effect("finds what begins as Lambda begins an event", () =>
      Effect.sync(() => {
        const text = "!!,{\"time\":1}"
        assert.strictEqual(resyncOf(`${text}${event}]`).next(0, false), text.length + 1)
        assert.strictEqual(resyncOf(`${text}]`).next(0, false), CUT)
      }))

    it.effect("takes in a remainder only what goes on to the end of the post", () =>
      Effect.sync(() => {
        const text = `text${event}] more`
        assert.strictEqual(resyncOf(`${text}${event}]`).next(0, true), text.length + 1)
        assert.strictEqual(resyncOf(text).next(0, true), CUT)
      }))
  })
})
