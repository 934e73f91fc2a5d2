/** Lambda's Extensions API, and the subscription to the Telemetry API: everything we ask of the sandbox. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { LambdaEnvironment } from "./LambdaEnvironment.ts"
import * as ExtensionsApi from "./ExtensionsApi.ts"
import * as TelemetrySubscription from "./TelemetrySubscription.ts"
import { excerpt } from "../platform/ForeignText.ts"
import { Transport, type TransportError, type TransportResponse } from "../platform/Transport.ts"

// --- Errors ------------------------------------------------------------------

/**
 * A call to the sandbox failed.
 *
 * @since 0.2.0
 * @category errors
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Extension from "o2-lambda-extension/Extension"
 *
 * const program = Extension.run().pipe(
 *   Effect.catchTag("ExtensionsError", (error) => Effect.logFatal(error.operation, error.status))
 * )
 * ```
 */
export class ExtensionsError extends Data.TaggedError("ExtensionsError")<{
  readonly operation: "register" | "next" | "subscribe" | "init/error" | "exit/error"
  /** The answer's status; `undefined` when there was none. */
  readonly status: number | undefined
  readonly detail: string
}> {
  override get message() {
    return `${this.operation}: ${this.status === undefined ? "" : `HTTP ${this.status}: `}${this.detail}`
  }
}

// --- Service -----------------------------------------------------------------

/**
 * The client of one extension process. Every call but `register` needs the identifier that `register` got.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { ExtensionsClient } from "o2-lambda-extension/Layers"
 *
 * const name = ExtensionsClient.use((client) => client.register).pipe(
 *   Effect.map((identity) => identity.functionName)
 * )
 * ```
 */
export class ExtensionsClient extends Context.Service<ExtensionsClient, {
  /** Announces this process; only possible during init. */
  readonly register: Effect.Effect<ExtensionsApi.FunctionIdentity, ExtensionsError>
  /** Says "ready" and waits for the next event, without any time-out: the sandbox may be frozen meanwhile. */
  readonly next: Effect.Effect<ExtensionsApi.NextEvent, ExtensionsError>
  /** Has telemetry posted to the port on this machine. */
  readonly subscribe: (
    options: TelemetrySubscription.SubscriptionOptions
  ) => Effect.Effect<TelemetrySubscription.Subscription, ExtensionsError>
  /** Reports that the start failed. The process must exit by itself afterwards. */
  readonly initError: (errorType: string, message: string) => Effect.Effect<void, ExtensionsError>
  /** Reports why the process is about to exit. */
  readonly exitError: (errorType: string, message: string) => Effect.Effect<void, ExtensionsError>
}>()("o2-lambda-extension/ExtensionsClient") {
  static readonly layerNoDeps = Layer.effect(
    ExtensionsClient,
    Effect.gen(function*() {
      const environment = yield* LambdaEnvironment
      const transport = yield* Transport
      const base = `http://${environment.runtimeApi}`
      let identifier = ""

      const call = (
        operation: ExtensionsError["operation"],
        request: {
          readonly method: "GET" | "POST" | "PUT"
          readonly path: string
          readonly headers?: Record<string, string>
          readonly body?: string
        }
      ): Effect.Effect<TransportResponse, ExtensionsError> =>
        // the identifier is known only when the call is made
        Effect.suspend(() =>
          transport.exchange({
            method: request.method,
            url: new URL(base + request.path),
            headers: {
              ...(identifier === "" ? {} : { "lambda-extension-identifier": identifier }),
              ...(request.body === undefined ? {} : { "content-type": "application/json" }),
              ...request.headers
            },
            ...(request.body === undefined ? {} : { body: request.body })
          })
        ).pipe(
          Effect.mapError((error: TransportError) =>
            new ExtensionsError({ operation, status: undefined, detail: error.message })
          ),
          Effect.filterOrFail(
            (response) => response.status >= 200 && response.status < 300,
            (response) =>
              new ExtensionsError({ operation, status: response.status, detail: excerpt(response.body.trim()) })
          )
        )

      const sendRegister = Effect.map(
        call("register", {
          method: "POST",
          path: "/2020-01-01/extension/register",
          headers: {
            "lambda-extension-name": environment.extensionName,
            "lambda-extension-accept-feature": "accountId"
          },
          // Managed Instances refuse INVOKE
          body: JSON.stringify({ events: environment.isManagedInstance ? ["SHUTDOWN"] : ["INVOKE", "SHUTDOWN"] })
        }),
        ({ body, headers, status }) => ({ status, body, identifier: headers["lambda-extension-identifier"] ?? "" })
      )

      const register = Effect.gen(function*() {
        if (environment.runtimeApi === "") {
          const detail =
            "AWS_LAMBDA_RUNTIME_API is not set: an extension runs where Lambda starts it, or a local Lambda"
          return yield* new ExtensionsError({ operation: "register", status: undefined, detail })
        }
        const { body, identifier: received, status } = environment.registration ?? (yield* sendRegister)
        const refusal = (detail: string) => new ExtensionsError({ operation: "register", status, detail })
        if (status !== 200) {
          return yield* refusal(excerpt(body.trim()) || "the connection broke before there was an answer")
        }
        if (received === "") return yield* refusal("the answer has no Lambda-Extension-Identifier")
        identifier = received
        return ExtensionsApi.readRegistration(body)
      }).pipe(
        Effect.mapError((error) =>
          error.status === 403
            ? new ExtensionsError({
              operation: "register",
              status: 403,
              detail:
                `${error.detail}; it asked as "${environment.extensionName}", which must be the full name of its file in /opt/extensions`
            })
            : error
        )
      )

      const requestEvent = Effect.gen(function*() {
        const { body, status } = yield* call("next", { method: "GET", path: "/2020-01-01/extension/event/next" })
        const event = ExtensionsApi.readEvent(body, yield* Clock.currentTimeMillis)
        if (event !== undefined) return event
        return yield* new ExtensionsError({ operation: "next", status, detail: `no event: ${excerpt(body)}` })
      })

      // When our own poll breaks, the platform may go on holding it, and answers 403 to another until it has noticed.
      const next = requestEvent.pipe(
        Effect.tapError((error) =>
          isPassing(error)
            ? Effect.logWarning("polling for the next event failed; asking again", { cause: error.message })
            : Effect.void
        ),
        Effect.catchIf(isPassing, (first) =>
          requestEvent.pipe(
            Effect.retry(
              Schedule.spaced(POLL_RETRY_INTERVAL).pipe(
                Schedule.upTo({ times: POLL_RETRIES }),
                Schedule.setInputType<ExtensionsError>(),
                Schedule.while(({ input }) => isPassing(input) || input.status === 403)
              )
            ),
            Effect.delay(POLL_RETRY_INTERVAL),
            Effect.mapError((error) => error.status === undefined ? first : error)
          ))
      )

      const report = (operation: "init/error" | "exit/error") => (errorType: string, message: string) =>
        call(operation, {
          method: "POST",
          path: `/2020-01-01/extension/${operation}`,
          headers: { "lambda-extension-function-error-type": errorType },
          body: JSON.stringify({ errorMessage: message, errorType, stackTrace: [] })
        }).pipe(Effect.asVoid, within(operation, REPORT_TIMEOUT))

      return ExtensionsClient.of({
        register,
        next,
        subscribe: (options) =>
          TelemetrySubscription.subscribe(
            (path, body) => call("subscribe", { method: "PUT", path, body }),
            { ...options, isManagedInstance: environment.isManagedInstance }
          ).pipe(within("subscribe", SUBSCRIBE_TIMEOUT)),
        initError: report("init/error"),
        exitError: report("exit/error")
      })
    })
  )
}

/** Fails when there is no answer in time. */
const within =
  (operation: ExtensionsError["operation"], duration: Duration.Duration) =>
  <A>(effect: Effect.Effect<A, ExtensionsError>): Effect.Effect<A, ExtensionsError> =>
    Effect.timeoutOrElse(effect, {
      duration,
      orElse: () =>
        Effect.fail(
          new ExtensionsError({ operation, status: undefined, detail: `no answer within ${Duration.format(duration)}` })
        )
    })

// --- Constants ---------------------------------------------------------------

/** Half of the 10 s that init has: a function without logs is better than one that does not start. */
const SUBSCRIBE_TIMEOUT = Duration.seconds(5)

/** A process that reports its own end is to end, whether anybody listens or not. */
const REPORT_TIMEOUT = Duration.seconds(1)

/**
 * Failures of `next` that need not be the end: no answer, one that is no event, or one of something in between. 403 and
 * 500 are the platform's own: it has given this process up.
 */
const isPassing = ({ status }: ExtensionsError): boolean =>
  status === undefined || status < 400 || [429, 502, 503, 504].includes(status)

/** An aborted poll is only forgotten when an event has been lost to it; two minutes cover all but rarely called functions. */
const POLL_RETRIES = 1200
const POLL_RETRY_INTERVAL = Duration.millis(100)
