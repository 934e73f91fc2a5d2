import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { ExtensionsClient } from "../../../src/lambda/ExtensionsClient.ts"
import {
  bodyOf,
  clientOf,
  identifier,
  invoke,
  registered,
  requestsOf,
  subscription
} from "../../support/fakes/clientUnderTest.ts"
import type { Answer } from "../../support/fakes/ControlledTransport.ts"

describe("ExtensionsClient", () => {
  describe("register", () => {
    it.effect("sends the launcher's name, asks for the account and for both events", () => {
      const { layer, transport } = clientOf([registered])
      return Effect.gen(function*() {
        const registration = yield* ExtensionsClient.use(({ register }) => register)
        assert.deepStrictEqual(requestsOf(transport), ["POST http://127.0.0.1:9001/2020-01-01/extension/register"])
        assert.deepStrictEqual(transport.exchanges[0]?.request.headers, {
          "content-type": "application/json",
          "lambda-extension-accept-feature": "accountId",
          "lambda-extension-name": "shipper.sh"
        })
        assert.deepStrictEqual(bodyOf(transport, 0), { events: ["INVOKE", "SHUTDOWN"] })
        assert.deepStrictEqual(registration, {
          functionName: "orders",
          functionVersion: "$LATEST",
          accountId: "111122223333"
        })
      }).pipe(Effect.provide(layer))
    })

    it.effect("goes on without metadata when the answer's body was cut off", () => {
      const { layer } = clientOf([{ status: 200, headers: { "lambda-extension-identifier": "id" }, body: "{\"a\":" }])
      return Effect.gen(function*() {
        const { functionName } = yield* ExtensionsClient.use(({ register }) => register)
        assert.isUndefined(functionName)
      }).pipe(Effect.provide(layer))
    })

    it.effect("asks for SHUTDOWN alone on Managed Instances", () => {
      const { layer, transport } = clientOf([registered], true)
      return Effect.gen(function*() {
        yield* ExtensionsClient.use(({ register }) => register)
        assert.deepStrictEqual(bodyOf(transport, 0), { events: ["SHUTDOWN"] })
      }).pipe(Effect.provide(layer))
    })

    it.effect("fails with the platform's words", () => {
      const { layer } = clientOf([{ status: 403, body: "{\"errorType\":\"Extension.InvalidExtensionName\"}\n" }])
      return Effect.gen(function*() {
        const error = yield* Effect.flip(ExtensionsClient.use(({ register }) => register))
        assert.include(error.message, "register: HTTP 403: {\"errorType\":\"Extension.InvalidExtensionName\"}")
        assert.include(error.message, "which must be the full name of its file in /opt/extensions")
      }).pipe(Effect.provide(layer))
    })

    it.effect("fails when the answer names no identifier", () => {
      const { layer } = clientOf([{ status: 200, body: "{}" }])
      return Effect.gen(function*() {
        const error = yield* Effect.flip(ExtensionsClient.use(({ register }) => register))
        assert.include(error.message, "Lambda-Extension-Identifier")
      }).pipe(Effect.provide(layer))
    })

    it.effect("takes over what the launcher has done", () => {
      const { layer, transport } = clientOf([{ status: 200 }], false, {
        status: 200,
        identifier,
        body: "{\"functionName\":\"orders\"}"
      })
      return Effect.gen(function*() {
        const { register, subscribe } = yield* ExtensionsClient
        assert.deepInclude(yield* register, { functionName: "orders" })
        yield* subscribe(subscription)
        assert.strictEqual(transport.exchanges[0]?.request.headers["lambda-extension-identifier"], identifier)
      }).pipe(Effect.provide(layer))
    })

    for (const status of [403, undefined]) {
      it.effect(`does not register again after the launcher's attempt ended with ${status ?? "no answer"}`, () => {
        const { layer } = clientOf([], false, { status, identifier: "", body: "" })
        return Effect.gen(function*() {
          const error = yield* Effect.flip(ExtensionsClient.use(({ register }) => register))
          assert.strictEqual(error.status, status)
        }).pipe(Effect.provide(layer))
      })
    }

    it.effect("sends the identifier with every later call", () => {
      const { layer, transport } = clientOf([registered, { status: 200 }, { status: 200, body: invoke }, {
        status: 202
      }])
      return Effect.gen(function*() {
        const { initError, next, register, subscribe } = yield* ExtensionsClient
        yield* register
        yield* subscribe(subscription)
        yield* next
        yield* initError("Extension.ConfigInvalid", "wrong")
        const identifiers = transport.exchanges.map(({ request }) => request.headers["lambda-extension-identifier"])
        assert.deepStrictEqual(identifiers, [undefined, identifier, identifier, identifier])
      }).pipe(Effect.provide(layer))
    })
  })

  describe("next", () => {
    it.effect("reads JSON whatever the content type says", () => {
      const body = "{\"eventType\":\"SHUTDOWN\",\"deadlineMs\":2000,\"shutdownReason\":\"spindown\"}"
      const { layer } = clientOf([{ status: 200, body, headers: { "content-type": "text/plain; charset=utf-8" } }])
      return Effect.gen(function*() {
        const event = yield* ExtensionsClient.use(({ next }) => next)
        assert.deepStrictEqual(event, { eventType: "SHUTDOWN", deadlineMs: 2000, shutdownReason: "spindown" })
      }).pipe(Effect.provide(layer))
    })

    it.effect("waits for ever", () => {
      const { layer, transport } = clientOf([undefined])
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(ExtensionsClient.use(({ next }) => next))
        const { answer } = yield* transport.next
        yield* TestClock.adjust("30 days")
        assert.strictEqual(transport.inFlight(), 1)
        yield* answer({ status: 200, body: invoke })
        assert.strictEqual((yield* Fiber.join(fiber)).eventType, "INVOKE")
      }).pipe(Effect.provide(layer))
    })

    it.effect("survives a poll that broke, though the platform answers 403 until it has noticed", () => {
      const held: Answer = { status: 403, body: "State transition from Ready to Ready failed" }
      const { layer, log, transport } = clientOf([
        { code: "ECONNRESET", isSent: true },
        { code: "ECONNREFUSED", isSent: false },
        ...Array.from({ length: 100 }, () => held),
        { status: 200, body: invoke }
      ])
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(ExtensionsClient.use(({ next }) => next))
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).eventType, "INVOKE")
        assert.strictEqual(transport.exchanges.length, 103)
        assert.deepStrictEqual(log.at("Warn"), ["polling for the next event failed; asking again"])
      }).pipe(Effect.provide(layer))
    })

    it.effect("gives up when the platform stays away", () => {
      const { layer, transport } = clientOf(
        Array.from({ length: 5000 }, (): Answer => ({ code: "ECONNREFUSED", isSent: false }))
      )
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Effect.exit(ExtensionsClient.use(({ next }) => next)))
        yield* TestClock.adjust("10 minutes")
        assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
        assert.isBelow(transport.exchanges.length, 2000)
      }).pipe(Effect.provide(layer))
    })

    it.effect("fails at once when the first poll is refused", () => {
      const { layer, transport } = clientOf([{ status: 403, body: "gone" }])
      return Effect.gen(function*() {
        const error = yield* Effect.flip(ExtensionsClient.use(({ next }) => next))
        assert.strictEqual(error.message, "next: HTTP 403: gone")
        assert.strictEqual(transport.exchanges.length, 1)
      }).pipe(Effect.provide(layer))
    })

    it.effect("asks again after an answer that is no event", () => {
      const { layer, transport } = clientOf([
        { status: 200, body: "{\"eventType\":\"NAP\"}" },
        { status: 503, body: "" },
        { status: 200, body: JSON.stringify({ eventType: "INVOKE", deadlineMs: 5, requestId: "r" }) }
      ])
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(ExtensionsClient.use(({ next }) => next))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(fiber), { eventType: "INVOKE", deadlineMs: 5, requestId: "r" })
        assert.strictEqual(transport.exchanges.length, 3)
      }).pipe(Effect.provide(layer))
    })
  })

  describe("initError and exitError", () => {
    for (const kind of ["init", "exit"] as const) {
      it.effect(`${kind}Error names the type in a header and the message in the body`, () => {
        const { layer, transport } = clientOf([{ status: 202 }])
        return Effect.gen(function*() {
          const service = yield* ExtensionsClient
          yield* service[`${kind}Error`]("Extension.ConfigInvalid", "O2_ENDPOINT is\nwrong")
          assert.deepStrictEqual(requestsOf(transport), [
            `POST http://127.0.0.1:9001/2020-01-01/extension/${kind}/error`
          ])
          assert.strictEqual(
            transport.exchanges[0]?.request.headers["lambda-extension-function-error-type"],
            "Extension.ConfigInvalid"
          )
          assert.deepStrictEqual(bodyOf(transport, 0), {
            errorMessage: "O2_ENDPOINT is\nwrong",
            errorType: "Extension.ConfigInvalid",
            stackTrace: []
          })
        }).pipe(Effect.provide(layer))
      })

      it.effect(`${kind}Error waits for a second at most: the process is about to end`, () => {
        const { layer } = clientOf([undefined])
        return Effect.gen(function*() {
          const service = yield* ExtensionsClient
          const fiber = yield* Effect.forkChild(Effect.flip(service[`${kind}Error`]("Extension.PollFailed", "gone")))
          yield* TestClock.adjust("1 second")
          assert.strictEqual((yield* Fiber.join(fiber)).message, `${kind}/error: no answer within 1s`)
        }).pipe(Effect.provide(layer))
      })
    }
  })
})
