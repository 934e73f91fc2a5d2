/** Calls to the function before the program, and what came of them. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Program } from "./program.ts"
import { event } from "./program.ts"

/** A call that goes on, and what it has written. */
export const begin = Effect.fnUntraced(
  function*({ invoke, send }: Program, requestId: string, timeoutMs?: number, ...lines: ReadonlyArray<string>) {
    yield* invoke(requestId, timeoutMs)
    yield* send(event.start(requestId), ...lines.map(event.line))
  }
)

/** The end of an earlier call: the program knows from then on that ends are told here. */
export const anEnd = event.runtimeDone("r0")

/** A call that was over before anybody heard of it: all about it comes in one post. */
export const call = Effect.fnUntraced(function*({ invoke, send }: Program, requestId: string, timeoutMs?: number) {
  yield* invoke(requestId, timeoutMs)
  yield* send(event.start(requestId), event.line(`line of ${requestId}`), event.runtimeDone(requestId))
})

/** The end of a call as the stream tells it, with how long the call took. */
export const doneAfter = (requestId: string, durationMs: number) => ({
  ...event.runtimeDone(requestId),
  record: { requestId, status: "success", metrics: { durationMs } }
})

/** Calls of the given duration, one after the other at the given distance, each with a line. */
export const calls = Effect.fnUntraced(
  function*({ invoke, send }: Program, from: number, to: number, lasting = 20, every = 1000) {
    for (let n = from; n < to; n++) {
      yield* invoke(`r${n}`, 60_000)
      yield* send(event.start(`r${n}`), event.line(`line ${n}`))
      yield* TestClock.adjust(lasting)
      yield* send(doneAfter(`r${n}`, lasting))
      yield* TestClock.adjust(every - lasting)
    }
  }
)

/** How often `/next` has been asked for, and when last. */
export const asked = ({ polls }: Program) => [polls.length - 1, polls.at(-1)]

/** How often each text has been sent. */
export const timesSent = ({ transport }: Program, ...texts: ReadonlyArray<string>) =>
  texts.map((text) => transport.exchanges.filter(({ request }) => String(request.body).includes(`"${text}"`)).length)
