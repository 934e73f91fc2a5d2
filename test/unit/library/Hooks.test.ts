/** What an embedder's hooks are promised, on the test's clock. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { Hooks } from "../../../src/library/Hooks.ts"
import { Records } from "../../../src/library/Records.ts"
import { Telemetry } from "../../../src/library/Telemetry.ts"
import { asked, begin, call, calls, doneAfter } from "../../support/fakes/calls.ts"
import type { Program } from "../../support/fakes/program.ts"
import { event, interrupted, type ProgramOptions, START, withProgram } from "../../support/fakes/program.ts"
import { books } from "../../support/fakes/sinkUnderTest.ts"

type AnyHooks = Hooks<unknown, unknown, unknown, unknown>

/** What has happened, with the ms since the start. */
const makeDiary = () => {
  const entries: Array<readonly [what: string, atMs: number]> = []
  const note = (what: string) => Effect.map(Clock.currentTimeMillis, (now) => void entries.push([what, now - START]))
  return { entries, note }
}

const withHooks = <Eff extends Effect.Effect<any, any, any>, A>(
  hooks: AnyHooks,
  options: ProgramOptions,
  test: (program: Program, fiber: Fiber.Fiber<unknown, unknown>) => Generator<Eff, A, never>
) => withProgram({ ...options, additions: { hooks } }, test)

/** The records of a type that each request had. */
const sent = ({ transport }: Program, text: string) =>
  transport.exchanges.map(({ request }) => String(request.body).split(text).length - 1)

/** Lets fibers of fibers run. */
const settle = Effect.repeat(TestClock.adjust(0), { times: 10 })

const add = (fields: object) => Records.use((records) => records.add(fields))

describe("hooks", () => {
  it.effect("run at init, at INVOKE and at the end of each call, before it is flushed", () => {
    const { entries, note } = makeDiary()
    return withHooks(
      {
        onInit: Effect.andThen(Effect.sleep("30 millis"), note("init")),
        onInvoke: ({ requestId }) => note(`invoke ${requestId}`),
        onCallEnd: ({ requestId }, { durationMs, status }) =>
          Effect.andThen(note(`end ${requestId} ${status} ${durationMs}`), add({ about: requestId }))
      },
      {},
      function*(program) {
        assert.deepStrictEqual(program.polls, [])
        yield* TestClock.adjust("30 millis")
        assert.deepStrictEqual(program.polls, [30])
        yield* begin(program, "r1", 3000, "a line")
        yield* TestClock.adjust("10 millis")
        yield* program.send(doneAfter("r1", 12.5))
        yield* settle
        assert.deepStrictEqual(entries, [["init", 30], ["invoke r1", 30], ["end r1 success 12.5", 40]])
        // one request, with the lines and with what was said about the call
        assert.deepStrictEqual(sent(program, "\"about\":\"r1\""), [1])
        assert.deepStrictEqual(sent(program, "\"about\":\"r1\",\"type\":\"custom\",\"requestId\":\"r1\""), [1])
        assert.deepStrictEqual(asked(program), [1, 40])
      }
    )
  })

  it.effect("may fail in every way; the extension goes on and says so", () =>
    withHooks(
      {
        onInit: Effect.fail("no"),
        onInvoke: () => Effect.die(new Error("a defect")),
        onCallEnd: () => {
          throw new Error("thrown")
        },
        onShutdown: () => Effect.interrupt
      },
      {},
      function*(program, fiber) {
        yield* call(program, "r1")
        yield* settle
        assert.deepStrictEqual(asked(program), [1, 0])
        yield* program.shutdown()
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          program.log.at("Error"),
          ["onInit", "onInvoke", "onCallEnd"].map((name) => `${name} has failed; the extension goes on`)
        )
        assert.strictEqual((yield* books).delivered.records, (yield* books).received.records)
      }
    ))

  it.effect("are interrupted when their time is over", () => {
    const { entries, note } = makeDiary()
    const never = (name: string) => Effect.onInterrupt(Effect.never, () => note(name))
    return withHooks(
      {
        onInit: never("init"),
        onInvoke: () => never("invoke"),
        onCallEnd: () => never("end"),
        onShutdown: () => never("shutdown")
      },
      { env: { O2_FLUSH_BUDGET_MS: "100" } },
      function*(program, fiber) {
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(entries, [["init", 5000]])
        // nothing holds up the end of a call but its own hooks, and these not beyond 500 ms before the time-out
        yield* call(program, "r1")
        yield* TestClock.adjust("2499 millis")
        assert.strictEqual(program.polls.length, 1)
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(entries.slice(1).map(([what, at]) => [what, at - 5000]), [["invoke", 2500], [
          "end",
          2500
        ]])
        assert.deepStrictEqual(asked(program), [1, 7500])
        yield* program.shutdown()
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.strictEqual(entries.at(-1)?.[0], "shutdown")
        assert.strictEqual(program.log.at("Warn").length, 4)
      }
    )
  })

  it.effect("at a call's end are given the flush budget at most", () => {
    const { entries, note } = makeDiary()
    return withHooks(
      {
        onCallEnd: () => Effect.onInterrupt(Effect.never, () => note("end"))
      },
      { env: { O2_FLUSH_BUDGET_MS: "200" } },
      function*(program) {
        yield* call(program, "r1")
        yield* TestClock.adjust("200 millis")
        assert.deepStrictEqual(entries, [["end", 200]])
        assert.deepStrictEqual(asked(program), [1, 200])
      }
    )
  })

  it.effect("hold up no call of a sandbox that is called often, and end each of its calls once", () => {
    const { entries, note } = makeDiary()
    return withHooks(
      {
        onCallEnd: ({ requestId }, { status }) =>
          Effect.andThen(note(`${requestId} ${status}`), add({ about: requestId }))
      },
      { env: { O2_FLUSH_STRATEGY: "continuous" } },
      function*(program) {
        yield* calls(program, 1, 4)
        assert.deepStrictEqual(entries, [["r1 success", 20], ["r2 success", 1020], ["r3 success", 2020]])
        // each leaves with the next call
        assert.deepStrictEqual(sent(program, "\"about\":\"r1\""), [1, 0])
        assert.deepStrictEqual(sent(program, "\"about\":\"r2\""), [0, 1])
      }
    )
  })

  it.effect("are told when the end of a call has not been", () => {
    const { entries, note } = makeDiary()
    return withHooks(
      {
        onCallEnd: ({ requestId }, { runtimeDone, status }) => note(`${requestId} ${status} ${runtimeDone?.type}`)
      },
      {},
      function*(program) {
        yield* program.invoke("r1")
        yield* TestClock.adjust("1 second")
        yield* settle
        // it may be going on still
        assert.deepStrictEqual(entries, [])
        yield* begin(program, "r2")
        yield* TestClock.adjust("100 millis")
        yield* settle
        assert.deepStrictEqual(entries, [["r1 unknown undefined", 1100]])
        yield* program.send(event.runtimeDone("r2", "timeout"))
        yield* settle
        assert.deepStrictEqual(entries.slice(1), [["r2 timeout platform.runtimeDone", 1100]])
      }
    )
  })

  it.effect("end what is still going on at SHUTDOWN, and what they add is delivered", () =>
    withHooks(
      {
        onCallEnd: ({ requestId }, { status }) => add({ about: requestId, status }),
        onShutdown: ({ reason }) => add({ last: reason })
      },
      { env: { O2_FLUSH_STRATEGY: "continuous" } },
      function*(program, fiber) {
        yield* begin(program, "r1")
        yield* program.shutdown()
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(sent(program, "\"about\":\"r1\",\"status\":\"unknown\""), [0, 1])
        assert.deepStrictEqual(sent(program, "\"last\":\"spindown\""), [0, 1])
        const { delivered, received } = yield* books
        assert.deepStrictEqual(delivered, received)
      }
    ))

  it.effect("run at a signal, too", () =>
    withHooks({ onShutdown: ({ reason }) => add({ last: reason }) }, {}, function*(program, fiber) {
      yield* call(program, "r1")
      yield* interrupted(fiber)
      assert.strictEqual(sent(program, "\"last\":\"signal\"").at(-1), 1)
    }))

  it.effect("run on Managed Instances when telemetry tells of calls", () => {
    const { entries, note } = makeDiary()
    return withHooks(
      {
        onInvoke: ({ deadlineMs, requestId }) => note(`invoke ${requestId} ${deadlineMs}`),
        onCallEnd: ({ requestId }, { status }) => note(`end ${requestId} ${status}`)
      },
      { isManagedInstance: true },
      function*(program) {
        yield* program.send(event.start("r1"), event.start("r2"))
        yield* program.send(event.runtimeDone("r2"))
        yield* settle
        yield* program.send(event.runtimeDone("r1", "error"))
        yield* settle
        assert.deepStrictEqual(entries.map(([what]) => what), [
          "invoke r1 undefined",
          "invoke r2 undefined",
          "end r2 success",
          "end r1 error"
        ])
      }
    )
  })

  it.effect("run without telemetry", () => {
    const { entries, note } = makeDiary()
    return withHooks({ onInvoke: ({ requestId }) => note(requestId), onShutdown: () => note("end") }, {
      subscription: Effect.succeed({ _tag: "Unavailable", detail: "202" } as never)
    }, function*(program, fiber) {
      yield* program.invoke("r1")
      assert.deepStrictEqual(entries, [["r1", 0]])
      assert.deepStrictEqual(asked(program), [1, 0])
      yield* program.shutdown()
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual(entries.at(-1)?.[0], "end")
    })
  })

  it.effect("have lines that they log sent, and see events as a stream", () => {
    const { entries, note } = makeDiary()
    const follow = Effect.gen(function*() {
      const telemetry = yield* Telemetry
      const { runForEach } = yield* Effect.promise(() => import("effect/Stream"))
      yield* Effect.forkScoped(
        runForEach(telemetry.events, ({ record, type }) => note(`${type} ${JSON.stringify(record)}`))
      )
      yield* Effect.sleep(0)
    })
    return withHooks(
      {
        onInit: follow,
        onInvoke: () => Effect.logInfo("a line of a hook", { attempt: 7 })
      },
      {},
      function*(program) {
        // loading takes real time
        while (program.polls.length === 0) {
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          yield* TestClock.adjust(0)
        }
        yield* begin(program, "r1", 3000, "a line")
        yield* program.send(event.runtimeDone("r1"))
        yield* settle
        assert.deepStrictEqual(sent(program, "\"message\":\"a line of a hook\",\"attempt\":7"), [1])
        assert.deepStrictEqual(sent(program, "\"type\":\"log\",\"requestId\":\"r1\""), [1])
        assert.deepStrictEqual(entries.map(([what]) => what), [
          "platform.start {\"requestId\":\"r1\"}",
          "function \"a line\"",
          "platform.runtimeDone {\"requestId\":\"r1\",\"status\":\"success\"}"
        ])
      }
    )
  })
})
