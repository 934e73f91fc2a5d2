/** A buffer of few MiB before a server that is well: what comes faster than it leaves waits, instead of being dropped. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { ended } from "./books.ts"
import { type Sandbox, withSandbox } from "./sandbox.ts"

const POSTS = 3

/** Lines that become records of four times their length. */
const event = (number: number) =>
  `{"time":"${new Date().toISOString()}","type":"function","record":"line ${String(number).padStart(7, "0")}"}`

const postOf = (from: number, count: number) =>
  `[${Array.from({ length: count }, (_, index) => event(from + index)).join()}]`

/** How many events Lambda would put into one post. */
const subscribedItems = ({ emulator }: Sandbox) =>
  Effect.map(emulator.calls, (calls) => {
    const subscription = calls.find(({ path }) => path.endsWith("/telemetry"))
    const body = Buffer.from(subscription?.body ?? "").toString()
    return Number((JSON.parse(body) as { buffering: { maxItems: number } }).buffering.maxItems)
  })

describe("a small buffer", () => {
  for (const megabytes of [1, 2, 4]) {
    const options = { environment: { O2_MAX_BUFFER_SIZE_MB: String(megabytes) }, shutdownBudgetMs: 20_000 }

    it.live(`of ${megabytes} MiB loses nothing of posts of short lines, one behind the other`, () =>
      withSandbox(options, (sandbox) =>
        Effect.gen(function*() {
          const { emulator, functionLines, invoke } = sandbox
          yield* invoke({ lines: ["before"] })
          const count = yield* subscribedItems(sandbox)
          assert.strictEqual(count, Math.round(megabytes * 1024 * 1024 / 1000))
          for (let posted = 0; posted < POSTS; posted++) {
            assert.strictEqual(yield* emulator.postTelemetry(postOf(posted * count, count)), 200)
          }
          yield* invoke({ lines: ["after"] })
          const ledger = yield* ended(sandbox)
          assert.deepInclude(ledger, { dropped: {}, rejected: {}, delivered: ledger["received"] })
          assert.strictEqual((yield* functionLines).length, POSTS * count + 2)
        })))

    it.live(`of ${megabytes} MiB lets go of the oldest at once while OpenObserve is away`, () =>
      withSandbox(options, (sandbox) =>
        Effect.gen(function*() {
          const { emulator, functionLines, invoke, openObserve } = sandbox
          yield* invoke({ lines: ["before"] })
          yield* openObserve.setFault(Fault.RefuseConnections())
          yield* invoke({ lines: ["notices the outage"] })
          const count = yield* subscribedItems(sandbox)
          for (let posted = 0; posted < 4 * POSTS; posted++) {
            assert.strictEqual(yield* emulator.postTelemetry(postOf(posted * count, count)), 200)
          }
          yield* invoke({ lines: ["after"] })
          yield* openObserve.setFault(undefined)
          const ledger = yield* ended(sandbox)
          assert.include(yield* functionLines, "after\n")
          assert.deepStrictEqual(ledger["rejected"], {})
          for (const reason of Object.keys(ledger["dropped"])) assert.strictEqual(reason, "buffer_full")
        })))
  }
})
