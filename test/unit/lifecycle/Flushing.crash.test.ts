/** A call that the platform has ended: SHUTDOWN waits for us to come back, and its time runs. */
import { assert, describe, it } from "@effect/vitest"
import * as TestClock from "effect/testing/TestClock"
import { anEnd, asked, begin, timesSent } from "../../support/fakes/calls.ts"
import { storeAll, unanswered } from "../../support/fakes/ControlledTransport.ts"
import { event, withProgram } from "../../support/fakes/program.ts"

/** Settings with which a flush waits for longer than SHUTDOWN gives. */
const patient = { O2_FLUSH_STRATEGY: "periodic", O2_FLUSH_BUDGET_MS: "30000", O2_REQUEST_TIMEOUT_MS: "60000" }

describe("Flushing", () => {
  describe("a crash", () => {
    it.effect("leaves the flush to SHUTDOWN when the platform has ended the call by itself", () =>
      withProgram({ respond: unanswered }, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 60_000, "last words")
        yield* TestClock.adjust("1 second")
        yield* program.send(event.runtimeDone("r1", "error"), event.report("r1"))
        assert.deepStrictEqual(asked(program), [1, 1000])
        assert.strictEqual(program.transport.inFlight(), 1)
      }))

    it.effect("ends a flush when the platform ends the call meanwhile, and retries as if there had been none", () =>
      withProgram(
        {
          env: { O2_INITIAL_RETRY_DELAY_MS: "30000" },
          respond: (request, index) => index === 0 ? undefined : storeAll(request)
        },
        function*(program) {
          yield* program.invoke("r1", 60_000)
          yield* program.send(event.start("r1"), event.line("last words"), event.runtimeDone("r1", "error"))
          const { answer } = yield* program.transport.next
          yield* TestClock.adjust("40 millis")
          yield* program.send(event.line("of another extension"))
          assert.deepStrictEqual(asked(program), [0, 0])
          yield* program.send(event.report("r1"))
          assert.deepStrictEqual(asked(program), [1, 40])
          // longer than the flush would have waited
          yield* answer({ status: 503 })
          yield* TestClock.adjust("40 seconds")
          assert.deepStrictEqual(program.log.at("Warn"), [])
          assert.strictEqual(timesSent(program, "last words")[0], 2)
        }
      ))

    for (const [when, before] of [["after", 0], ["during", 5000]] as const) {
      it.effect(`leaves SHUTDOWN half of its time when it is never reported, ${when} a flush`, () =>
        withProgram({ env: patient, respond: unanswered }, function*(program) {
          yield* program.send(anEnd)
          yield* begin(program, "r1", 60_000)
          yield* TestClock.adjust(before)
          yield* program.send(event.line("last words"), event.runtimeDone("r1", "error"))
          yield* TestClock.adjust("999 millis")
          assert.deepStrictEqual(asked(program), [0, 0])
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(asked(program), [1, before + 1000])
        }))
    }

    it.effect("ends a periodic flush that has begun before", () =>
      withProgram({ env: patient, respond: unanswered }, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 60_000)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(program.transport.inFlight(), 1)
        yield* TestClock.adjust("100 millis")
        yield* program.send(event.runtimeDone("r1", "error"), event.report("r1"))
        assert.deepStrictEqual(asked(program), [1, 5100])
      }))
  })
})
