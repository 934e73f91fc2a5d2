import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { LambdaEmulator, TelemetryEvent } from "../../src/testing/LambdaEmulator.ts"
import { patience, withEmulator } from "./lambdaSandbox.ts"

/** What was posted since the environment began to shut down. */
const postsOfShutdown = (emulator: LambdaEmulator["Service"]) =>
  Effect.map(emulator.timeline, ({ phases, posts }) => {
    const shutdown = phases.find(({ phase }) => phase === "shutdown")
    assert.isDefined(shutdown)
    return posts.filter(({ at }) => at >= shutdown.from)
  })

describe("LambdaEmulator floods", () => {
  it.live(
    "flushes what there is before SHUTDOWN, not what the posts of the flush bring about",
    () =>
      // each post makes the extension write a line, which is an event that it is subscribed to
      withEmulator(
        {
          shipper: {
            terse: true,
            subscription: { types: ["platform", "function", "extension"], buffering: { timeoutMs: 10_000 } }
          }
        },
        (emulator) =>
          Effect.gen(function*() {
            yield* emulator.invoke({ do: "flood", lines: 500 })
            const { extensions: [exit] } = yield* emulator.shutdown()
            assert.deepInclude(exit, { exitCode: 0, killed: false })
            const posts = yield* postsOfShutdown(emulator)
            // everything at once, and what the runtime may have caused by ending
            assert.isAtLeast(posts.length, 1)
            assert.isAtMost(posts.length, 3)
            const received = yield* emulator.receivedEvents
            assert.lengthOf(received.filter(({ type }) => type === "function"), 500)
            assert.lengthOf(received.filter(({ type }) => type === "platform.report"), 1)
          })
      ),
    patience
  )

  it.live(
    "delivers what existed when the flush began, in as many posts as it takes",
    () =>
      withEmulator({
        timeoutMs: 20_000,
        shipper: { terse: true, subscription: { buffering: { maxItems: 1000, timeoutMs: 30_000 } } }
      }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({ do: "flood", lines: 2500 })
          yield* emulator.shutdown()
          const received = yield* emulator.receivedEvents
          const lines = received.filter(({ type }) => type === "function")
          assert.deepStrictEqual(
            lines.map(({ record }) => record),
            Array.from({ length: 2500 }, (_, line) => `line ${line}\n`)
          )
          const created = (yield* emulator.events).map(({ type }: TelemetryEvent) => type)
          assert.deepStrictEqual(received.map(({ type }) => type).sort(), created.filter(isSubscribed).sort())
        })),
    patience
  )
})

const isSubscribed = (type: string): boolean => type === "function" || type.startsWith("platform.")
