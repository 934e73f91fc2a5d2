/** Subscribing to the Telemetry API, and what to make of refusals. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { ExtensionsClient } from "../../../src/lambda/ExtensionsClient.ts"
import { bodyOf, clientOf, requestsOf, subscription } from "../../support/fakes/clientUnderTest.ts"
import type { Answer } from "../../support/fakes/ControlledTransport.ts"

describe("ExtensionsClient", () => {
  describe("subscribe", () => {
    it.effect("asks for the newest schema, the shortest delay and the largest posts", () => {
      const { layer, transport } = clientOf([{ status: 200, body: "\"OK\"" }])
      return Effect.gen(function*() {
        const result = yield* ExtensionsClient.use(({ subscribe }) => subscribe(subscription))
        assert.deepStrictEqual(result, { _tag: "Subscribed", api: "telemetry", schemaVersion: "2025-01-29" })
        assert.deepStrictEqual(requestsOf(transport), ["PUT http://127.0.0.1:9001/2022-07-01/telemetry"])
        assert.deepStrictEqual(bodyOf(transport, 0), {
          schemaVersion: "2025-01-29",
          types: ["platform", "function"],
          buffering: { maxItems: 10_000, maxBytes: 1_048_576, timeoutMs: 25 },
          destination: { protocol: "HTTP", URI: "http://sandbox.localdomain:4243/telemetry/unguessable" }
        })
      }).pipe(Effect.provide(layer))
    })

    it.effect("falls back to older schemas where the newest is refused", () => {
      const refused: Answer = { status: 400, body: "{\"errorType\":\"ValidationError\"}" }
      const { layer, transport } = clientOf([refused, refused, { status: 200 }])
      return Effect.gen(function*() {
        const result = yield* ExtensionsClient.use(({ subscribe }) => subscribe(subscription))
        assert.deepStrictEqual(result, { _tag: "Subscribed", api: "telemetry", schemaVersion: "2022-07-01" })
        const versions = [0, 1, 2].map((index) => bodyOf(transport, index).schemaVersion)
        assert.deepStrictEqual(versions, ["2025-01-29", "2022-12-13", "2022-07-01"])
      }).pipe(Effect.provide(layer))
    })

    it.effect("fails when every schema is refused", () => {
      const refused: Answer = { status: 400, body: "no" }
      const { layer } = clientOf([refused, refused, refused])
      return Effect.gen(function*() {
        const error = yield* Effect.flip(ExtensionsClient.use(({ subscribe }) => subscribe(subscription)))
        assert.strictEqual(error.message, "subscribe: HTTP 400: no")
      }).pipe(Effect.provide(layer))
    })

    it.effect("tries no other schema on Managed Instances", () => {
      const { layer, transport } = clientOf([{ status: 400, body: "no" }], true)
      return Effect.gen(function*() {
        yield* Effect.flip(ExtensionsClient.use(({ subscribe }) => subscribe(subscription)))
        assert.strictEqual(transport.exchanges.length, 1)
      }).pipe(Effect.provide(layer))
    })

    for (const status of [202, 404]) {
      const absent: Answer = { status, body: "not supported" }
      it.effect(`asks for the Logs API after ${status}`, () => {
        const { layer, transport } = clientOf([absent, { status: 200, body: "\"OK\"" }])
        return Effect.gen(function*() {
          const result = yield* ExtensionsClient.use(({ subscribe }) => subscribe(subscription))
          assert.deepStrictEqual(result, { _tag: "Subscribed", api: "logs", schemaVersion: "2021-03-18" })
          assert.strictEqual(requestsOf(transport)[1], "PUT http://127.0.0.1:9001/2020-08-15/logs")
          assert.deepInclude(bodyOf(transport, 1), {
            schemaVersion: "2021-03-18",
            destination: {
              protocol: "HTTP",
              URI: "http://sandbox.localdomain:4243/telemetry/unguessable",
              method: "POST"
            }
          })
        }).pipe(Effect.provide(layer))
      })

      it.effect(`takes ${status} from both for a sandbox without telemetry`, () => {
        const { layer } = clientOf([absent, absent])
        return Effect.gen(function*() {
          const result = yield* ExtensionsClient.use(({ subscribe }) => subscribe(subscription))
          assert.strictEqual(result._tag, "Unsupported")
        }).pipe(Effect.provide(layer))
      })
    }

    it.effect("keeps posts small where there is little room for them", () => {
      const { layer, transport } = clientOf([{ status: 200 }])
      return Effect.gen(function*() {
        yield* ExtensionsClient.use(({ subscribe }) => subscribe({ ...subscription, maxBytes: 1000, maxItems: 10.5 }))
        assert.deepInclude(bodyOf(transport, 0), { buffering: { maxItems: 1000, maxBytes: 262_144, timeoutMs: 25 } })
      }).pipe(Effect.provide(layer))
    })

    it.effect("asks for as much as it is told within the API's limits", () => {
      const { layer, transport } = clientOf([{ status: 200 }])
      return Effect.gen(function*() {
        yield* ExtensionsClient.use(({ subscribe }) => subscribe({ ...subscription, maxBytes: 5e5, maxItems: 4194.3 }))
        assert.deepInclude(bodyOf(transport, 0), { buffering: { maxItems: 4194, maxBytes: 500_000, timeoutMs: 25 } })
      }).pipe(Effect.provide(layer))
    })

    it.effect("tries again for a moment after 5xx and broken connections", () => {
      const { layer, transport } = clientOf([
        { status: 500 },
        { code: "ECONNRESET", isSent: true },
        { status: 503 },
        { status: 200 }
      ])
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(ExtensionsClient.use(({ subscribe }) => subscribe(subscription)))
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "Subscribed")
        assert.strictEqual(transport.exchanges.length, 4)
      }).pipe(Effect.provide(layer))
    })

    it.effect("gives up after a moment, long before init would", () => {
      const { layer, transport } = clientOf(Array.from({ length: 99 }, (): Answer => ({ status: 500, body: "broken" })))
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Effect.flip(ExtensionsClient.use(({ subscribe }) => subscribe(subscription)))
        )
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(fiber)).status, 500)
        assert.strictEqual(transport.exchanges.length, 4)
      }).pipe(Effect.provide(layer))
    })

    it.effect("gives up when there is no answer, in time for init to succeed", () => {
      const { layer } = clientOf([undefined])
      return Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Effect.flip(ExtensionsClient.use(({ subscribe }) => subscribe(subscription)))
        )
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).message, "subscribe: no answer within 5s")
      }).pipe(Effect.provide(layer))
    })

    it.effect("does not ask again when subscribing is closed", () => {
      const { layer, transport } = clientOf([{ status: 403, body: "Telemetry.SubscriptionClosed" }])
      return Effect.gen(function*() {
        const error = yield* Effect.flip(ExtensionsClient.use(({ subscribe }) => subscribe(subscription)))
        assert.strictEqual(error.status, 403)
        assert.strictEqual(transport.exchanges.length, 1)
      }).pipe(Effect.provide(layer))
    })
  })
})
