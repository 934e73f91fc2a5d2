/** Logs and frames side by side: the real sink, buffer, ledger and disk before two servers that fall ill one by one. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Zlib from "node:zlib"
import { ExtensionConfig } from "../../src/config/Config.ts"
import { LogBuffer } from "../../src/delivery/Buffer.ts"
import { type Destination, Destinations } from "../../src/delivery/Destination.ts"
import type { EncodedRecords } from "../../src/delivery/EncodedRecords.ts"
import { isBalanced } from "../../src/delivery/Books.ts"
import { Ledger } from "../../src/delivery/Ledger.ts"
import { OpenObserveSink } from "../../src/delivery/OpenObserveSink.ts"
import { LambdaEnvironment } from "../../src/lambda/LambdaEnvironment.ts"
import { LogsDestination } from "../../src/openobserve/LogsDestination.ts"
import type { TransportRequest } from "../../src/platform/Transport.ts"
import { Spill } from "../../src/spill/Spill.ts"
import { makeCapturedLog } from "./fakes/capturedLog.ts"
import { type Answer, makeControlledTransport } from "./fakes/ControlledTransport.ts"
import { evenChance } from "./fakes/evenChance.ts"
import { framesDestination, framesOf, numbersInFrames, refusedFrames } from "./framesDestination.ts"

// --- Servers -----------------------------------------------------------------

/** One of the two destinations. */
export type Side = "logs" | "frames"

/** Under which signal the books of a side are kept. */
export const signalOf = { logs: "logs", frames: "traces" } as const

/** The side that is not this one. */
export const otherThan = (side: Side): Side => side === "logs" ? "frames" : "logs"

/** A request as a server reads it; `numbers` is empty for one that asks whether records would be taken. */
interface Received {
  readonly numbers: ReadonlyArray<number>
  readonly isCompressed: boolean
}

/** What a server does instead of storing everything. */
type Deed =
  /** Stores, but for these records. */
  | { readonly _tag: "Stores"; readonly refused: ReadonlyArray<number> }
  /** Says that what is in the batch cannot be stored, in its own words. */
  | { readonly _tag: "FindsPoison" }
  | { readonly _tag: "Answers"; readonly answer: Answer }
  /** Gives no answer. */
  | { readonly _tag: "Hangs" }

/** What ails a server; `undefined` where it stores everything. */
export type Fault = (received: Received) => Deed | undefined

/** A server of its own for one side. */
export interface Server {
  fault: Fault | undefined
  /** Numbers of the records that were stored, in that order. */
  readonly stored: Array<number>
  /** Requests with records, as they came. */
  readonly requests: Array<Received>
}

/** The words of a side: how it lists records, accepts, and finds poison. */
interface Dialect {
  readonly read: (body: Buffer) => ReadonlyArray<number>
  readonly accepts: (stored: number, refused: number) => Answer
  readonly poison: Answer
}

const dialects: Readonly<Record<Side, Dialect>> = {
  logs: {
    read: (body) => (JSON.parse(body.toString()) as ReadonlyArray<{ readonly n: number }>).map(({ n }) => n),
    accepts: (successful, failed) => ({
      status: 200,
      body: JSON.stringify({
        code: 200,
        status: [{ name: "default", successful, failed, ...(failed > 0 ? { error: "logs: refused" } : {}) }]
      })
    }),
    poison: { status: 400, body: "{\"code\":400,\"message\":\"SerdeJsonError# …\"}" }
  },
  frames: {
    read: numbersInFrames,
    accepts: (_, refused) => ({ status: 202, body: refused === 0 ? "" : refusedFrames(refused) }),
    poison: { status: 409, body: "a frame cannot be stored" }
  }
}

/** The numbers of the records in a body of a side. */
export const numbersIn = (side: Side, body: Buffer): ReadonlyArray<number> => dialects[side].read(body)

const makeServers = () => {
  const servers: Readonly<Record<Side, Server>> = {
    logs: { fault: undefined, stored: [], requests: [] },
    frames: { fault: undefined, stored: [], requests: [] }
  }
  const answer = (side: Side, received: Received): Answer | undefined => {
    const { fault, requests, stored } = servers[side]
    const { accepts, poison } = dialects[side]
    if (received.numbers.length > 0) requests.push(received)
    const deed = fault?.(received) ?? { _tag: "Stores", refused: [] }
    switch (deed._tag) {
      case "Answers":
        return deed.answer
      case "FindsPoison":
        return poison
      case "Hangs":
        return undefined
      case "Stores": {
        const taken = received.numbers.filter((n) => !deed.refused.includes(n))
        stored.push(...taken)
        return accepts(taken.length, received.numbers.length - taken.length)
      }
    }
  }
  const respond = ({ body, headers, url }: TransportRequest): Answer | undefined => {
    const side = url.host === framesDestination.url.host ? "frames" : "logs"
    const isCompressed = headers["content-encoding"] === "gzip"
    const bytes = Buffer.from(body ?? "")
    return answer(side, { numbers: dialects[side].read(isCompressed ? Zlib.gunzipSync(bytes) : bytes), isCompressed })
  }
  // the transport takes an empty array for a question of its own kind
  const health = () => answer("logs", { numbers: [], isCompressed: false })
  return { servers, transport: makeControlledTransport(respond, health) }
}

// --- Records -----------------------------------------------------------------

/** A line for each number, of so many bytes with its comma, as the encoder of logs hands them over. */
const linesOf = (numbers: ReadonlyArray<number>, lineBytes = 100): EncodedRecords => {
  const lines = numbers.map((n) => {
    const line = `{"_timestamp":${n},"p":"","n":${n}},`
    return line.replace("\"\"", `"${"x".repeat(Math.max(0, lineBytes - line.length))}"`)
  })
  let end = 0
  return {
    bytes: Buffer.from(lines.join("")),
    ends: lines.map((line) => end += line.length),
    oldestTimestamp: Math.min(...numbers),
    columns: new Set()
  }
}

/** Hands records of one side to the sink, all in one piece. */
export const write = Effect.fnUntraced(function*(side: Side, numbers: ReadonlyArray<number>, recordBytes?: number) {
  const sink = yield* OpenObserveSink
  if (side === "frames") yield* sink.accept(framesDestination, framesOf(numbers, recordBytes))
  else yield* sink.accept(yield* LogsDestination, linesOf(numbers, recordBytes))
}, Effect.orDie)

/** The numbers from `first` on, so many. */
export const numbersFrom = (first: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => first + index)

// --- Sink --------------------------------------------------------------------

/** What a test wants of a process. */
export interface SideBySideOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Where batches are spilled to. */
  readonly temporaryDirectory?: string
  /** The sides that this process has; both unless given. */
  readonly sides?: ReadonlyArray<Side>
}

// many small batches, and no time that passes outside the test's clock: compression takes the system's
const settings = {
  O2_ORGANIZATION_ID: "default",
  O2_AUTHORIZATION_HEADER: "Basic eDpzZWNyZXQ=",
  O2_ENDPOINT: "https://openobserve.test",
  O2_COMPRESSION: "none",
  O2_MAX_BATCH_SIZE_KB: "1"
}

/** A process with both sides, its servers and what it logs. */
export const makeSideBySide = ({ env, sides = ["logs", "frames"], temporaryDirectory }: SideBySideOptions = {}) => {
  const { servers, transport } = makeServers()
  const log = makeCapturedLog()
  const environment = Layer.succeed(LambdaEnvironment, {
    runtimeApi: "127.0.0.1:9001",
    extensionName: "o2-lambda-extension",
    region: "eu-west-1",
    logStreamName: undefined,
    isProvisioned: false,
    isManagedInstance: false,
    isSnapStart: false,
    temporaryDirectory: temporaryDirectory ?? "/nowhere",
    registration: undefined
  })
  const destinations = Layer.effect(
    Destinations,
    LogsDestination.useSync((logs) => sides.map((side): Destination => side === "logs" ? logs : framesDestination))
  )
  const layer = Layer.merge(OpenObserveSink.layerNoDeps, Spill.layerNoDeps).pipe(
    Layer.provideMerge(destinations),
    Layer.provideMerge(LogsDestination.layerNoDeps),
    Layer.provideMerge(LogBuffer.layerNoDeps),
    Layer.provideMerge(Ledger.layer),
    Layer.provideMerge(ExtensionConfig.layerEnv({ ...settings, ...env })),
    Layer.provideMerge(Layer.mergeAll(environment, transport.layer, log.layer, evenChance))
  )
  // every process begins with nothing in memory
  return { layer: Layer.fresh(layer), log, servers, transport }
}

/** Flushes as the end of a call does. */
export const flush = (budgetMs = 2000, isLast = false) =>
  OpenObserveSink.use((sink) => sink.flush({ budget: Duration.millis(budgetMs), isLast }))

/** Sends what is open. */
export const deliverAll = OpenObserveSink.use((sink) => sink.deliverAll)

/** The books of every signal; dies when they do not add up. */
export const books = Effect.gen(function*() {
  const snapshot = yield* Ledger.use((ledger) => ledger.snapshot)
  return isBalanced(snapshot) ? snapshot : yield* Effect.die(new Error(`unbalanced: ${JSON.stringify(snapshot)}`))
})

/** Numbers of records in the accounts of a side. */
export const accountsOf = Effect.fnUntraced(function*(side: Side) {
  const { buffered, delivered, dropped, inFlight, received, rejected, replayed, spilled } =
    (yield* books)[signalOf[side]]
  const records = (byReason: Readonly<Partial<Record<string, { readonly records: number }>>>) =>
    Object.fromEntries(Object.entries(byReason).map(([reason, tally]) => [reason, tally?.records]))
  return {
    received: received.records,
    replayed: replayed.records,
    delivered: delivered.records,
    rejected: records(rejected),
    dropped: records(dropped),
    spilled: spilled.records,
    waiting: buffered.records + inFlight.records
  }
})
