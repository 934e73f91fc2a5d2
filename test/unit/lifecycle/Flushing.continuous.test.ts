/** What `continuous` does between INVOKE and asking for the next event, and when `adaptive` chooses it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { asked, begin, calls, doneAfter, timesSent } from "../../support/fakes/calls.ts"
import type { Respond } from "../../support/fakes/ControlledTransport.ts"
import { storeAll, stored, storeUnless, unanswered } from "../../support/fakes/ControlledTransport.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"
import type { Program } from "../../support/fakes/program.ts"
import { event, withProgram } from "../../support/fakes/program.ts"
import { books } from "../../support/fakes/sinkUnderTest.ts"

const continuous = { O2_FLUSH_STRATEGY: "continuous" }

describe("Flushing", () => {
  describe("continuous", () => {
    it.effect("asks for the next event at once when nothing waits to be sent", () =>
      withProgram({ env: continuous }, function*(program) {
        yield* program.invoke("r1")
        assert.deepStrictEqual(asked(program), [1, 0])
      }))

    it.effect("sends at INVOKE what earlier calls wrote, and nothing at a call's end", () =>
      withProgram({ env: continuous }, function*(program) {
        yield* calls(program, 1, 2)
        assert.deepStrictEqual(timesSent(program, "line 1"), [0])
        yield* program.invoke("r2")
        assert.deepStrictEqual(timesSent(program, "line 1"), [1])
        assert.deepStrictEqual(asked(program), [2, 1000])
      }))

    const backlog = Effect.fnUntraced(function*(program: Program, options: { timeoutMs?: number; lasting?: number }) {
      yield* calls(program, 1, 2, options.lasting ?? 400, 10_000)
      yield* program.send(event.line("backlog"))
      yield* program.invoke("r2", options.timeoutMs ?? 60_000)
    })

    it.effect("asks when the backlog has settled", () =>
      withProgram({ env: continuous, respond: storeUnless(/backlog/, undefined) }, function*(program) {
        yield* backlog(program, {})
        const { answer } = yield* program.transport.next
        yield* TestClock.adjust("100 millis")
        assert.strictEqual(program.polls.length, 2)
        yield* answer(stored(1))
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(asked(program), [2, 10_100])
      }))

    const limits: ReadonlyArray<readonly [string, { timeoutMs?: number; lasting?: number }, number]> = [
      ["just before the usual duration has passed", { lasting: 400 }, 395],
      ["at once where calls usually are over by then", { lasting: 4 }, 0],
      ["500 ms before the deadline", { lasting: 8000, timeoutMs: 3000 }, 2500],
      ["at once where the deadline is too near", { lasting: 8000, timeoutMs: 400 }, 0]
    ]
    for (const [when, options, after] of limits) {
      it.effect(`asks ${when} though the backlog has not settled`, () =>
        withProgram({ env: continuous, respond: storeUnless(/backlog/, undefined) }, function*(program) {
          yield* backlog(program, options)
          if (after > 0) {
            yield* TestClock.adjust(after - 1)
            assert.strictEqual(program.polls.length, 2)
            yield* TestClock.adjust(1)
          }
          assert.deepStrictEqual(asked(program), [2, 10_000 + after])
          assert.strictEqual(program.transport.inFlight(), 1)
        }))
    }

    it.effect("asks when this call is over though the backlog has not settled", () =>
      withProgram({ env: continuous, respond: unanswered }, function*(program) {
        yield* backlog(program, {})
        yield* TestClock.adjust("150 millis")
        yield* program.send(event.runtimeDone("r1"), event.start("r2"), doneAfter("r2", 150))
        assert.deepStrictEqual(asked(program), [2, 10_150])
      }))

    it.effect("sends what gets old while a call runs", () =>
      withProgram({ env: continuous }, function*(program) {
        yield* begin(program, "r1", 60_000, "early")
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(timesSent(program, "early"), [1])
      }))

    it.effect("lets what calls write in an outage grow into one batch", () => {
      let isUp = false
      return withProgram({
        env: { ...continuous, O2_MAX_RETRIES: "0" },
        respond: (request) => isUp ? storeAll(request) : { code: "ECONNREFUSED", isSent: false }
      }, function*(program) {
        yield* calls(program, 1, 20, 20, 10_000)
        isUp = true
        const before = program.transport.exchanges.length
        // the longest pause, and a fifth by chance
        yield* TestClock.adjust("72 seconds")
        assert.strictEqual(program.transport.exchanges.length - before, 2)
        const lines = Array.from({ length: 19 }, (_, index) => `line ${index + 1}`)
        assert.deepStrictEqual(timesSent(program, ...lines.slice(1)), lines.slice(1).map(() => 1))
      })
    })
    // what is older than OpenObserve takes is stamped anew first, off the test's clock
    for (const hours of [1, 4]) {
      it.effect(`sends again, at once, what was in flight when the sandbox froze for ${hours} h, and then the rest`, () => {
        // no retry would be over before the test
        const env = { ...continuous, O2_INITIAL_RETRY_DELAY_MS: "600000", O2_MAX_RETRY_DELAY_MS: "600000" }
        const respond: Respond = (request, index) => index === 1 ? undefined : storeAll(request)
        return withFreezes((freeze) =>
          withProgram({ env, respond, health: () => undefined }, function*(program) {
            yield* calls(program, 1, 4)
            assert.deepStrictEqual(timesSent(program, "line 1", "line 2", "line 3"), [1, 1, 0])
            assert.strictEqual(program.transport.inFlight(), 1)
            const drops = program.transport.drops()
            yield* freeze(hours * 3_600_000)
            yield* program.invoke("r4", 60_000)
            assert.strictEqual(program.transport.drops(), drops + 1)
            assert.deepStrictEqual(timesSent(program, "line 1", "line 2", "line 3"), [1, 1, 0])
            yield* TestClock.adjust("200 millis")
            assert.deepStrictEqual(timesSent(program, "line 1", "line 2", "line 3"), [1, 2, 1])
            const { delivered, possiblyDuplicated, received } = yield* books
            assert.deepStrictEqual(delivered, received)
            assert.strictEqual(possiblyDuplicated.records, 3)
          })
        )
      })
    }

    it.effect("loses and repeats nothing of many calls", () =>
      withProgram({ env: continuous }, function*(program) {
        yield* calls(program, 0, 30)
        yield* program.invoke("r30")
        const texts = Array.from({ length: 30 }, (_, n) => `line ${n}`)
        assert.deepStrictEqual(timesSent(program, ...texts), texts.map(() => 1))
      }))
  })

  describe("adaptive", () => {
    const debug = { O2_LOG_LEVEL: "debug" }
    const changes = ({ log }: Program) =>
      log.entries.filter(({ message }) => message === "flush tier").map((
        { fields, level }
      ) => [level, fields["from"], fields["to"]])

    it.effect("says once, in debug, when the tier changes", () =>
      withProgram({ env: debug }, function*(program) {
        yield* calls(program, 0, 60)
        assert.deepStrictEqual(changes(program), [["Debug", "end", "continuous"]])
        yield* calls(program, 60, 100, 20, 12_000)
        assert.deepStrictEqual(changes(program).slice(1), [["Debug", "continuous", "end"]])
      }))

    it.effect("says nothing where debug is not wanted", () =>
      withProgram({}, function*(program) {
        yield* calls(program, 0, 60)
        assert.deepStrictEqual(program.log.entries, [])
      }))

    it.effect("flushes at the interval once calls usually run for more than 30 s", () =>
      withProgram({ env: debug }, function*(program) {
        yield* calls(program, 0, 2, 31_000, 60_000)
        assert.deepStrictEqual(changes(program).map(([, , to]) => to), ["periodic"])
      }))

    it.effect("has sent nothing before a snapshot, and sends what it held with the first call", () =>
      withProgram({ isSnapStart: true }, function*(program) {
        yield* program.send(event.line("init"))
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(timesSent(program, "init"), [0])
        yield* program.invoke("r1")
        assert.deepStrictEqual(timesSent(program, "init"), [1])
        yield* program.send(event.start("r1"), event.line("first"), event.runtimeDone("r1"))
        assert.deepStrictEqual(timesSent(program, "first"), [1])
      }))

    it.effect("begins anew in a sandbox that was restored from a snapshot", () =>
      withProgram({ env: debug }, function*(program) {
        yield* calls(program, 0, 40)
        yield* program.send({ ...event.start(""), type: "platform.restoreStart", record: { functionVersion: "7" } })
        yield* program.invoke("restored")
        assert.deepStrictEqual(changes(program).map(([, , to]) => to), ["continuous", "end"])
        const before = program.polls.length
        yield* program.send(event.start("restored"), event.line("first"))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(program.polls.length, before)
        yield* program.send(event.runtimeDone("restored"))
        assert.strictEqual(program.polls.length, before + 1)
        assert.deepStrictEqual(timesSent(program, "first"), [1])
      }))
  })
})
