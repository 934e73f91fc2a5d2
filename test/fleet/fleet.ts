/**
 * A fleet of sandboxes and one OpenObserve that is away for a while, on test clocks.
 *
 * Sandboxes know nothing of each other, and what the server does depends on the time alone. So they are simulated one
 * after the other, each on a clock of its own, and their requests are added up by the second: the sum is the same.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { START } from "../support/fakes/program.ts"
import { withThaws } from "../support/fakes/thaws.ts"
import { extension, type Host, plainRetry, twoSignals } from "./clients.ts"
import { type Figures, figuresOf, type SandboxResult } from "./figures.ts"
import { type Absence, type FleetServer, makeFleetServer, StoredRecords, type Timeline } from "./FleetServer.ts"
import { planCalls } from "./plan.ts"

const clients = { extension, plainRetry, twoSignals }

/** What is simulated. Equal scenarios give equal figures. */
export interface Scenario {
  readonly sandboxes: number
  readonly client: keyof typeof clients
  readonly host: Host
  readonly absence: Absence
  readonly seed: string
}

const MINUTE_MS = 60_000

/** Five minutes of ordinary life, ten away, and ten more, in which nearly every sandbox is called again. */
const timeline: Timeline = {
  steadyFrom: MINUTE_MS,
  awayFrom: 5 * MINUTE_MS,
  backFrom: 15 * MINUTE_MS,
  end: 25 * MINUTE_MS
}

/** Runs the whole fleet. */
export const simulate = Effect.fnUntraced(function*(scenario: Scenario): Effect.fn.Return<Figures> {
  const server = makeFleetServer(START, timeline, scenario.absence)
  const results: Array<SandboxResult> = []
  for (let index = 0; index < scenario.sandboxes; index++) results.push(yield* simulateOne(scenario, index, server))
  return figuresOf(timeline, server.requests, results)
})

const simulateOne = Effect.fnUntraced(
  function*({ client, host, seed }: Scenario, index: number, server: FleetServer): Effect.fn.Return<SandboxResult> {
    const calls = yield* Random.withSeed(planCalls(timeline.end), `${seed}: calls of ${index}`)
    const stored = new StoredRecords()
    const life = withThaws((freeze) => {
      const waitUntil = Effect.fnUntraced(function*(at: number) {
        const millis = Math.max(0, START + at - (yield* Clock.currentTimeMillis))
        yield* host === "lambda" ? freeze(millis) : TestClock.adjust(millis)
      })
      return clients[client](
        server.transport(stored),
        host,
        ({ call, heldBytes, left, written }) =>
          Effect.gen(function*() {
            let mostHeldBytes = 0
            for (const [number, planned] of calls.entries()) {
              yield* waitUntil(planned.at)
              yield* call(planned, number)
              mostHeldBytes = Math.max(mostHeldBytes, yield* heldBytes)
            }
            yield* waitUntil(timeline.end)
            return { left, mostHeldBytes, written: yield* written }
          })
      )
    })
    // ends with the sandbox, which delivers what it still holds
    const { left, mostHeldBytes, written } = yield* life.pipe(
      Random.withSeed(`${seed}: chance of ${index}`),
      Effect.provide(TestClock.layer({ warningDelay: "1 minute" })),
      Effect.orDie
    )
    return {
      mostHeldBytes,
      written,
      stored: stored.size,
      left: yield* left,
      duplicated: stored.duplicated,
      backlogMs: Math.max(0, stored.backlogGoneAt - START - timeline.backFrom)
    }
  }
)
