/** The program between two events: when it waits, for what, and how long. `Extension.end.test.ts` has its end. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { ExtensionsError } from "../../../src/lambda/ExtensionsClient.ts"
import { cutPosts, placesOf } from "../../support/cutPosts.ts"
import { anEnd, begin, call } from "../../support/fakes/calls.ts"
import { stored, unanswered } from "../../support/fakes/ControlledTransport.ts"
import { event, withProgram } from "../../support/fakes/program.ts"

describe("Extension", () => {
  describe("start", () => {
    it.effect("registers, subscribes and only then asks for the first event", () =>
      withProgram({}, function*({ calls, polls }) {
        assert.deepStrictEqual(calls, ["register", "subscribe platform,function"])
        assert.deepStrictEqual(polls, [0])
      }))

    it.effect("subscribes to platform events even where they are not wanted", () =>
      withProgram({ env: { O2_TELEMETRY_TYPES: "function,extension" } }, function*({ calls }) {
        assert.deepStrictEqual(calls, ["register", "subscribe platform,function,extension"])
      }))

    it.effect("warns of what is odd in the settings", () =>
      withProgram({ env: { O2_STREEM: "x" } }, function*({ log }) {
        assert.deepStrictEqual(log.at("Warn"), [
          "O2_STREEM is not a setting of this extension; did you mean O2_STREAM?"
        ])
      }))

    const refusal = new ExtensionsError({ operation: "subscribe", status: 403, detail: "closed" })
    const withoutTelemetry = [
      ["subscribing fails", Effect.fail(refusal), "Error"],
      ["there is no Telemetry API", Effect.succeed({ _tag: "Unsupported", detail: "HTTP 202" } as const), "Warn"]
    ] as const
    for (const [reason, subscription, level] of withoutTelemetry) {
      it.effect(`waits for nothing when ${reason}`, () =>
        withProgram({ subscription }, function*(program) {
          assert.strictEqual(program.log.at(level).length, 1)
          yield* program.invoke("r1")
          yield* program.invoke("r2")
          assert.deepStrictEqual(program.polls, [0, 0, 0])
        }))
    }
  })

  describe("the end of a call", () => {
    it.effect("delivers what the call wrote before asking for the next event", () =>
      withProgram({ respond: unanswered }, function*(program) {
        yield* begin(program, "r1", 3000, "hello")
        yield* TestClock.adjust("700 millis")
        assert.strictEqual(program.transport.exchanges.length, 0)
        yield* program.send(event.runtimeDone("r1"))
        const { answer, request } = yield* program.transport.next
        assert.include(String(request.body), "hello")
        yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual(program.polls, [0])
        yield* answer(stored(3))
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(program.polls, [0, 800])
      }))

    it.effect("does not wait when the runtime was done before INVOKE was read", () =>
      withProgram({}, function*(program) {
        yield* program.send(event.start("r1"), event.runtimeDone("r1"))
        yield* program.invoke("r1")
        assert.deepStrictEqual(program.polls, [0, 0])
      }))

    it.effect("takes no other call's end, and no repeated one, for this call's", () =>
      withProgram({}, function*(program) {
        yield* program.invoke("r1")
        yield* program.send(event.start("r1"), event.runtimeDone("r1"))
        yield* program.invoke("r2")
        yield* program.send(event.runtimeDone("r1", "timeout"), event.report("r1"), event.start("r2"))
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(program.polls, [0, 0])
        yield* program.send(event.runtimeDone("r2"))
        assert.deepStrictEqual(program.polls, [0, 0, 2000])
      }))

    it.effect("waits until 500 ms before the deadline at most", () =>
      withProgram({}, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 3000)
        yield* TestClock.adjust("2499 millis")
        assert.deepStrictEqual(program.polls, [0])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(program.polls, [0, 2500])
      }))

    for (const timeoutMs of [400, 0, -5000]) {
      it.effect(`does not wait when the deadline is ${timeoutMs} ms away`, () =>
        withProgram({}, function*(program) {
          yield* program.send(event.start("r0"), anEnd)
          yield* program.invoke("r1", timeoutMs)
          assert.deepStrictEqual(program.polls, [0, 0])
        }))
    }

    it.effect("gives up waiting after a call whose end never came, until one comes", () =>
      withProgram({}, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 2000)
        yield* TestClock.adjust("1500 millis")
        assert.deepStrictEqual(program.polls, [0, 1500])
        yield* program.invoke("r2", 2000)
        yield* TestClock.adjust("50 millis")
        yield* program.invoke("r3", 2000)
        assert.deepStrictEqual(program.polls, [0, 1500, 1550, 1550])
        // it was only late: this is how long calls look whose end comes after the thaw
        yield* program.send(event.runtimeDone("r3"))
        yield* program.invoke("r4", 2000)
        yield* TestClock.adjust("1200 millis")
        assert.deepStrictEqual(program.polls.length, 4)
        yield* program.send(event.runtimeDone("r4"))
        assert.deepStrictEqual(program.polls.at(-1), 2750)
      }))

    it.effect("waits for a second of silence, once, where ends are not told at all", () =>
      withProgram({}, function*(program) {
        yield* begin(program, "r1", 900_000)
        yield* TestClock.adjust("400 millis")
        yield* program.send(event.line("still here"))
        yield* TestClock.adjust("999 millis")
        assert.deepStrictEqual(program.polls, [0])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(program.polls, [0, 1400])
        assert.include(String(program.transport.exchanges.at(-1)?.request.body), "still here")
        for (const requestId of ["r2", "r3", "r4"]) {
          yield* begin(program, requestId, 900_000)
          yield* TestClock.adjust("50 millis")
        }
        assert.deepStrictEqual(program.polls.slice(2), [1450, 1450, 1500])
      }))

    it.effect("waits for the second call as ever when the first was only quiet: its end comes with the thaw", () =>
      withProgram({}, function*(program) {
        yield* begin(program, "r1", 60_000)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(program.polls, [0, 1000])
        yield* TestClock.adjust("1 minute")
        yield* program.invoke("r2", 60_000)
        yield* TestClock.adjust("30 millis")
        yield* program.send(event.line("late"), event.runtimeDone("r1"), event.report("r1"), event.start("r2"))
        yield* TestClock.adjust("10 seconds")
        yield* program.send(event.line("after a long silence"), event.runtimeDone("r2"))
        assert.deepStrictEqual(program.polls, [0, 1000, 71_030])
        assert.include(String(program.transport.exchanges.at(-1)?.request.body), "after a long silence")
      }))

    it.effect("ends the wait after a second of silence where no platform events come", () =>
      withProgram({}, function*(program) {
        yield* program.invoke("r1", 60_000)
        yield* TestClock.adjust("400 millis")
        yield* program.send(event.line("still here"))
        yield* TestClock.adjust("999 millis")
        assert.deepStrictEqual(program.polls, [0])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(program.polls, [0, 1400])
      }))

    const pieces = (requestId: string) => {
      const [line, done] = [JSON.stringify(event.line("a line")), JSON.stringify(event.runtimeDone(requestId))]
      const [head, rest] = cutPosts({ event: line, after: [done], places: [placesOf(line)[3]!], isFramed: true })
      return { head: head!.toString(), rest: rest!.toString() }
    }

    it.effect("hears of the end in the post that continues one which Lambda has cut", () => {
      const { head, rest } = pieces("r1")
      return withProgram({}, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 60_000)
        yield* program.post(head)
        yield* TestClock.adjust("900 millis")
        assert.deepStrictEqual(program.polls, [0])
        yield* program.post(rest)
        assert.deepStrictEqual(program.polls, [0, 900])
        const bodies = program.transport.exchanges.map(({ request }) =>
          Buffer.from(request.body ?? "").toString("utf8")
        )
        assert.include(bodies.join(), "\"record\":\"a line\"")
      })
    })

    it.effect("waits for the end as ever when a post that Lambda has cut was joined", () => {
      const { head, rest } = pieces("another call")
      return withProgram({}, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 60_000)
        yield* program.post(head)
        yield* program.post(rest)
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(program.polls, [0])
        yield* program.send(event.runtimeDone("r1"))
        assert.deepStrictEqual(program.polls, [0, 5000])
      })
    })

    it.effect("ends the wait after a second of silence when a post that Lambda has cut goes on in none", () =>
      withProgram({}, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 60_000)
        yield* program.post(pieces("r1").head)
        yield* TestClock.adjust("999 millis")
        assert.deepStrictEqual(program.polls, [0])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(program.polls, [0, 1000])
      }))

    const gaps = [
      ["a malformed post has come", "this is no JSON"],
      ["a cut post has come", "[{\"time\":\"2026-11-22T10:0"],
      ["the platform has dropped events", JSON.stringify([event.logsDropped])]
    ] as const
    for (const [what, text] of gaps) {
      it.effect(`ends the wait after a second of silence once ${what}`, () =>
        withProgram({}, function*(program) {
          yield* program.send(anEnd)
          yield* begin(program, "r1", 60_000)
          yield* TestClock.adjust("5 seconds")
          assert.deepStrictEqual(program.polls, [0])
          yield* program.post(text)
          yield* TestClock.adjust("800 millis")
          yield* program.send(event.line("still here"))
          yield* TestClock.adjust("999 millis")
          assert.deepStrictEqual(program.polls, [0])
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(program.polls, [0, 6800])
        }))
    }
  })

  describe("flushing", () => {
    it.effect("waits for OpenObserve no longer than O2_FLUSH_BUDGET_MS", () =>
      withProgram({ respond: unanswered, env: { O2_FLUSH_BUDGET_MS: "700" } }, function*(program) {
        yield* call(program, "r1", 60_000)
        yield* TestClock.adjust("699 millis")
        assert.deepStrictEqual(program.polls, [0])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(program.polls, [0, 700])
        assert.strictEqual(program.transport.inFlight(), 1)
      }))

    it.effect("waits for OpenObserve no longer than until 500 ms before the deadline", () =>
      withProgram({ respond: unanswered }, function*(program) {
        yield* call(program, "r1", 1500)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(program.polls, [0, 1000])
      }))

    it.effect("does not wait while OpenObserve is known to take nothing", () =>
      withProgram({ respond: () => ({ status: 401 }) }, function*(program) {
        yield* call(program, "r1", 60_000)
        yield* call(program, "r2")
        assert.deepStrictEqual(program.polls, [0, 0, 0])
        assert.strictEqual(program.transport.exchanges.length, 1)
      }))

    it.effect("sends what has got old while a long call still runs", () =>
      withProgram({ env: { O2_FLUSH_INTERVAL_MS: "5000" } }, function*(program) {
        yield* program.send(anEnd)
        yield* begin(program, "r1", 60_000, "early")
        yield* TestClock.adjust("4999 millis")
        assert.strictEqual(program.transport.exchanges.length, 0)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(program.transport.exchanges.length, 1)
        assert.deepStrictEqual(program.polls, [0])
      }))
  })
})
