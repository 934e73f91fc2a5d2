/** The whole program between a fake platform and a fake OpenObserve, on the test's clock. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import { ExtensionConfig } from "../../../src/config/Config.ts"
import * as Extension from "../../../src/lifecycle/Extension.ts"
import { ExtensionsClient } from "../../../src/lambda/ExtensionsClient.ts"
import type { ExtensionsError } from "../../../src/lambda/ExtensionsClient.ts"
import type { NextEvent } from "../../../src/lambda/ExtensionsApi.ts"
import type { Subscription } from "../../../src/lambda/TelemetrySubscription.ts"
import { type Destination, Destinations } from "../../../src/delivery/Destination.ts"
import { additionsOf } from "../../../src/library/Additions.ts"
import { LogPipeline } from "../../../src/logs/LogPipeline.ts"
import { LogsDestination, PlatformDestination } from "../../../src/openobserve/LogsDestination.ts"
import { LambdaEnvironment } from "../../../src/lambda/LambdaEnvironment.ts"
import { Ledger } from "../../../src/delivery/Ledger.ts"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import { RecordEncoder } from "../../../src/logs/RecordEncoder.ts"
import { Spill } from "../../../src/spill/Spill.ts"
import { Invocations } from "../../../src/telemetry/Invocations.ts"
import { type Arrival, TelemetryServer } from "../../../src/telemetry/TelemetryServer.ts"
import { makeCapturedLog } from "./capturedLog.ts"
import type { Answer, ControlledTransport, Respond } from "./ControlledTransport.ts"
import { makeControlledTransport, storeAll } from "./ControlledTransport.ts"
import { settings } from "./sinkUnderTest.ts"

/** Where the test's clock is set to: timestamps near 1970 would be refused as too old. */
export const START = Date.parse("2026-11-22T10:00:00.000Z")

/** What a test wants to differ from a healthy platform and a healthy OpenObserve. */
export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What answers requests with records, instead of storing them. */
  readonly respond?: Respond
  /** What answers empty requests, instead of taking them. */
  readonly health?: () => Answer | undefined
  /** Instead of a transport that answers with `respond`. */
  readonly transport?: ControlledTransport
  readonly subscription?: Effect.Effect<Subscription, ExtensionsError>
  readonly isManagedInstance?: boolean
  readonly isSnapStart?: boolean
  /** Where logs go, instead of what the settings say. */
  readonly destination?: Destination
  /** Where else records can go. */
  readonly others?: ReadonlyArray<Destination>
  /** What an embedder adds. */
  readonly additions?: Parameters<typeof additionsOf>[0]
  /** Where batches are spilled to; without it there is no disk. */
  readonly spill?: Partial<Spill["Service"]>
}

/** A sandbox as its variables describe it: on demand, unless a test wants another. */
const sandboxLayer = (kind: { readonly isManagedInstance?: boolean; readonly isSnapStart?: boolean } = {}) =>
  Layer.succeed(LambdaEnvironment, {
    runtimeApi: "127.0.0.1:9001",
    extensionName: "o2-lambda-extension",
    region: "eu-west-1",
    logStreamName: undefined,
    isProvisioned: false,
    isManagedInstance: kind.isManagedInstance ?? false,
    isSnapStart: kind.isSnapStart ?? false,
    temporaryDirectory: "/nowhere",
    registration: undefined
  })

/** A fake platform, with what it has been asked. */
export const makeProgram = (options: ProgramOptions = {}) => {
  const transport = options.transport ?? makeControlledTransport(options.respond ?? storeAll, options.health)
  const log = makeCapturedLog()
  const events = Effect.runSync(Queue.unbounded<NextEvent, ExtensionsError>())
  const arrivals = Effect.runSync(Queue.unbounded<Arrival>())
  const closing = Latch.makeUnsafe(false)
  /** When `/next` was asked, in ms since `START`. */
  const polls: Array<number> = []
  /** Every other call, in order. */
  const calls: Array<string> = []
  const call = (name: string) => Effect.sync(() => void calls.push(name))

  const client = Layer.mock(ExtensionsClient, {
    register: Effect.as(call("register"), { functionName: "orders", functionVersion: "7" }),
    subscribe: ({ types }) =>
      Effect.andThen(
        call(`subscribe ${types.join()}`),
        options.subscription ??
          Effect.succeed({ _tag: "Subscribed", api: "telemetry", schemaVersion: "2025-01-29" } as const)
      ),
    next: Effect.flatMap(Clock.currentTimeMillis, (now) => {
      polls.push(now - START)
      return Queue.take(events)
    }),
    initError: (type, message) => call(`init/error ${type}: ${message}`),
    exitError: (type, message) => call(`exit/error ${type}: ${message}`)
  })
  const server = Layer.succeed(TelemetryServer, {
    port: 4243,
    path: "/telemetry/unguessable",
    openRoot: Effect.void,
    arrivals,
    close: Effect.andThen(call("close"), closing.open),
    closing: closing.await
  })
  const spill = Layer.mock(Spill, {
    catchUp: () => Effect.void,
    write: () => Effect.succeed({ onDisk: [], notOnDisk: [] }),
    isIdle: Effect.succeed(true),
    ...options.spill
  })
  const environment = sandboxLayer(options)
  const destination = options.destination === undefined
    ? LogsDestination.layerNoDeps
    : Layer.succeed(LogsDestination, options.destination)
  const { above, beneath } = additionsOf(options.additions ?? {}, Context.empty())
  const layer = above.pipe(
    Layer.provideMerge(LogPipeline.layerNoDeps),
    Layer.provideMerge(Invocations.layerNoDeps),
    Layer.provideMerge(RecordEncoder.layerNoDeps),
    Layer.provideMerge(OpenObserveSink.layerNoDeps),
    Layer.provideMerge(Layer.effect(
      Destinations,
      Effect.gen(function*() {
        return [...new Set([yield* LogsDestination, yield* PlatformDestination]), ...options.others ?? []]
      })
    )),
    Layer.provideMerge(PlatformDestination.layerNoDeps),
    Layer.provideMerge(destination),
    Layer.provideMerge(LogBuffer.layerNoDeps),
    Layer.provideMerge(Ledger.layer),
    Layer.provideMerge(beneath),
    Layer.provideMerge(ExtensionConfig.layerEnv({ ...settings, ...options.env })),
    Layer.provideMerge(Layer.mergeAll(client, server, spill, environment, transport.layer, log.layer))
  )

  const invoke = (requestId: string, timeoutMs = 3000) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Queue.offer(events, { eventType: "INVOKE", requestId, deadlineMs: now + timeoutMs })
    )
  const shutdown = (budgetMs = 2000, shutdownReason = "spindown") =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Queue.offer(events, { eventType: "SHUTDOWN", shutdownReason, deadlineMs: now + budgetMs })
    )
  const post = (text: string) =>
    Effect.gen(function*() {
      const buffer = yield* LogBuffer
      const bytes = Buffer.from(text)
      yield* Queue.offer(arrivals, { _tag: "Post", bytes, held: buffer.reserveUnsafe(bytes.length) })
    })
  return {
    calls,
    events,
    layer,
    log,
    polls,
    transport,
    invoke: (requestId: string, timeoutMs?: number) => settled(invoke(requestId, timeoutMs)),
    shutdown: (budgetMs?: number, reason?: string) => settled(shutdown(budgetMs, reason)),
    /** Delivers a post as text, or its events. */
    post: (text: string) => settled(post(text)),
    send: (...events: ReadonlyArray<object>) => settled(post(JSON.stringify(events)))
  }
}

/** A fake platform, with the program beside it. */
export type Program = ReturnType<typeof makeProgram>

/** Runs a test beside the program, from its first `/next` on, and ends the program by a signal if it has not ended. */
export const running = <A, E, R>(layer: Program["layer"], test: Effect.Effect<A, E, R>) => beside(layer, () => test)

/** The same before a platform and an OpenObserve as the test wants them; the fiber is that of the program. */
export const withProgram = <Eff extends Effect.Effect<any, any, any>, A>(
  options: ProgramOptions,
  test: (program: Program, fiber: Started) => Generator<Eff, A, never>
) => {
  const program = makeProgram(options)
  return beside(program.layer, (fiber) => Effect.gen(() => test(program, fiber)))
}

const beside = <A, E, R>(layer: Program["layer"], test: (fiber: Started) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(started, (fiber) => Effect.ensuring(test(fiber), interrupted(fiber))).pipe(Effect.provide(layer))

type Started = Effect.Success<typeof started>

const started = Effect.gen(function*() {
  yield* TestClock.setTime(START)
  const fiber = yield* Effect.forkChild(Extension.run)
  yield* TestClock.adjust(0)
  return fiber
})

/** Interrupts the program as a signal does, and gives it the time it needs. */
export const interrupted = <A, E>(program: Fiber.Fiber<A, E>) =>
  Effect.gen(function*() {
    const interrupting = yield* Effect.forkChild(Fiber.interrupt(program))
    yield* TestClock.adjust("3 seconds")
    yield* Fiber.join(interrupting)
  })

/** Lets everything that can run without time passing run. */
const settled = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.andThen(effect, TestClock.adjust(0))

const time = new Date(START).toISOString()

/** Events as Lambda posts them. */
export const event = {
  start: (requestId: string) => ({ time, type: "platform.start", record: { requestId } }),
  line: (record: string) => ({ time, type: "function", record }),
  runtimeDone: (requestId: string, status = "success") => ({
    time,
    type: "platform.runtimeDone",
    record: { requestId, status }
  }),
  report: (requestId: string) => ({ time, type: "platform.report", record: { requestId, status: "success" } }),
  logsDropped: { time, type: "platform.logsDropped", record: { droppedBytes: 40960, droppedRecords: 112, reason: "?" } }
}
