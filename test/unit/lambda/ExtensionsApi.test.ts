import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ExtensionsApi from "../../../src/lambda/ExtensionsApi.ts"

const NOW = 1_795_334_400_000

describe("ExtensionsApi", () => {
  describe("readEvent", () => {
    const invoke = { eventType: "INVOKE", deadlineMs: NOW + 3000, requestId: "r" }
    const events: ReadonlyArray<readonly [what: string, body: string, event: ExtensionsApi.NextEvent | undefined]> = [
      ["INVOKE", JSON.stringify(invoke), { eventType: "INVOKE", deadlineMs: NOW + 3000, requestId: "r" }],
      ["a byte order mark", `\ufeff${JSON.stringify(invoke)}`, {
        eventType: "INVOKE",
        deadlineMs: NOW + 3000,
        requestId: "r"
      }],
      ["a deadline in digits", JSON.stringify({ ...invoke, deadlineMs: String(NOW) }), {
        eventType: "INVOKE",
        deadlineMs: NOW,
        requestId: "r"
      }],
      ["no deadline", "{\"eventType\":\"INVOKE\",\"requestId\":\"r\"}", {
        eventType: "INVOKE",
        deadlineMs: NOW + 1000,
        requestId: "r"
      }],
      ["a request id that is none", JSON.stringify({ ...invoke, requestId: 7 }), {
        eventType: "INVOKE",
        deadlineMs: NOW + 3000,
        requestId: ""
      }],
      ["SHUTDOWN without anything", "{\"eventType\":\"SHUTDOWN\"}", {
        eventType: "SHUTDOWN",
        deadlineMs: NOW + 2000,
        shutdownReason: ""
      }],
      ["another event", "{\"eventType\":\"NAP\"}", undefined],
      ["an empty body", "", undefined],
      ["no JSON", "<html>", undefined],
      ["an array", "[]", undefined],
      ["null", "null", undefined]
    ]
    for (const [what, body, event] of events) {
      it.effect(`reads ${what}`, () =>
        Effect.sync(() => assert.deepStrictEqual(ExtensionsApi.readEvent(body, NOW), event)))
    }
  })

  describe("readRegistration", () => {
    it.effect("takes what is there", () =>
      Effect.sync(() => {
        const body = JSON.stringify({ functionName: "orders", functionVersion: null, accountId: 111122223333 })
        assert.deepStrictEqual(ExtensionsApi.readRegistration(body), {
          functionName: "orders",
          functionVersion: undefined,
          accountId: undefined
        })
        assert.isUndefined(ExtensionsApi.readRegistration("").functionName)
      }))
  })
})
