/** How the program ends: SHUTDOWN, signals, a platform that does not answer. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import * as Extension from "../../../src/lifecycle/Extension.ts"
import { ExtensionsError } from "../../../src/lambda/ExtensionsClient.ts"
import { makeControlledTransport, storeAll } from "../../support/fakes/ControlledTransport.ts"
import { event, interrupted, makeProgram, START } from "../../support/fakes/program.ts"
import { books } from "../../support/fakes/sinkUnderTest.ts"

type Program = ReturnType<typeof makeProgram>

/** Starts the program and lets it end by itself or by `interrupted`. */
const started = Effect.gen(function*() {
  yield* TestClock.setTime(START)
  const program = yield* Effect.forkChild(Extension.run)
  yield* TestClock.adjust(0)
  return program
})

/** One call, worked off. */
const call = Effect.fnUntraced(function*({ invoke, send }: Program, requestId: string) {
  yield* invoke(requestId)
  yield* send(event.start(requestId), event.line(`line of ${requestId}`), event.runtimeDone(requestId))
})

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
    it.effect("waits for the last call's report, then for a moment of quiet, and closes the books", () => {
      const program = makeProgram()
      return Effect.gen(function*() {
        const fiber = yield* started
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
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("keeps time for delivering when the report never comes", () => {
      const program = makeProgram()
      return Effect.gen(function*() {
        const fiber = yield* started
        yield* call(program, "r1")
        yield* program.shutdown(2000)
        yield* TestClock.adjust("1299 millis")
        assert.notInclude(program.calls, "close")
        yield* TestClock.adjust("1 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
      }).pipe(Effect.provide(program.layer))
    })

    for (const reason of ["timeout", "FAILURE"]) {
      it.effect(`waits only for a moment of quiet after ${reason}`, () => {
        const program = makeProgram()
        return Effect.gen(function*() {
          const fiber = yield* started
          yield* program.invoke("r1")
          yield* program.send(event.start("r1"))
          yield* TestClock.adjust("2500 millis")
          yield* program.shutdown(2000, reason)
          yield* TestClock.adjust("299 millis")
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust("1 millis")
          assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        }).pipe(Effect.provide(program.layer))
      })
    }

    it.effect("does not wait for the report of a call that never was", () => {
      const program = makeProgram()
      return Effect.gen(function*() {
        const fiber = yield* started
        yield* program.shutdown()
        yield* TestClock.adjust("200 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("waits for nothing where there is no telemetry to come", () => {
      const program = makeProgram({ subscription: Effect.succeed({ _tag: "Unsupported", detail: "HTTP 404" }) })
      return Effect.gen(function*() {
        const fiber = yield* started
        yield* program.invoke("r1")
        yield* program.shutdown()
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.strictEqual(yield* elapsed, 0)
        assert.include(ledgerLine(program)?.fields, { reason: "spindown" })
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("ends before the kill though OpenObserve says nothing, and counts what is lost", () => {
      const program = makeProgram({ transport: makeControlledTransport(), env: { O2_FLUSH_BUDGET_MS: "100" } })
      return Effect.gen(function*() {
        const fiber = yield* started
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
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("shares out a budget that is shorter than its margins", () => {
      const program = makeProgram({ transport: makeControlledTransport(), env: { O2_FLUSH_BUDGET_MS: "100" } })
      return Effect.gen(function*() {
        const fiber = yield* started
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
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("takes a moment that has passed for a clock that is off, and ends soon", () => {
      const program = makeProgram()
      return Effect.gen(function*() {
        const fiber = yield* started
        yield* call(program, "r1")
        yield* program.shutdown(-50)
        yield* program.send(event.report("r1"))
        yield* TestClock.adjust("300 millis")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.isDefined(ledgerLine(program))
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("listens for a second though the last report has come: other extensions may still be writing", () => {
      const program = makeProgram()
      return Effect.gen(function*() {
        const fiber = yield* started
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
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("makes one more attempt though OpenObserve is known to take nothing", () => {
      let isUp = false
      const transport = makeControlledTransport((request) => isUp ? storeAll(request) : { status: 401 })
      const program = makeProgram({ transport })
      return Effect.gen(function*() {
        const fiber = yield* started
        yield* call(program, "r1")
        isUp = true
        yield* program.send(event.report("r1"))
        yield* program.shutdown()
        yield* TestClock.adjust("1 second")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        const { delivered, received } = yield* books
        assert.deepStrictEqual(delivered, received)
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("does the same on Managed Instances, where no calls are announced", () => {
      const program = makeProgram({ isManagedInstance: true })
      return Effect.gen(function*() {
        const fiber = yield* started
        yield* program.send(event.start("r1"), event.line("{}"))
        yield* program.shutdown()
        yield* program.send(event.report("r1"))
        yield* TestClock.adjust("1 second")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.strictEqual((yield* books).delivered.records, 3)
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("costs no connection on Managed Instances, which are never frozen", () => {
      const program = makeProgram({ isManagedInstance: true })
      return Effect.gen(function*() {
        const fiber = yield* started
        yield* TestClock.adjust("1 hour")
        yield* program.shutdown()
        yield* TestClock.adjust("1 second")
        assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
        assert.strictEqual(program.transport.drops(), 0)
      }).pipe(Effect.provide(program.layer))
    })
  })

  describe("signals", () => {
    it.effect("drains when it is interrupted between calls", () => {
      const program = makeProgram()
      return Effect.gen(function*() {
        const fiber = yield* started
        yield* call(program, "r1")
        yield* program.send(event.report("r1"), event.line("late"))
        yield* interrupted(fiber)
        const { delivered, received } = yield* books
        assert.strictEqual(delivered.records, 5)
        assert.deepStrictEqual(delivered, received)
        assert.include(ledgerLine(program)?.fields, { reason: "signal" })
      }).pipe(Effect.provide(program.layer))
    })

    it.effect("drains within two seconds when it is interrupted in the middle of a call", () => {
      const program = makeProgram({ transport: makeControlledTransport() })
      return Effect.gen(function*() {
        const fiber = yield* started
        yield* program.invoke("r1")
        yield* program.send(event.start("r1"), event.line("half"))
        const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber))
        yield* TestClock.adjust("1900 millis")
        yield* Fiber.join(interrupting)
        assert.deepStrictEqual(ledgerLine(program)?.fields["dropped"], { shutdown: 2 })
      }).pipe(Effect.provide(program.layer))
    })
  })

  describe("a platform that does not answer", () => {
    it.effect("drains, says why, and fails", () => {
      const program = makeProgram()
      return Effect.gen(function*() {
        const fiber = yield* started
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
      }).pipe(Effect.provide(program.layer))
    })
  })
})
