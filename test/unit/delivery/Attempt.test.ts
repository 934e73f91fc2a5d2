import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Zlib from "node:zlib"
import type { Batch } from "../../../src/delivery/Batch.ts"
import * as Attempt from "../../../src/delivery/Attempt.ts"
import {
  Transport,
  TransportError,
  type TransportRequest,
  type TransportResponse
} from "../../../src/platform/Transport.ts"
import { makeDestination } from "../../support/destinations.ts"
import { withFreezes } from "../../support/fakes/freezes.ts"

/** Attempts a batch with the time-out in ms. */
const send = (
  transport: Transport["Service"],
  batch: Batch,
  options?: Attempt.SendOptions & { readonly timeoutMs?: number }
) => Attempt.send({ transport, requestTimeoutMs: options?.timeoutMs ?? 30_000 }, batch, options)

const makeBatch = (overrides: Partial<Batch> = {}): Batch => ({
  destination: makeDestination(),
  id: 0,
  tally: { records: 2, bytes: 10 },
  oldestTimestamp: 0,
  body: Buffer.from("[{},{}]"),
  coding: "identity",
  ...overrides
})

type Exchanged = Effect.Effect<TransportResponse, TransportError>

/** A transport that gives its answers in turn, the last of them for ever, and remembers what it was asked for. */
const makeTransport = (...answers: readonly [Exchanged, ...ReadonlyArray<Exchanged>]) => {
  const requests: Array<TransportRequest> = []
  const steps: Array<"exchange" | "dropIdle"> = []
  const transport = Transport.of({
    exchange: (request) =>
      Effect.suspend(() => {
        steps.push("exchange")
        requests.push(request)
        return answers[requests.length - 1] ?? answers.at(-1)!
      }),
    dropIdle: Effect.sync(() => void steps.push("dropIdle"))
  })
  return { requests, steps, transport }
}

/** How a kept connection breaks that had been dead for long. */
const stale = new TransportError({ code: "ECONNRESET", host: "h:1", isSent: true, isStale: true })

const answerOf = (status: number, body: string): TransportResponse => ({ status, headers: {}, body })
const storedNothing = answerOf(200, "{\"code\":200,\"status\":[{\"name\":\"s\",\"successful\":0,\"failed\":0}]}")
const stored = answerOf(200, "{\"code\":200,\"status\":[{\"name\":\"s\",\"successful\":2,\"failed\":0}]}")

describe("Attempt", () => {
  describe("post", () => {
    it.effect("sends what the destination says, and names the coding of a compressed body only", () =>
      Effect.gen(function*() {
        const { requests, transport } = makeTransport(Effect.succeed(stored))
        const destination = makeDestination({ headers: () => ({ authorization: "Basic eDp5" }) })
        const post = (body: Uint8Array, coding: Batch["coding"]) =>
          Attempt.post({ transport, requestTimeoutMs: 1000 }, destination, body, coding)
        yield* post(destination.probe, "identity")
        yield* post(Buffer.from([1]), "gzip")
        const [plain, compressed] = requests
        const headers = { "authorization": "Basic eDp5", "user-agent": "o2-lambda-extension" }
        assert.deepEqual({ ...plain, url: plain?.url.href }, {
          method: "POST",
          url: destination.url.href,
          headers,
          body: destination.probe,
          connectTimeoutMs: 1500
        })
        assert.deepEqual(compressed?.headers, { ...headers, "content-encoding": "gzip" })
      }))

    it.effect("shows an answer as the destination redacts it", () =>
      Effect.gen(function*() {
        const { transport } = makeTransport(Effect.succeed(answerOf(500, "bad header secret")))
        const destination = makeDestination({
          redact: (response) => ({ ...response, body: "bad header ***" })
        })
        const { verdict } = yield* send(transport, makeBatch({ destination }))
        assert.strictEqual(verdict.detail, "HTTP 500: bad header ***")
      }))
  })

  describe("send", () => {
    it.effect("reads the answer with the number of records in mind", () =>
      Effect.gen(function*() {
        const { requests, transport } = makeTransport(Effect.succeed(stored))
        const batch = makeBatch()
        const outcome = yield* send(transport, batch)
        assert.deepEqual(outcome, {
          verdict: { _tag: "Accepted", stored: 2, refused: 0, detail: undefined },
          unanswered: 0,
          isSuspect: false,
          refusesCoding: false
        })
        assert.strictEqual(requests[0]?.body, batch.body)
      }))

    it.effect("is not uncertain when there was an answer, whatever it says", () =>
      Effect.gen(function*() {
        const { transport } = makeTransport(Effect.succeed(answerOf(503, "")))
        const { unanswered, verdict } = yield* send(transport, makeBatch())
        assert.strictEqual(verdict._tag, "Retry")
        assert.strictEqual(unanswered, 0)
      }))

    it.effect("is repeated at once on a new connection when a kept one was dead", () =>
      Effect.gen(function*() {
        const { requests, steps, transport } = makeTransport(Effect.fail(stale), Effect.succeed(stored))
        const { unanswered, verdict } = yield* send(transport, makeBatch())
        assert.strictEqual(verdict._tag, "Accepted")
        // the server may have taken the first before it closed
        assert.strictEqual(unanswered, 1)
        assert.deepStrictEqual(steps, ["exchange", "dropIdle", "exchange"])
        assert.strictEqual(requests[0]?.body, requests[1]?.body)
      }))

    it.effect("is repeated once only, however connections break: the batch itself may break them", () =>
      Effect.gen(function*() {
        const { requests, transport } = makeTransport(Effect.fail(stale))
        const { unanswered, verdict } = yield* send(transport, makeBatch())
        assert.deepEqual([verdict._tag, unanswered], ["Retry", 2])
        assert.deepStrictEqual(requests.map(({ body }) => String(body)), ["[{},{}]", "[{},{}]", "[]"])
      }))

    describe("after a reset", () => {
      const reset = Effect.fail(new TransportError({ code: "EPIPE", host: "h:1", isSent: true, isStale: false }))
      const after = (answer: Exchanged) =>
        Effect.gen(function*() {
          const { transport } = makeTransport(reset, answer)
          return yield* send(transport, makeBatch())
        })

      it.effect("suspects the batch when an empty request is taken", () =>
        Effect.gen(function*() {
          const { isSuspect, unanswered, verdict } = yield* after(Effect.succeed(storedNothing))
          assert.deepEqual([isSuspect, unanswered, verdict._tag], [true, 1, "Retry"])
        }))

      it.effect("finds wrong credentials that the reset has hidden", () =>
        Effect.gen(function*() {
          const { isSuspect, unanswered, verdict } = yield* after(
            Effect.succeed(answerOf(401, "Unauthorized Access"))
          )
          // nothing is stored without credentials
          assert.deepEqual([isSuspect, unanswered], [false, 0])
          assert.isTrue(verdict._tag === "Misconfigured" && verdict.remedy.includes("O2_AUTHORIZATION_HEADER"))
        }))

      it.effect("takes it for an outage when the empty request fails as well", () =>
        Effect.gen(function*() {
          const { isSuspect, verdict } = yield* after(reset)
          assert.isTrue(!isSuspect && verdict._tag === "Retry")
        }))
    })

    describe("after 403", () => {
      const after = (answer: Exchanged) =>
        Effect.gen(function*() {
          const { transport } = makeTransport(Effect.succeed(answerOf(403, "Request blocked")), answer)
          return yield* send(transport, makeBatch())
        })

      it.effect("suspects the batch when an empty request is taken", () =>
        Effect.gen(function*() {
          const { isSuspect, unanswered, verdict } = yield* after(Effect.succeed(storedNothing))
          assert.deepEqual([isSuspect, unanswered, verdict.detail], [true, 0, "HTTP 403: Request blocked"])
        }))

      it.effect("takes it for a wrong setting when the empty request is forbidden as well", () =>
        Effect.gen(function*() {
          const { isSuspect, verdict } = yield* after(Effect.succeed(answerOf(403, "Request blocked")))
          assert.isTrue(!isSuspect && verdict._tag === "Misconfigured")
        }))
    })

    describe("before a server that takes nothing compressed", () => {
      const body = Zlib.gzipSync("[{},{}]")
      const compressed = makeBatch({ coding: "gzip", body })

      it.effect("is repeated uncompressed", () =>
        Effect.gen(function*() {
          const { requests, transport } = makeTransport(Effect.succeed(answerOf(415, "")), Effect.succeed(stored))
          const { refusesCoding, verdict } = yield* send(transport, compressed)
          assert.isTrue(refusesCoding && verdict._tag === "Accepted")
          assert.strictEqual(String(requests[1]?.body), "[{},{}]")
          assert.isUndefined(requests[1]?.headers["content-encoding"])
        }))

      it.effect("is uncompressed from the start once that is known", () =>
        Effect.gen(function*() {
          const { requests, transport } = makeTransport(Effect.succeed(stored))
          const { refusesCoding } = yield* send(transport, compressed, { takesGzip: false })
          assert.isFalse(refusesCoding)
          assert.deepStrictEqual(requests.map(({ body }) => String(body)), ["[{},{}]"])
        }))

      it.effect("does not go on for ever", () =>
        Effect.gen(function*() {
          const { requests, transport } = makeTransport(Effect.succeed(answerOf(415, "")))
          const { verdict } = yield* send(transport, compressed)
          assert.strictEqual(verdict._tag, "Misconfigured")
          assert.strictEqual(requests.length, 2)
        }))
    })

    it.effect("leaves time for reading an answer that came while the sandbox was frozen", () =>
      withFreezes((freeze) =>
        Effect.gen(function*() {
          const answered = yield* Deferred.make<TransportResponse>()
          const { transport } = makeTransport(Deferred.await(answered))
          const attempt = yield* Effect.forkChild(
            send(transport, makeBatch(), { timeoutMs: 700 })
          )
          yield* TestClock.adjust("100 millis")
          yield* freeze(60_000)
          // the time-out is due, and is what runs first
          yield* TestClock.adjust("600 millis")
          yield* Deferred.succeed(answered, stored)
          const { unanswered, verdict } = yield* Fiber.join(attempt)
          assert.isTrue(verdict._tag === "Accepted" && unanswered === 0)
        })
      ))

    for (const isSent of [true, false]) {
      it.effect(`is ${isSent ? "" : "not "}uncertain when the connection broke ${isSent ? "after" : "before"} sending`, () =>
        Effect.gen(function*() {
          const error = new TransportError({ code: "HPE_INVALID_CONSTANT", host: "h:1", isSent, isStale: false })
          const { transport } = makeTransport(Effect.fail(error))
          const { unanswered, verdict } = yield* send(transport, makeBatch())
          assert.deepInclude(verdict, {
            _tag: "Retry",
            detail: "no HTTP is spoken by h:1 (HPE_INVALID_CONSTANT)",
            afterMs: undefined,
            mayBeStored: isSent
          })
          assert.strictEqual(unanswered, isSent ? 1 : 0)
        }))
    }

    it.effect("is uncertain when a proxy may have lost OpenObserve's answer", () =>
      Effect.gen(function*() {
        for (const [status, expected] of [[200, 1], [502, 1], [504, 1], [503, 0], [429, 0]] as const) {
          const { transport } = makeTransport(Effect.succeed(answerOf(status, "<html></html>")))
          const { unanswered, verdict } = yield* send(transport, makeBatch())
          assert.deepEqual([verdict._tag, unanswered], ["Retry", expected], String(status))
        }
      }))

    it.effect("gives up after O2_REQUEST_TIMEOUT_MS, interrupts the exchange, and is uncertain", () =>
      Effect.gen(function*() {
        const started = yield* Deferred.make<void>()
        let isInterrupted = false
        const { transport } = makeTransport(
          Deferred.succeed(started, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() => Effect.sync(() => isInterrupted = true))
          )
        )
        const attempt = yield* Effect.forkChild(send(transport, makeBatch(), { timeoutMs: 700 }))
        yield* Deferred.await(started)
        yield* TestClock.adjust("699 millis")
        assert.isFalse(isInterrupted)
        yield* TestClock.adjust("1 millis")
        const { unanswered, verdict } = yield* Fiber.join(attempt)
        assert.isTrue(isInterrupted && unanswered === 1 && verdict._tag === "Retry")
        assert.include(verdict.detail, "O2_REQUEST_TIMEOUT_MS (700)")
      }))
  })
})
