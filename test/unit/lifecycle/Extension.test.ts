/** The program between two events: when it waits, for what, and how long. `ExtensionEnd.test.ts` has start and end. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { ExtensionsError } from "../../../src/lambda/ExtensionsClient.ts"
import { cutPosts, placesOf } from "../../support/cutPosts.ts"
import { makeControlledTransport, stored } from "../../support/fakes/ControlledTransport.ts"
import { event, makeProgram, running } from "../../support/fakes/program.ts"

describe("Extension", () => {
  describe("start", () => {
    it.effect("registers, subscribes and only then asks for the first event", () => {
      const { calls, layer, polls } = makeProgram()
      return running(
        layer,
        Effect.gen(function*() {
          assert.deepStrictEqual(calls, ["register", "subscribe platform,function"])
          assert.deepStrictEqual(polls, [0])
        })
      )
    })

    it.effect("subscribes to platform events even where they are not wanted", () => {
      const { calls, layer } = makeProgram({ env: { O2_TELEMETRY_TYPES: "function,extension" } })
      return running(
        layer,
        Effect.gen(function*() {
          assert.deepStrictEqual(calls, ["register", "subscribe platform,function,extension"])
        })
      )
    })

    it.effect("warns of what is odd in the settings", () => {
      const { layer, log } = makeProgram({ env: { O2_STREEM: "x" } })
      return running(
        layer,
        Effect.gen(function*() {
          assert.deepStrictEqual(log.at("Warn"), [
            "O2_STREEM is not a setting of this extension; did you mean O2_STREAM?"
          ])
        })
      )
    })

    const refusal = new ExtensionsError({ operation: "subscribe", status: 403, detail: "closed" })
    const withoutTelemetry = [
      ["subscribing fails", Effect.fail(refusal), "Error"],
      ["there is no Telemetry API", Effect.succeed({ _tag: "Unsupported", detail: "HTTP 202" } as const), "Warn"]
    ] as const
    for (const [reason, subscription, level] of withoutTelemetry) {
      it.effect(`waits for nothing when ${reason}`, () => {
        const { invoke, layer, log, polls } = makeProgram({ subscription })
        return running(
          layer,
          Effect.gen(function*() {
            assert.strictEqual(log.at(level).length, 1)
            yield* invoke("r1")
            yield* invoke("r2")
            assert.deepStrictEqual(polls, [0, 0, 0])
          })
        )
      })
    }
  })

  describe("the end of a call", () => {
    it.effect("delivers what the call wrote before asking for the next event", () => {
      const transport = makeControlledTransport()
      const { invoke, layer, polls, send } = makeProgram({ transport })
      return running(
        layer,
        Effect.gen(function*() {
          yield* invoke("r1")
          yield* send(event.start("r1"), event.line("hello"))
          yield* TestClock.adjust("700 millis")
          assert.strictEqual(transport.exchanges.length, 0)
          yield* send(event.runtimeDone("r1"))
          const { answer, request } = yield* transport.next
          assert.include(String(request.body), "hello")
          yield* TestClock.adjust("100 millis")
          assert.deepStrictEqual(polls, [0])
          yield* answer(stored(3))
          yield* TestClock.adjust(0)
          assert.deepStrictEqual(polls, [0, 800])
        })
      )
    })

    it.effect("does not wait when the runtime was done before INVOKE was read", () => {
      const { invoke, layer, polls, send } = makeProgram()
      return running(
        layer,
        Effect.gen(function*() {
          yield* send(event.start("r1"), event.runtimeDone("r1"))
          yield* invoke("r1")
          assert.deepStrictEqual(polls, [0, 0])
        })
      )
    })

    it.effect("takes no other call's end, and no repeated one, for this call's", () => {
      const { invoke, layer, polls, send } = makeProgram()
      return running(
        layer,
        Effect.gen(function*() {
          yield* invoke("r1")
          yield* send(event.start("r1"), event.runtimeDone("r1"))
          yield* invoke("r2")
          yield* send(event.runtimeDone("r1", "timeout"), event.report("r1"), event.start("r2"))
          yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual(polls, [0, 0])
          yield* send(event.runtimeDone("r2"))
          assert.deepStrictEqual(polls, [0, 0, 2000])
        })
      )
    })

    it.effect("waits until 500 ms before the deadline at most", () => {
      const { invoke, layer, polls, send } = makeProgram()
      return running(
        layer,
        Effect.gen(function*() {
          yield* invoke("r1", 3000)
          yield* send(event.start("r1"))
          yield* TestClock.adjust("2499 millis")
          assert.deepStrictEqual(polls, [0])
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(polls, [0, 2500])
        })
      )
    })

    it.effect("does not wait when the deadline is nearer than the margin", () => {
      const { invoke, layer, polls, send } = makeProgram()
      return running(
        layer,
        Effect.gen(function*() {
          yield* send(event.start("r0"))
          yield* invoke("r1", 400)
          assert.deepStrictEqual(polls, [0, 0])
        })
      )
    })

    it.effect("gives up waiting after three calls whose end never came, until one comes", () => {
      const { invoke, layer, polls, send } = makeProgram()
      return running(
        layer,
        Effect.gen(function*() {
          for (const requestId of ["r1", "r2", "r3"]) {
            yield* invoke(requestId, 1000)
            yield* send(event.start(requestId))
            yield* TestClock.adjust("500 millis")
          }
          assert.deepStrictEqual(polls, [0, 500, 1000, 1500])
          yield* invoke("r4", 1000)
          assert.deepStrictEqual(polls, [0, 500, 1000, 1500, 1500])
          // it was only late: this is how long calls look whose end comes after the thaw
          yield* send(event.runtimeDone("r4"))
          yield* invoke("r5", 1000)
          yield* TestClock.adjust("100 millis")
          assert.deepStrictEqual(polls.length, 5)
          yield* send(event.runtimeDone("r5"))
          assert.deepStrictEqual(polls.at(-1), 1600)
        })
      )
    })

    it.effect("ends the wait after a second of silence where no platform events come", () => {
      const { invoke, layer, polls, send } = makeProgram()
      return running(
        layer,
        Effect.gen(function*() {
          yield* invoke("r1", 60_000)
          yield* TestClock.adjust("400 millis")
          yield* send(event.line("still here"))
          yield* TestClock.adjust("999 millis")
          assert.deepStrictEqual(polls, [0])
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(polls, [0, 1400])
        })
      )
    })

    const pieces = (requestId: string) => {
      const [line, done] = [JSON.stringify(event.line("a line")), JSON.stringify(event.runtimeDone(requestId))]
      const [head, rest] = cutPosts({ event: line, after: [done], places: [placesOf(line)[3]!], isFramed: true })
      return { head: head!.toString(), rest: rest!.toString() }
    }

    it.effect("hears of the end in the post that continues one which Lambda has cut", () => {
      const { invoke, layer, polls, post, send, transport } = makeProgram()
      const { head, rest } = pieces("r1")
      return running(
        layer,
        Effect.gen(function*() {
          yield* invoke("r1", 60_000)
          yield* send(event.start("r1"))
          yield* post(head)
          yield* TestClock.adjust("900 millis")
          assert.deepStrictEqual(polls, [0])
          yield* post(rest)
          assert.deepStrictEqual(polls, [0, 900])
          const bodies = transport.exchanges.map(({ request }) => Buffer.from(request.body ?? "").toString("utf8"))
          assert.include(bodies.join(), "\"record\":\"a line\"")
        })
      )
    })

    it.effect("waits for the end as ever when a post that Lambda has cut was joined", () => {
      const { invoke, layer, polls, post, send } = makeProgram()
      const { head, rest } = pieces("another call")
      return running(
        layer,
        Effect.gen(function*() {
          yield* invoke("r1", 60_000)
          yield* send(event.start("r1"))
          yield* post(head)
          yield* post(rest)
          yield* TestClock.adjust("5 seconds")
          assert.deepStrictEqual(polls, [0])
          yield* send(event.runtimeDone("r1"))
          assert.deepStrictEqual(polls, [0, 5000])
        })
      )
    })

    it.effect("ends the wait after a second of silence when a post that Lambda has cut goes on in none", () => {
      const { invoke, layer, polls, post, send } = makeProgram()
      return running(
        layer,
        Effect.gen(function*() {
          yield* invoke("r1", 60_000)
          yield* send(event.start("r1"))
          yield* post(pieces("r1").head)
          yield* TestClock.adjust("999 millis")
          assert.deepStrictEqual(polls, [0])
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(polls, [0, 1000])
        })
      )
    })

    const gaps = [
      ["a malformed post has come", "this is no JSON"],
      ["a cut post has come", "[{\"time\":\"2026-11-22T10:0"],
      ["the platform has dropped events", JSON.stringify([event.logsDropped])]
    ] as const
    for (const [what, text] of gaps) {
      it.effect(`ends the wait after a second of silence once ${what}`, () => {
        const { invoke, layer, polls, post, send } = makeProgram()
        return running(
          layer,
          Effect.gen(function*() {
            yield* invoke("r1", 60_000)
            yield* send(event.start("r1"))
            yield* TestClock.adjust("5 seconds")
            assert.deepStrictEqual(polls, [0])
            yield* post(text)
            yield* TestClock.adjust("800 millis")
            yield* send(event.line("still here"))
            yield* TestClock.adjust("999 millis")
            assert.deepStrictEqual(polls, [0])
            yield* TestClock.adjust("1 millis")
            assert.deepStrictEqual(polls, [0, 6800])
          })
        )
      })
    }
  })

  describe("flushing", () => {
    const call = Effect.fnUntraced(function*(program: ReturnType<typeof makeProgram>, timeoutMs: number) {
      yield* program.invoke("r1", timeoutMs)
      yield* program.send(event.start("r1"), event.line("hello"), event.runtimeDone("r1"))
    })

    it.effect("waits for OpenObserve no longer than O2_FLUSH_BUDGET_MS", () => {
      const program = makeProgram({ transport: makeControlledTransport(), env: { O2_FLUSH_BUDGET_MS: "700" } })
      return running(
        program.layer,
        Effect.gen(function*() {
          yield* call(program, 60_000)
          yield* TestClock.adjust("699 millis")
          assert.deepStrictEqual(program.polls, [0])
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(program.polls, [0, 700])
          assert.strictEqual(program.transport.inFlight(), 1)
        })
      )
    })

    it.effect("waits for OpenObserve no longer than until 500 ms before the deadline", () => {
      const program = makeProgram({ transport: makeControlledTransport() })
      return running(
        program.layer,
        Effect.gen(function*() {
          yield* call(program, 1500)
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(program.polls, [0, 1000])
        })
      )
    })

    it.effect("does not wait while OpenObserve is known to take nothing", () => {
      const program = makeProgram({ transport: makeControlledTransport(() => ({ status: 401 })) })
      return running(
        program.layer,
        Effect.gen(function*() {
          yield* call(program, 60_000)
          yield* program.invoke("r2")
          yield* program.send(event.start("r2"), event.line("more"), event.runtimeDone("r2"))
          assert.deepStrictEqual(program.polls, [0, 0, 0])
          assert.strictEqual(program.transport.exchanges.length, 1)
        })
      )
    })

    it.effect("sends what has got old while a long call still runs", () => {
      const program = makeProgram({ env: { O2_FLUSH_INTERVAL_MS: "5000" } })
      return running(
        program.layer,
        Effect.gen(function*() {
          yield* program.invoke("r1", 60_000)
          yield* program.send(event.start("r1"), event.line("early"))
          yield* TestClock.adjust("4999 millis")
          assert.strictEqual(program.transport.exchanges.length, 0)
          yield* TestClock.adjust("1 millis")
          assert.strictEqual(program.transport.exchanges.length, 1)
          assert.deepStrictEqual(program.polls, [0])
        })
      )
    })
  })
})
