/** A real sink, buffer and ledger before a fake transport. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import { isBalanced } from "../../../src/delivery/Books.ts"
import { Ledger } from "../../../src/delivery/Ledger.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import { Destinations } from "../../../src/delivery/Destination.ts"
import type { EncodedRecords } from "../../../src/delivery/EncodedRecords.ts"
import { LogsDestination } from "../../../src/openobserve/LogsDestination.ts"
import { makeCapturedLog } from "./capturedLog.ts"
import type { Answer, ControlledTransport, Respond } from "./ControlledTransport.ts"
import { makeControlledTransport, recordsOf } from "./ControlledTransport.ts"
import { evenChance } from "./evenChance.ts"

/** Settings with which the first attempt that fails begins an outage. */
export const noRetries = { O2_MAX_RETRIES: "0" }

/** Settings that are complete, and keep request bodies readable. */
export const settings = {
  O2_ORGANIZATION_ID: "default",
  O2_AUTHORIZATION_HEADER: "Basic eDpzZWNyZXQ=",
  O2_ENDPOINT: "https://openobserve.test",
  O2_COMPRESSION: "none"
}

/** A post with one record `{"n":…}` for each number. */
export const postOf = (numbers: ReadonlyArray<number>): EncodedRecords => {
  const ends: Array<number> = []
  let text = ""
  for (const n of numbers) {
    text += `${JSON.stringify({ _timestamp: n, n })},`
    ends.push(text.length)
  }
  return {
    bytes: Buffer.from(text),
    ends,
    oldestTimestamp: Math.min(...numbers),
    columns: new Set()
  }
}

/** Appends numbered records to the open batch of logs, past the sink. */
export const append = Effect.fnUntraced(function*(...numbers: ReadonlyArray<number>) {
  const buffer = yield* LogBuffer
  yield* buffer.append(yield* LogsDestination, postOf(numbers))
})

/** Appends one batch for each list of numbers. */
export const sealBatches = Effect.fnUntraced(function*(...batches: ReadonlyArray<ReadonlyArray<number>>) {
  const buffer = yield* LogBuffer
  for (const numbers of batches) {
    yield* append(...numbers)
    yield* buffer.seal()
  }
})

/** The books of logs; dies when they do not add up. */
export const books = Effect.gen(function*() {
  const ledger = yield* Ledger
  const snapshot = yield* ledger.snapshot
  return isBalanced(snapshot) ? snapshot.logs : yield* Effect.die(new Error(`unbalanced: ${JSON.stringify(snapshot)}`))
})

/** What a test wants of OpenObserve and of the settings. */
export interface SinkOptions {
  /** What answers requests with records; by default the test does. */
  readonly respond?: Respond
  /** What answers empty requests; `hangs` for nothing. */
  readonly health?: () => Answer | undefined
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a test with a sink, the transport before which it stands, and what it logs. */
export const withSink = <Eff extends Effect.Effect<any, any, any>, A>(
  { env, health, respond }: SinkOptions,
  test: (sink: SinkUnderTest) => Generator<Eff, A, never>
) => {
  const transport = makeControlledTransport(respond, health)
  const log = makeCapturedLog()
  const layer = OpenObserveSink.layerNoDeps.pipe(
    Layer.provideMerge(Layer.effect(Destinations, LogsDestination.useSync((logs) => [logs]))),
    Layer.provideMerge(LogsDestination.layerNoDeps),
    Layer.provideMerge(LogBuffer.layerNoDeps),
    Layer.provideMerge(Ledger.layer),
    Layer.provideMerge(ExtensionConfig.layerEnv({ ...settings, ...env })),
    Layer.provideMerge(transport.layer),
    Layer.provideMerge(Layer.merge(log.layer, evenChance))
  )
  return Effect.gen(() => test({ log, transport })).pipe(Effect.provide(layer))
}

interface SinkUnderTest {
  readonly log: ReturnType<typeof makeCapturedLog>
  readonly transport: ControlledTransport
}

/** A server that gives no answer to anything. */
export const hangs = { respond: () => undefined, health: () => undefined }

/** Longer than any retries take. */
const PATIENCE_MS = 600_000

/** Flushes, and says whether everything was delivered. */
export const flush = (budgetMs = PATIENCE_MS, isLast = false) =>
  OpenObserveSink.use((sink) => sink.flush({ budget: Duration.millis(budgetMs), isLast }))

/** Flushes while so much time passes: all of its budget, unless a test says otherwise. */
export const flushDuring = Effect.fnUntraced(
  function*(passing: Duration.Input, budgetMs = Duration.toMillis(passing), isLast = false) {
    const flushing = yield* Effect.forkChild(flush(budgetMs, isLast))
    yield* TestClock.adjust(passing)
    return yield* Fiber.join(flushing)
  }
)

/** Begins to deliver what is due. */
export const deliverDue = OpenObserveSink.use((sink) => sink.deliverDue)

/** Begins to deliver everything. */
export const deliverAll = OpenObserveSink.use((sink) => sink.deliverAll)

/** Says that the sandbox may have been frozen from then on until now. */
export const thawed = (since: number) => OpenObserveSink.use((sink) => sink.thawed(since))

/** What the buffer holds. */
export const bufferState = LogBuffer.use((buffer) => buffer.state)

/** The numbers of so many records. */
export const numbersBelow = (count: number) => Array.from({ length: count }, (_, index) => index)

/** What the requests so far carried, as lists of numbers. */
export const sentBy = (transport: ControlledTransport) =>
  transport.exchanges.map((exchange) => recordsOf(exchange).map(({ n }) => n))
