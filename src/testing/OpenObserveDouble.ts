/**
 * An OpenObserve in memory, for tests: it takes `_json` posts over a real socket, answers as a v0.91.5 was observed to,
 * gives back what it stored, and misbehaves on request.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { basic } from "./openobserve/Authentication.ts"
import type { Fault, RequestFault } from "./openobserve/Faults.ts"
import type { ReceivedRequest } from "./openobserve/Recorder.ts"
import { Server } from "./openobserve/Server.ts"
import type { StoredRecord } from "./openobserve/Store.ts"

export { Fault } from "./openobserve/Faults.ts"
export type { BodyFault, FaultTarget, RequestFault } from "./openobserve/Faults.ts"
export type { ReceivedRequest } from "./openobserve/Recorder.ts"
export type { StoredRecord } from "./openobserve/Store.ts"

// --- Errors ---

/** The double's port cannot be listened on. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message() {
    return `cannot listen on port ${this.port}: ${String(this.cause)}`
  }
}

/** The records that a test waited for did not come. */
export class RecordsMissing extends Schema.TaggedError<RecordsMissing>()("RecordsMissing", {
  stream: Schema.String,
  expected: Schema.Int,
  stored: Schema.Int,
  requests: Schema.Int,
  lastAnswer: Schema.String
}) {
  override get message() {
    const seen = this.requests === 0 ? "no request came" : `${this.requests} requests came, ${this.lastAnswer}`
    return `${this.stream} holds ${this.stored} of the ${this.expected} records waited for; ${seen}`
  }
}

/** What went wrong around the double. */
export class DoubleError extends Schema.TaggedError<DoubleError>()("DoubleError", {
  reason: Schema.Union([ListenFailed, RecordsMissing])
}) {
  override get message() {
    return this.reason.message
  }
}

// --- Options ---

/** The installation to imitate. */
export interface OpenObserveDoubleOptions {
  /** Default `root@example.com`. */
  readonly user?: string
  /** Default `Complexpass#123`. */
  readonly password?: string
  /** The ingestion token; default `o2oi_` and 32 characters. */
  readonly passcode?: string
  /** `cloud` answers overload and quota with 429, takes 200 columns and refuses reserved streams; default `oss`. */
  readonly flavour?: "oss" | "cloud"
  /** Most different columns of one batch; default 1000, cloud 200. */
  readonly columnLimit?: number
  /** Largest body after decompression; default 209 715 200. */
  readonly payloadLimitBytes?: number
  /** A path before `/api`, like ZO_BASE_URI; default none. */
  readonly basePath?: string
  /** Serves https with this PEM key and certificate. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Default 0: a free one. */
  readonly port?: number
}

/** Default of ZO_COLS_PER_RECORD_LIMIT, and what OpenObserve Cloud sets it to. */
const COLUMN_LIMIT = { oss: 1000, cloud: 200 }

/** Default of ZO_PAYLOAD_LIMIT, 200 MiB. */
const PAYLOAD_LIMIT_BYTES = 209_715_200

/** Shaped like an organization's ingestion token: `o2oi_` and 32 characters. */
const PASSCODE = "o2oi_Dq7mX2vK9sLw4tRb8yNc3fHg6jPz1aEu"

const ORGANIZATION = "default"

/** How long `awaitRecords` waits unless told: far more than a local round trip takes, less than a test's time-out. */
const AWAIT_TIMEOUT = Duration.seconds(4)

// --- Service ---

/** An OpenObserve server in this process. */
export class OpenObserveDouble extends Context.Service<OpenObserveDouble, {
  /** `http://127.0.0.1:<port>` and the base path. */
  readonly url: string
  /** A value of the Authorization header that is accepted everywhere. */
  readonly authorization: string
  /** A value of the Authorization header with the ingestion token, good for posts only. */
  readonly ingestionAuthorization: string
  /** Every request that was answered or never will be, in order of arrival. */
  readonly requests: Effect.Effect<ReadonlyArray<ReceivedRequest>>
  /** Stored records of a stream in order of `_timestamp` (ties in order of arrival); empty for an unknown stream. */
  readonly records: (stream: string, organization?: string) => Effect.Effect<ReadonlyArray<StoredRecord>>
  /** Completes once the stream holds at least `count` records; the time-out runs on the test's clock. */
  readonly awaitRecords: (
    stream: string,
    count: number,
    timeout?: Duration.Input,
    organization?: string
  ) => Effect.Effect<ReadonlyArray<StoredRecord>, DoubleError>
  /** Replaces the standing fault of `_json` posts until changed again; `undefined` heals. */
  readonly setFault: (fault: Fault | undefined) => Effect.Effect<void>
  /** Appends faults for the next `_json` posts with records, one each, before the standing one. */
  readonly nextFaults: (faults: ReadonlyArray<RequestFault>) => Effect.Effect<void>
  /** Delays what is done with a request below `/api/`; a batch is stored even when its client is gone by then. */
  readonly setLatency: (millis: number) => Effect.Effect<void>
  /** Forgets requests, records and pending faults; a standing fault and the latency stay. */
  readonly clear: Effect.Effect<void>
}>()("o2-lambda-extension/testing/OpenObserveDouble") {
  static readonly layer = (options: OpenObserveDoubleOptions = {}): Layer.Layer<OpenObserveDouble, DoubleError> =>
    Layer.effect(OpenObserveDouble, make(options))
}

const make = Effect.fnUntraced(function*(options: OpenObserveDoubleOptions) {
  const { flavour = "oss", port = 0 } = options
  const basePath = (options.basePath ?? "").replace(/\/+$/, "")
  const credentials = {
    user: options.user ?? "root@example.com",
    password: options.password ?? "Complexpass#123",
    passcode: options.passcode ?? PASSCODE
  }
  const server = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const server = new Server({
          credentials,
          isCloud: flavour === "cloud",
          columnLimit: options.columnLimit ?? COLUMN_LIMIT[flavour],
          payloadLimitBytes: options.payloadLimitBytes ?? PAYLOAD_LIMIT_BYTES,
          basePath,
          port,
          tls: options.tls
        })
        await server.listen()
        return server
      },
      catch: (cause) => new DoubleError({ reason: new ListenFailed({ port, cause }) })
    }),
    (server) => Effect.promise(() => server.close())
  )
  const { store } = server

  const awaitRecords = (
    stream: string,
    count: number,
    timeout: Duration.Input = AWAIT_TIMEOUT,
    organization = ORGANIZATION
  ) =>
    Effect.callback<ReadonlyArray<StoredRecord>>((resume) => {
      const check = () => {
        if (store.count(organization, stream) < count) return
        stop()
        resume(Effect.sync(() => store.records(organization, stream)))
      }
      const stop = store.onAppend(check)
      check()
      return Effect.sync(stop)
    }).pipe(Effect.timeoutOrElse({
      duration: timeout,
      orElse: () => {
        const last = server.requests.at(-1)
        const reason = new RecordsMissing({
          stream: `${organization}/${stream}`,
          expected: count,
          stored: store.count(organization, stream),
          requests: server.requests.length,
          lastAnswer: last === undefined ? "" : `the last one ended with ${last.status} ${last.answer.slice(0, 200)}`
        })
        return Effect.fail(new DoubleError({ reason }))
      }
    }))

  return OpenObserveDouble.of({
    url: `${server.origin}${basePath}`,
    authorization: basic(credentials.user, credentials.password),
    ingestionAuthorization: basic(credentials.user, credentials.passcode),
    requests: Effect.sync(() => server.requests),
    records: (stream, organization = ORGANIZATION) => Effect.sync(() => store.records(organization, stream)),
    awaitRecords,
    // Fails only when somebody else took the port meanwhile, and then no test can go on.
    setFault: (fault) => Effect.promise(() => server.setFault(fault)),
    nextFaults: (faults) => Effect.sync(() => void server.nextFaults.push(...faults)),
    setLatency: (millis) =>
      Effect.sync(() => {
        server.latencyMillis = millis
      }),
    clear: Effect.sync(() => server.clear())
  })
})
