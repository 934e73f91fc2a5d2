import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { patience, withEmulator } from "./lambdaSandbox.ts"

describe("LambdaEmulator observations", () => {
  it.live(
    "tells the contents of what a subscriber has accepted, in the shape it was sent",
    () =>
      withEmulator({ shipper: { refusals: 1, subscription: { schemaVersion: "2022-07-01" } }, logFormat: "JSON" }, (
        emulator
      ) =>
        Effect.gen(function*() {
          const { requestId, startedAt } = yield* emulator.invoke({ do: "json" })
          const start = yield* emulator.awaitEvent("platform.start", { requestId })
          yield* emulator.shutdown()
          const received = yield* emulator.receivedEvents
          // each once, although the first post was refused
          const starts = received.filter(({ type }) => type === "platform.start")
          assert.lengthOf(starts, 1)
          assert.deepInclude(starts[0], { ...start, subscriber: "shipper" })
          assert.isAbove(starts[0]?.at ?? 0, startedAt)
          const records = received.filter(({ type }) => type === "function").map(({ record }) => record)
          // the first schema version has strings only
          assert.include(records, "{\"a\":1.0,\"b\":{\"c\":null}}\n")
          const bodies = (yield* emulator.deliveries).map(({ status }) => status)
          assert.strictEqual(bodies.filter((status) => status === 500).length, 1)
        })),
    patience
  )

  it.live(
    "does not count an event that was cut as received",
    () =>
      withEmulator({
        cutRecordsAtMaxBytes: true,
        shipper: { tolerant: true, subscription: { buffering: { timeoutMs: 25, maxBytes: 262_144 } } }
      }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({ do: "flood", lines: 1, text: "x".repeat(300_000) })
          yield* emulator.shutdown()
          const received = yield* emulator.receivedEvents
          assert.notInclude(received.map(({ type }) => type), "function")
          assert.include(received.map(({ type }) => type), "platform.report")
        })),
    patience
  )

  it.live(
    "tells phases, freezes, posts, calls and output of each generation",
    () =>
      withEmulator({ timeoutMs: 2500 }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.start
          const [whileFrozen] = yield* emulator.freezes
          assert.deepInclude(whileFrozen, { generation: 1, until: undefined })
          const first = yield* emulator.invoke({ do: "exit", code: 3 })
          const second = yield* emulator.invoke({ do: "log" })
          yield* emulator.shutdown()

          const { calls, freezes, output, phases, posts } = yield* emulator.timeline
          assert.deepStrictEqual(
            phases.map(({ generation, outcome, phase, requestId }) => [generation, phase, outcome, requestId]),
            [
              [1, "init", "success", undefined],
              [1, "invoke", "error", first.requestId],
              [1, "shutdown", "failure", undefined],
              [2, "invoke", "success", second.requestId],
              [2, "init", "success", undefined],
              [2, "shutdown", "spindown", undefined]
            ]
          )
          assert.isTrue(phases.every(({ from, until }) => until !== undefined && until >= from))
          assert.deepStrictEqual(freezes.map(({ generation }) => generation), [1, 2])
          assert.isTrue(freezes.every(({ from, until }) => until !== undefined && until >= from))
          // the thaw is the beginning of the call, or of the shutdown
          assert.isAtLeast(freezes[0]?.until ?? 0, first.startedAt)
          assert.isAtLeast(freezes[1]?.from ?? 0, second.endedAt)
          for (const  of of[posts, calls, output]) {
            assert.deepStrictEqual([...new Set(of.map(({ generation }) => generation))], [1, 2])
          }
          const registrations = calls.filter(({ path }) => path.endsWith("/register"))
          assert.deepStrictEqual(registrations.map(({ generation }) => generation), [1, 2])

          const generations = yield* emulator.generations
          assert.deepStrictEqual(generations.map(({ endReason, generation }) => [generation, endReason]), [
            [1, "failure"],
            [2, "spindown"]
          ])
          assert.deepStrictEqual(generations.map(({ exits: [exit] }) => exit?.exitCode), [0, 0])
        })),
    patience
  )

  it.live(
    "shows the restore of a snapshot",
    () =>
      withEmulator({ initializationType: "snap-start" }, (emulator) =>
        Effect.gen(function*() {
          yield* emulator.invoke({})
          const { phases } = yield* emulator.timeline
          assert.deepStrictEqual(phases.map(({ phase }) => phase), ["init", "invoke", "restore"])
        })),
    patience
  )

  const reasons = [
    ["nothing of a success", {}, {}, /^undefined$/],
    ["what the handler threw", { do: "throw" }, {}, /^the handler failed: RangeError: out of range$/],
    [
      "that the function was slow",
      { do: "sleep", ms: 20_000 },
      { timeoutMs: 300 },
      /^the function had not answered when the function timed out after 300 ms$/
    ],
    [
      "which extension was slow",
      {},
      { timeoutMs: 300, shutdownBudgetMs: 300, shipper: { runtimeDone: true } },
      /^the extension shipper had not asked for the next event when the function timed out after 300 ms$/
    ],
    ["how the runtime ended", { do: "exit", code: 7 }, {}, /^the runtime exited with code 7; it has written nothing$/]
  ] as const
  for (const [what, payload, options, expected] of reasons) {
    it.live(
      `tells ${what}`,
      () =>
        withEmulator(options, (emulator) =>
          Effect.gen(function*() {
            yield* emulator.start
            const { reason } = yield* emulator.invoke(payload)
            assert.match(String(reason), expected)
          })),
      patience
    )
  }

  it.live(
    "tells why a call failed whose init failed",
    () =>
      withEmulator(
        { shippers: [], files: { broken: "#!/bin/sh\necho no configuration\nexit 9\n" } },
        (emulator) =>
          Effect.gen(function*() {
            const { outcome, reason } = yield* emulator.invoke({})
            assert.deepInclude(outcome, { _tag: "Crashed", errorType: "Extension.Crash" })
            assert.match(String(reason), /^extension broken exited with code 9; its output was:\nno configuration/)
            assert.notInclude(String(reason), "sandbox.localdomain")
          })
      ),
    patience
  )
})
