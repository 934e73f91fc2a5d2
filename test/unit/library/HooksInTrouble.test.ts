/** Hooks where something else has gone wrong, too: crashes, time-outs, floods of calls, work that cannot be interrupted. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { Hooks } from "../../../src/library/Hooks.ts"
import { Records } from "../../../src/library/Records.ts"
import { begin, call, timesSent } from "../../support/fakes/calls.ts"
import { event, interrupted, type Program, type ProgramOptions, withProgram } from "../../support/fakes/program.ts"

const withHooks = <Eff extends Effect.Effect<any, any, any>, A>(
  hooks: Hooks<unknown, unknown, unknown, unknown>,
  options: ProgramOptions,
  test: (program: Program, fiber: Fiber.Fiber<unknown, unknown>) => Generator<Eff, A, never>
) => withProgram({ ...options, additions: { hooks } }, test)

/** Lets fibers of fibers run. */
const settle = Effect.repeat(TestClock.adjust(0), { times: 10 })

const add = (fields: object) => Records.use((records) => records.add(fields))

const noted = () => {
  const entries: Array<string> = []
  return { entries, note: (what: string) => Effect.sync(() => void entries.push(what)) }
}

describe("hooks in trouble", () => {
  it.effect("that cannot be interrupted hold up nothing beyond their time", () => {
    const stubborn = Effect.uninterruptible(Effect.sleep("1 hour"))
    return withHooks(
      { onInit: stubborn, onInvoke: () => stubborn, onCallEnd: () => stubborn, onShutdown: () => stubborn },
      { env: { O2_FLUSH_BUDGET_MS: "100" } },
      function*(program) {
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(program.polls.length, 1)
        yield* call(program, "r1")
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(program.polls.length, 2)
        yield* program.shutdown()
        yield* TestClock.adjust("2 seconds")
        yield* settle
        assert.deepStrictEqual(program.log.at("Warn").map((line) => line.split(" ")[0]), [
          "onInit",
          "onInvoke",
          "onCallEnd",
          "onShutdown"
        ])
        assert.deepStrictEqual(timesSent(program, "line of r1"), [1])
      }
    )
  })

  it.effect("leave the time after a crash to the flush", () =>
    withHooks({ onInvoke: () => Effect.never, onCallEnd: () => Effect.never }, {}, function*(program) {
      yield* begin(program, "r1", 60_000, "last words")
      yield* program.send(event.runtimeDone("r1", "failure"))
      // Lambda kills 2 s after the crash
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.deepStrictEqual(timesSent(program, "last words"), [1])
      assert.strictEqual(program.polls.length, 2)
    }))

  it.effect("are told of a time-out, and what they add is delivered", () => {
    const { entries, note } = noted()
    return withHooks(
      {
        onCallEnd: ({ requestId }, { status }) =>
          Effect.sleep("10 millis").pipe(
            Effect.andThen(add({ about: `end of ${requestId}` })),
            Effect.andThen(note(`${requestId} ${status}`))
          )
      },
      {},
      function*(program, fiber) {
        yield* call(program, "r0")
        yield* TestClock.adjust("10 millis")
        yield* begin(program, "r1", 3000)
        yield* TestClock.adjust("3 seconds")
        yield* program.send(event.runtimeDone("r1", "timeout"))
        yield* program.shutdown(2000, "timeout")
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(entries, ["r0 success", "r1 timeout"])
        assert.deepStrictEqual(timesSent(program, "end of r0", "end of r1"), [1, 1])
        assert.deepStrictEqual(program.log.at("Warn"), [])
      }
    )
  })

  it.effect("that have begun are done before the sandbox can freeze, where nobody waits for the end of a call, too", () =>
    withHooks(
      { onInvoke: () => Effect.sleep("200 millis"), onCallEnd: () => Effect.sleep("50 millis") },
      { env: { O2_FLUSH_STRATEGY: "continuous" } },
      function*(program) {
        yield* call(program, "r1")
        yield* TestClock.adjust("249 millis")
        yield* settle
        assert.deepStrictEqual(program.polls, [0])
        yield* TestClock.adjust("1 millis")
        yield* settle
        assert.deepStrictEqual(program.polls, [0, 250])
      }
    ))

  it.effect("end each attempt of a call that Lambda tries again under the same id", () => {
    const { entries, note } = noted()
    return withHooks(
      {
        onCallEnd: ({ requestId }, { status }) =>
          Effect.andThen(Effect.sleep("10 millis"), note(`${requestId} ${status}`))
      },
      {},
      function*(program) {
        yield* begin(program, "r1", 3000, "first try")
        yield* program.send(event.runtimeDone("r1", "error"))
        yield* settle
        yield* TestClock.adjust("1 minute")
        yield* begin(program, "r1", 3000, "second try")
        yield* settle
        assert.deepStrictEqual(entries, ["r1 error"])
        assert.deepStrictEqual(timesSent(program, "second try"), [0])
        yield* program.send(event.runtimeDone("r1"))
        yield* TestClock.adjust("10 millis")
        yield* settle
        assert.deepStrictEqual(entries, ["r1 error", "r1 success"])
        // it has left before the sandbox can freeze
        assert.deepStrictEqual(timesSent(program, "first try", "second try"), [1, 1])
        assert.strictEqual(program.polls.length, 3)
      }
    )
  })

  it.effect("end each call once where Lambda names none", () => {
    const { entries, note } = noted()
    let begun = 0
    return withHooks(
      {
        onInvoke: () => add({ begun: ++begun }),
        onCallEnd: () => note("end")
      },
      {},
      function*(program, fiber) {
        for (let n = 0; n < 3; n++) {
          yield* program.invoke("")
          yield* TestClock.adjust("5 seconds")
          yield* settle
        }
        yield* program.shutdown()
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.strictEqual(entries.length, 3)
        const bodies = program.transport.exchanges.map(({ request }) => String(request.body)).join("")
        assert.include(bodies, "\"begun\":3")
        assert.notInclude(bodies, "\"requestId\"")
      }
    )
  })

  it.effect("end all calls of Managed Instances, however many are told of at once", () => {
    const { entries, note } = noted()
    const ids = Array.from({ length: 300 }, (_, n) => `r${n}`)
    return withHooks(
      { onCallEnd: ({ requestId }, { status }) => note(`${requestId} ${status}`) },
      { isManagedInstance: true },
      function*(program) {
        yield* program.send(...ids.map(event.start))
        yield* program.send(...ids.map((id) => event.runtimeDone(id)))
        // a call that is over before anybody has heard of it
        yield* program.send(event.start("short"), event.runtimeDone("short", "error"))
        yield* settle
        assert.deepStrictEqual(entries, [...ids.map((id) => `${id} success`), "short error"])
      }
    )
  })

  it.effect("at init lose nothing to a signal", () =>
    withHooks({ onInit: Effect.andThen(add({ about: "init" }), Effect.never) }, {}, function*(program, fiber) {
      yield* program.send(event.line("a line at init"))
      yield* interrupted(fiber)
      assert.deepStrictEqual(timesSent(program, "init", "a line at init"), [1, 1])
    }))
})
