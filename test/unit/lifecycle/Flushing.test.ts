/** What `end` and `periodic` do between INVOKE and asking for the next event; `Extension.test.ts` has the waits of all. */
import { assert, describe, it } from "@effect/vitest"
import * as TestClock from "effect/testing/TestClock"
import { anEnd, asked, begin, calls, timesSent } from "../../support/fakes/calls.ts"
import { unanswered } from "../../support/fakes/ControlledTransport.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"
import { event, START, withProgram } from "../../support/fakes/program.ts"

describe("Flushing", () => {
  describe("end", () => {
    it.effect("flushes a call that runs for more than 30 s at the interval from then on", () =>
      withProgram({}, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 900_000)
        yield* TestClock.adjust("33 seconds")
        const before = program.transport.exchanges.length
        for (let n = 0; n < 3; n++) {
          yield* program.send(event.line(`line ${n}`))
          yield* TestClock.adjust("5 seconds")
        }
        // sooner than by the age of the first line
        const times = program.transport.exchanges.slice(before).map(({ sentAt }) => sentAt - START)
        assert.deepStrictEqual(times, [35_000, 40_000, 45_000])
        assert.deepStrictEqual(asked(program), [0, 0])
      }))

    it.effect("stops flushing a long call 500 ms before its deadline", () =>
      withProgram({}, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 40_000)
        yield* TestClock.adjust("39500 millis")
        assert.deepStrictEqual(asked(program), [1, 39_500])
      }))

    it.effect("does not send early what has just come", () =>
      withProgram({}, function*(program) {
        yield* calls(program, 1, 2)
        yield* program.send(event.report("r1"))
        const before = program.transport.exchanges.length
        yield* program.invoke("r2")
        assert.strictEqual(program.transport.exchanges.length, before)
      }))
  })

  describe("periodic", () => {
    const periodic = { O2_FLUSH_STRATEGY: "periodic" }

    it.effect("flushes at the interval while a call runs, and at its end", () =>
      withProgram({ env: periodic }, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 60_000)
        // 1 s before the flush, so not by its age
        yield* TestClock.adjust("4 seconds")
        yield* program.send(event.line("a"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(timesSent(program, "a"), [1])
        yield* TestClock.adjust("4 seconds")
        yield* program.send(event.line("b"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(timesSent(program, "b"), [1])
        yield* program.send(event.line("c"), event.runtimeDone("r1"))
        assert.deepStrictEqual(timesSent(program, "c"), [1])
        assert.deepStrictEqual(asked(program), [1, 10_000])
      }))

    it.effect("waits for OpenObserve no longer than O2_FLUSH_BUDGET_MS after the call", () =>
      withProgram({ env: { ...periodic, O2_FLUSH_BUDGET_MS: "700" }, respond: unanswered }, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 60_000, "a")
        yield* TestClock.adjust("5200 millis")
        yield* program.send(event.runtimeDone("r1"))
        assert.deepStrictEqual(asked(program), [0, 0])
        yield* TestClock.adjust("699 millis")
        assert.deepStrictEqual(asked(program), [0, 0])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(asked(program), [1, 5900])
      }))
  })

  describe("a freeze", () => {
    it.effect("sends first what got old in a frozen sandbox, though a post has just come", () =>
      withFreezes((freeze) =>
        withProgram({}, function*(program) {
          yield* calls(program, 1, 2)
          yield* program.send(event.line("unawaited"))
          yield* TestClock.adjust("1 second")
          yield* freeze(3_600_000)
          yield* program.send(event.report("r1"), event.start("r2"))
          assert.deepStrictEqual(timesSent(program, "unawaited"), [0])
          yield* program.invoke("r2")
          assert.deepStrictEqual(timesSent(program, "unawaited"), [1])
          assert.strictEqual(program.polls.length, 2)
        })
      ))

    it.effect("costs idle connections their lives, and a wait too short for one does not", () =>
      withProgram({}, function*(program) {
        yield* TestClock.adjust("999 millis")
        yield* program.invoke("r1")
        yield* program.send(event.start("r1"), event.runtimeDone("r1"))
        assert.strictEqual(program.transport.drops(), 0)
        yield* TestClock.adjust("1 second")
        yield* program.invoke("r2")
        assert.strictEqual(program.transport.drops(), 1)
      }))
  })

  describe("an outage", () => {
    for (const strategy of ["end", "continuous", "periodic"]) {
      it.effect(`costs no call any time with ${strategy}`, () =>
        withProgram({ env: { O2_FLUSH_STRATEGY: strategy }, respond: () => ({ status: 401 }) }, function*(program) {
          yield* program.send(event.line("init"))
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual(program.transport.exchanges.length, 1)
          for (let n = 0; n < 20; n++) {
            yield* program.invoke(`r${n}`)
            assert.strictEqual(program.polls.length, n + 2)
            yield* program.send(event.start(`r${n}`), event.line("x"), event.runtimeDone(`r${n}`))
            yield* TestClock.adjust("100 millis")
          }
          assert.strictEqual(program.transport.exchanges.length, 1)
        }))
    }
  })
})
