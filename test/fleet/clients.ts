/** What runs in the simulated sandboxes: the whole extension, and beside it what it is compared with. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../src/delivery/Buffer.ts"
import type { Destination } from "../../src/delivery/Destination.ts"
import { isBalanced } from "../../src/delivery/Books.ts"
import { Ledger } from "../../src/delivery/Ledger.ts"
import { OpenObserveSink } from "../../src/delivery/OpenObserveSink.ts"
import { Transport } from "../../src/platform/Transport.ts"
import { makeDestination } from "../support/destinations.ts"
import { makeControlledTransport } from "../support/fakes/ControlledTransport.ts"
import { makeProgram, running } from "../support/fakes/program.ts"
import { eventsOf, type PlannedCall, spansOf } from "./plan.ts"

/** Where a sandbox runs: frozen between calls, as on Lambda, or never, as on Lambda Managed Instances. */
export type Host = "lambda" | "managed"

/** What does a sandbox's calls. */
interface Client {
  /** One call, from its start to the moment from which the sandbox may be frozen. */
  readonly call: (call: PlannedCall, index: number) => Effect.Effect<void>
  readonly heldBytes: Effect.Effect<number>
  /** Records that were written so far. */
  readonly written: Effect.Effect<number>
  /**
   * Records that the end has left on the disk, or had no time for: files take real time, of which a test's clock knows
   * nothing. Known after the end.
   */
  readonly left: Effect.Effect<number>
}

/** Runs a client and what is done with it. */
type RunClient = <A>(
  transport: Layer.Layer<Transport>,
  host: Host,
  use: (client: Client) => Effect.Effect<A>
) => Effect.Effect<A, unknown>

/** Time-out of the function. */
const CALL_TIMEOUT_MS = 30_000

/** Steps in which the end of a call is looked for. */
const STEP_MS = 100

/**
 * The whole program with its default settings, but uncompressed: compressing takes real time, and changes no count.
 * Each call has records for the `others`, too.
 */
const runProgram = (others: ReadonlyArray<Destination>): RunClient => (transport, host, use) => {
  const { invoke, layer, polls, send } = makeProgram({
    transport: { ...makeControlledTransport(), layer: transport },
    isManagedInstance: host === "managed",
    others
  })
  return running(
    layer,
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      const ledger = yield* Ledger
      const sink = yield* OpenObserveSink
      const context = yield* Effect.context<LogBuffer>()
      const write = Effect.fnUntraced(function*(call: PlannedCall, index: number) {
        for (const other of others) yield* sink.accept(other, spansOf(call, index, yield* Clock.currentTimeMillis))
        yield* Effect.provideContext(send(...eventsOf(call, index, yield* Clock.currentTimeMillis)), context)
      }, Effect.orDie)
      const onLambda = Effect.fnUntraced(function*(call: PlannedCall, index: number) {
        const polled = polls.length
        yield* invoke(`r${index}`, CALL_TIMEOUT_MS)
        yield* TestClock.adjust(call.durationMs)
        yield* write(call, index)
        while (polls.length === polled) yield* TestClock.adjust(STEP_MS)
      })
      return yield* use({
        call: host === "lambda" ? onLambda : write,
        heldBytes: Effect.map(buffer.state, (state) => state.heldBytes),
        written: Effect.flatMap(ledger.snapshot, (books) =>
          isBalanced(books)
            ? Effect.succeed(books.logs.received.records + books.traces.received.records)
            : Effect.die(new Error(`unbalanced: ${JSON.stringify(books)}`))),
        left: Effect.map(ledger.snapshot, ({ logs, traces }) => {
          const ofSignal = ({ dropped, spilled }: typeof logs) => spilled.records + (dropped.shutdown?.records ?? 0)
          return ofSignal(logs) + ofSignal(traces)
        })
      })
    })
  )
}

/** The extension as most use it. */
export const extension = runProgram([])

/** The extension with a second way to the same server. */
export const twoSignals = runProgram([makeDestination({
  name: "traces",
  signal: "traces",
  url: new URL("https://openobserve.test/api/default/v1/traces")
})])

/** Longest wait after a call, time-out of a request, first and longest delay: the extension's defaults. */
const FLUSH_BUDGET_MS = 2000
const REQUEST_TIMEOUT = Duration.seconds(30)
const FIRST_DELAY = Duration.seconds(1)
const LONGEST_DELAY = Duration.seconds(30)

/** What many clients do: a request for each call, repeated until it is taken, whatever happens to the others. */
export const plainRetry: RunClient = (transport, host, use) =>
  Effect.gen(function*() {
    const { exchange } = yield* Transport
    const deliveries = yield* FiberSet.make<void>()
    let heldBytes = 0
    let written = 0
    const delays = Schedule.min([Schedule.exponential(FIRST_DELAY), Schedule.spaced(LONGEST_DELAY)])
    const deliver = (body: string) =>
      exchange({ method: "POST", url: new URL("https://openobserve.test"), headers: {}, body }).pipe(
        Effect.timeout(REQUEST_TIMEOUT),
        Effect.retry(delays),
        Effect.andThen(Effect.sync(() => void (heldBytes -= body.length))),
        Effect.orDie
      )
    const call = Effect.fnUntraced(function*(call: PlannedCall, index: number) {
      if (host === "lambda") yield* TestClock.adjust(call.durationMs)
      const now = yield* Clock.currentTimeMillis
      const records = eventsOf(call, index, now).map((event) => Object.assign({ _timestamp: now * 1000 }, event))
      const body = JSON.stringify(records)
      written += records.length
      heldBytes += body.length
      yield* FiberSet.run(deliveries, deliver(body))
      if (host === "managed") return
      while ((yield* FiberSet.size(deliveries)) > 0 && (yield* Clock.currentTimeMillis) < now + FLUSH_BUDGET_MS) {
        yield* TestClock.adjust(STEP_MS)
      }
    })
    return yield* use({
      call,
      heldBytes: Effect.sync(() => heldBytes),
      written: Effect.sync(() => written),
      left: Effect.succeed(0)
    })
  }).pipe(Effect.scoped, Effect.provide(transport))
