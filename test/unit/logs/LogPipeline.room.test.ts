import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { Ledger } from "../../../src/delivery/Ledger.ts"
import { Invocations } from "../../../src/telemetry/Invocations.ts"
import { type ControlledTransport, storeAll } from "../../support/fakes/ControlledTransport.ts"
import { event, withProgram } from "../../support/fakes/program.ts"

const env = { O2_MAX_BUFFER_SIZE_MB: "1" }

/** Short lines: a post of 76 kB whose records take 161. */
const lines = (name: string, count = 1000) => Array.from({ length: count }, (_, n) => event.line(`${name} ${n}`))

const textsOf = (transport: ControlledTransport) =>
  transport.exchanges.flatMap(({ request }) =>
    (JSON.parse(String(request.body)) as ReadonlyArray<{ readonly record: string }>).map(({ record }) => record)
  )

const isIdle = Effect.map(Invocations.use(({ state }) => state), (state) => state.isIdle)

const dropped = Ledger.use((ledger) => Effect.map(ledger.snapshot, ({ logs }) => logs.dropped))

describe("LogPipeline", () => {
  describe("when memory is short", () => {
    it.effect("waits for what is under way instead of dropping the oldest", () =>
      withProgram({ env, respond: () => undefined }, function*({ invoke, send, transport }) {
        yield* invoke("r1", 60_000)
        for (let post = 0; post < 8; post++) yield* send(...lines(`post ${post}`))
        assert.isFalse(yield* isIdle)
        while (!(yield* isIdle)) {
          const exchange = yield* transport.next
          yield* TestClock.adjust("10 millis")
          yield* exchange.answer(storeAll(exchange.request))
          yield* TestClock.adjust(0)
        }
        assert.deepStrictEqual(Object.keys(yield* dropped), [])
        assert.include(textsOf(transport), "post 0 0")
      }))

    it.effect("waits for all posts together no longer than O2_FLUSH_BUDGET_MS, and then drops the oldest", () =>
      withProgram(
        { env: { ...env, O2_FLUSH_BUDGET_MS: "1500" }, respond: () => undefined, health: () => undefined },
        function*({ invoke, send }) {
          yield* invoke("r1", 60_000)
          for (let post = 0; post < 8; post++) yield* send(...lines(`post ${post}`))
          yield* TestClock.adjust("1499 millis")
          assert.isFalse(yield* isIdle)
          assert.deepStrictEqual(Object.keys(yield* dropped), [])
          yield* TestClock.adjust("1 millis")
          assert.isTrue(yield* isIdle)
          assert.deepStrictEqual(Object.keys(yield* dropped), ["buffer_full"])
          const { heldBytes } = yield* LogBuffer.use((buffer) => buffer.state)
          assert.isAtMost(heldBytes, 1024 * 1024)
        }
      ))

    it.effect("holds no more than it may, however much comes meanwhile", () =>
      withProgram({ env, respond: () => undefined, health: () => undefined }, function*({ invoke, send }) {
        yield* invoke("r1", 60_000)
        for (let post = 0; post < 40; post++) {
          yield* send(...lines(`post ${post}`))
          const { heldBytes } = yield* LogBuffer.use((buffer) => buffer.state)
          assert.isAtMost(heldBytes, 1024 * 1024)
        }
      }))

    it.effect("waits no more when the sandbox ends: what is left is for the disk", () =>
      withProgram(
        { env: { ...env, O2_FLUSH_BUDGET_MS: "10000" }, respond: () => undefined, health: () => undefined },
        function*({ calls, invoke, send, shutdown }) {
          yield* invoke("r1", 60_000)
          for (let post = 0; post < 8; post++) yield* send(...lines(`post ${post}`))
          yield* send(event.runtimeDone("r1"))
          yield* shutdown(3000)
          assert.notInclude(calls, "close")
          assert.isFalse(yield* isIdle)
          yield* TestClock.adjust("60 seconds")
          assert.isTrue(yield* isIdle)
          assert.include(calls, "close")
        }
      ))

    it.effect("waits for nothing in an outage", () =>
      withProgram({ env, respond: () => ({ status: 401 }), health: () => ({ status: 401 }) }, function*(program) {
        const { invoke, send } = program
        yield* invoke("r1", 60_000)
        for (let post = 0; post < 20; post++) {
          yield* send(...lines(`post ${post}`))
          assert.isTrue(yield* isIdle)
        }
        assert.deepStrictEqual(Object.keys(yield* dropped), ["buffer_full"])
      }))

    it.effect("encodes a post by parts, of which each leaves before the next finds no room", () =>
      withProgram({ env, respond: storeAll }, function*({ invoke, send, transport }) {
        yield* invoke("r1", 60_000)
        // more records than the buffer takes
        yield* send(...lines("large", 10_000), event.runtimeDone("r1"))
        assert.isTrue(yield* isIdle)
        assert.deepStrictEqual(Object.keys(yield* dropped), [])
        assert.isTrue((yield* Invocations.use(({ state }) => state)).isRuntimeDone("r1"))
        const records = textsOf(transport)
        assert.deepStrictEqual(records.slice(0, 10_000), lines("large", 10_000).map(({ record }) => record))
      }))
  })
})
