/** How the program ends: SHUTDOWN, signals, a platform that does not answer. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { ExtensionsError } from "../../../src/lambda/ExtensionsClient.ts"
import { begin, call } from "../../support/fakes/calls.ts"
import { storeAll, unanswered } from "../../support/fakes/ControlledTransport.ts"
import type { Program } from "../../support/fakes/program.ts"
import { event, interrupted, START, withProgram } from "../../support/fakes/program.ts"
import { books } from "../../support/fakes/sinkUnderTest.ts"

const ledgerLine = ({ log }: Program) => log.entries.findLast(({ message }) => message === "ledger")

const elapsed = Effect.map(Clock.currentTimeMillis, (now) => now - START)

/** Joins a program that must have ended by now. */
const ended = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.map(Effect.sync(() => fiber.pollUnsafe()), (exit) => {
    assert.isDefined(exit, "the program has not ended")
    return exit!
  })

describe("Extension", () => {
  describe("SHUTDOWN", () => {
    it.effect("waits for the last call's report, then for a moment of quiet, and closes the books", () =>
      withProgram({}, function*(program, fiber) {
        yield* call(program, "r1")
        yield* program.shutdown()
        yield* TestClock.adjust("900 millis")
        yield* program.send(event.report("r1"))
        yield* TestClock.adjust("150 millis")
        yield* program.send(event.line("of another extension's end"))
        yield* TestClock.adjust("199 millis")
        assert.isUndefined(fiber.pollUnsafe())
        assert.notInclude(program.calls, "close")
        yield* TestClock.adjust("1 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.strictEqual(program.calls.at(-1), "close")
        const { delivered, received } = yield* books
        assert.strictEqual(received.records, 5)
        assert.deepStrictEqual(delivered, received)
        assert.include(ledgerLine(program)?.fields, { reason: "spindown", received: 5, delivered: 5 })
        assert.strictEqual(ledgerLine(program)?.level, "Info")
      }))

    it.effect("keeps time for delivering when the report never comes", () =>
      withProgram({}, function*(program, fiber) {
        yield* call(program, "r1")
        yield* program.shutdown(2000)
        yield* TestClock.adjust("1299 millis")
        assert.notInclude(program.calls, "close")
        yield* TestClock.adjust("1 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
      }))

    for (const reason of ["timeout", "FAILURE"]) {
      it.effect(`waits only for a moment of quiet after ${reason}`, () =>
        withProgram({}, function*(program, fiber) {
          yield* begin(program, "r1")
          yield* TestClock.adjust("2500 millis")
          yield* program.shutdown(2000, reason)
          yield* TestClock.adjust("299 millis")
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust("1 millis")
          assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        }))
    }

    it.effect("does not wait for the report of a call that never was", () =>
      withProgram({}, function*(program, fiber) {
        yield* program.shutdown()
        yield* TestClock.adjust("200 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
      }))

    it.effect("waits for nothing where there is no telemetry to come", () =>
      withProgram(
        { subscription: Effect.succeed({ _tag: "Unsupported", detail: "HTTP 404" }) },
        function*(program, fiber) {
          yield* program.invoke("r1")
          yield* program.shutdown()
          assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
          assert.strictEqual(yield* elapsed, 0)
          assert.include(ledgerLine(program)?.fields, { reason: "spindown" })
        }
      ))

    it.effect("ends before the kill though OpenObserve says nothing, and counts what is lost", () =>
      withProgram({ respond: unanswered, env: { O2_FLUSH_BUDGET_MS: "100" } }, function*(program, fiber) {
        yield* call(program, "r1")
        yield* TestClock.adjust("100 millis")
        const before = yield* elapsed
        yield* program.shutdown(2000)
        yield* program.send(event.report("r1"))
        yield* TestClock.adjust("1900 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.isBelow((yield* elapsed) - before, 2000)
        const { dropped, received } = yield* books
        assert.deepStrictEqual(dropped.shutdown, received)
        assert.strictEqual(ledgerLine(program)?.level, "Warn")
        assert.deepStrictEqual(ledgerLine(program)?.fields["dropped"], { shutdown: 4 })
      }))

    it.effect("shares out a budget that is shorter than its margins", () =>
      withProgram({ respond: unanswered, env: { O2_FLUSH_BUDGET_MS: "100" } }, function*(program, fiber) {
        yield* call(program, "r1")
        yield* TestClock.adjust("100 millis")
        yield* program.shutdown(300)
        yield* TestClock.adjust("74 millis")
        assert.notInclude(program.calls, "close")
        yield* TestClock.adjust("1 millis")
        assert.include(program.calls, "close")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("150 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
      }))

    it.effect("takes a moment that has passed for a clock that is off, and ends soon", () =>
      withProgram({}, function*(program, fiber) {
        yield* call(program, "r1")
        yield* program.shutdown(-50)
        yield* program.send(event.report("r1"))
        yield* TestClock.adjust("300 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.isDefined(ledgerLine(program))
      }))

    it.effect("listens for a second though the last report has come: other extensions may still be writing", () =>
      withProgram({}, function*(program, fiber) {
        yield* call(program, "r1")
        yield* program.send(event.report("r1"))
        yield* program.shutdown()
        yield* TestClock.adjust("900 millis")
        yield* program.send(event.line("late"))
        yield* TestClock.adjust("199 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.strictEqual((yield* books).delivered.records, 5)
      }))

    it.effect("makes one more attempt though OpenObserve is known to take nothing", () => {
      let isUp = false
      return withProgram(
        { respond: (request) => isUp ? storeAll(request) : { status: 401 } },
        function*(program, fiber) {
          yield* call(program, "r1")
          isUp = true
          yield* program.send(event.report("r1"))
          yield* program.shutdown()
          yield* TestClock.adjust("1 second")
          assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
          const { delivered, received } = yield* books
          assert.deepStrictEqual(delivered, received)
        }
      )
    })

    it.effect("does the same on Managed Instances, where no calls are announced", () =>
      withProgram({ isManagedInstance: true }, function*(program, fiber) {
        yield* program.send(event.start("r1"), event.line("{}"))
        yield* program.shutdown()
        yield* program.send(event.report("r1"))
        yield* TestClock.adjust("1 second")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.strictEqual((yield* books).delivered.records, 3)
      }))

    it.effect("costs no connection on Managed Instances, which are never frozen", () =>
      withProgram({ isManagedInstance: true }, function*(program, fiber) {
        yield* TestClock.adjust("1 hour")
        yield* program.shutdown()
        yield* TestClock.adjust("1 second")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.strictEqual(program.transport.drops(), 0)
      }))
  })

  describe("signals", () => {
    it.effect("drains when it is interrupted between calls", () =>
      withProgram({}, function*(program, fiber) {
        yield* call(program, "r1")
        yield* program.send(event.report("r1"), event.line("late"))
        yield* interrupted(fiber)
        const { delivered, received } = yield* books
        assert.strictEqual(delivered.records, 5)
        assert.deepStrictEqual(delivered, received)
        assert.include(ledgerLine(program)?.fields, { reason: "signal" })
      }))

    it.effect("drains within two seconds when it is interrupted in the middle of a call", () =>
      withProgram({ respond: unanswered }, function*(program, fiber) {
        yield* begin(program, "r1", 3000, "half")
        const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber))
        yield* TestClock.adjust("1900 millis")
        yield* Fiber.join(interrupting)
        assert.deepStrictEqual(ledgerLine(program)?.fields["dropped"], { shutdown: 2 })
      }))
  })

  describe("a platform that does not answer", () => {
    it.effect("drains, says why, and fails", () =>
      withProgram({}, function*(program, fiber) {
        yield* program.send(event.line("before"))
        yield* Queue.fail(program.events, new ExtensionsError({ operation: "next", status: 403, detail: "gone" }))
        yield* TestClock.adjust("3 seconds")
        assert.isTrue(Exit.isFailure(yield* ended(fiber)))
        assert.deepStrictEqual(program.calls.slice(-2), [
          "close",
          "exit/error Extension.PollFailed: next: HTTP 403: gone"
        ])
        assert.strictEqual((yield* books).delivered.records, 1)
        assert.include(ledgerLine(program)?.fields, { reason: "poll failed" })
      }))
  })
})
