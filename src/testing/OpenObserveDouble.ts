/**
 * An OpenObserve in memory, for tests: it takes `_json` posts over a real socket, answers as a v0.91.5 was observed to,
 * gives back what it stored, and misbehaves on request.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { basic } from "./openobserve/Authentication.ts"
import { DoubleError, ListenFailed, RecordsMissing } from "./openobserve/DoubleError.ts"
import type { DoubleOperations } from "./openobserve/DoubleOperations.ts"
import type { OpenObserveDoubleOptions } from "./openobserve/DoubleOptions.ts"
import type { RunningOpenObserve } from "./openobserve/RunningOpenObserve.ts"
import { promised } from "./openobserve/RunningOpenObserve.ts"
import { Server } from "./openobserve/Server.ts"
import type { StoredRecord } from "./openobserve/Store.ts"
import { running } from "./Running.ts"

export { DoubleError, ListenFailed, RecordsMissing } from "./openobserve/DoubleError.ts"
export type { DoubleOperations } from "./openobserve/DoubleOperations.ts"
export type { OpenObserveDoubleOptions } from "./openobserve/DoubleOptions.ts"
export { Fault } from "./openobserve/Faults.ts"
export type { BodyFault, FaultTarget, RequestFault } from "./openobserve/Faults.ts"
export type { ReceivedRequest } from "./openobserve/Recorder.ts"
export type { RunningOpenObserve } from "./openobserve/RunningOpenObserve.ts"
export type { StoredRecord } from "./openobserve/Store.ts"

/** Default of ZO_COLS_PER_RECORD_LIMIT, and what OpenObserve Cloud sets it to. */
const COLUMN_LIMIT = { oss: 1000, cloud: 200 }

/** Default of ZO_PAYLOAD_LIMIT, 200 MiB. */
const PAYLOAD_LIMIT_BYTES = 209_715_200

/** Shaped like an organization's ingestion token: `o2oi_` and 32 characters. */
const PASSCODE = "o2oi_Dq7mX2vK9sLw4tRb8yNc3fHg6jPz1aEu"

const ORGANIZATION = "default"

/** How long `awaitRecords` waits unless told: far more than a local round trip takes, less than a test's time-out. */
const AWAIT_TIMEOUT = Duration.seconds(4)

/**
 * An OpenObserve server in this process; it listens until the layer's scope ends.
 *
 * The layer fails with a `DoubleError` when the port is taken.
 *
 * @category services
 * @since 0.2.0
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Fault, OpenObserveDouble } from "o2-lambda-extension/testing"
 *
 * const program = Effect.gen(function*() {
 *   const openObserve = yield* OpenObserveDouble
 *   yield* openObserve.nextFaults([Fault.memoryOverflow])
 *   const headers = { authorization: openObserve.authorization, "content-type": "application/json" }
 *   const body = JSON.stringify([{ level: "info", message: "hello" }])
 *   const post = Effect.promise(() => fetch(`${openObserve.url}/api/default/app/_json`, { method: "POST", headers, body }))
 *   yield* post
 *   yield* post
 *   return yield* openObserve.awaitRecords("app", 1)
 * }).pipe(Effect.provide(OpenObserveDouble.layer()))
 *
 * export { program }
 * ```
 */
export class OpenObserveDouble extends Context.Service<OpenObserveDouble, DoubleOperations>()(
  "o2-lambda-extension/testing/OpenObserveDouble"
) {
  /**
   * A double that listens; fails when its port is taken.
   *
   * @since 0.2.0
   */
  static readonly layer = (options: OpenObserveDoubleOptions = {}): Layer.Layer<OpenObserveDouble, DoubleError> =>
    Layer.effect(OpenObserveDouble, make(options))

  /**
   * A double for those who do not use Effect: the same operations as promises. It ends with the block that `await using`
   * stands in, or with `close()`.
   *
   * @since 0.2.0
   * @example
   * ```ts
   * import { OpenObserveDouble } from "o2-lambda-extension/testing"
   *
   * await using openObserve = await OpenObserveDouble.start()
   * await fetch(`${openObserve.url}/api/default/app/_json`, {
   *   method: "POST",
   *   headers: { authorization: openObserve.authorization, "content-type": "application/json" },
   *   body: JSON.stringify([{ level: "info", message: "hello" }])
   * })
   * const [record] = await openObserve.awaitRecords("app", 1)
   * if (record?.["message"] !== "hello") throw new Error("something else was stored")
   * ```
   */
  static readonly start = (options: OpenObserveDoubleOptions = {}): Promise<RunningOpenObserve> =>
    running(OpenObserveDouble, OpenObserveDouble.layer(options), promised)
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
