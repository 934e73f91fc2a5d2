import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { stringMember } from "../../../src/json/StringMember.ts"

describe("stringMember", () => {
  it.effect("is the first of the named members that is a string with something in it", () =>
    Effect.sync(() => {
      assert.strictEqual(stringMember({ a: "", b: 1, c: "x", d: "y" }, "a", "b", "c", "d"), "x")
    }))

  it.effect("never comes from a prototype", () =>
    Effect.sync(() => {
      assert.isUndefined(stringMember({}, "constructor", "__proto__"))
      assert.strictEqual(stringMember(JSON.parse("{\"__proto__\":\"own\"}"), "__proto__"), "own")
    }))

  for (const value of [null, undefined, 1, "text", true, ["a"]]) {
    it.effect(`is missing in ${JSON.stringify(value)}`, () =>
      Effect.sync(() => assert.isUndefined(stringMember(value, "a"))))
  }
})
