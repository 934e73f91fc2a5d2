/** Asks the sandbox for telemetry: the Telemetry API in its schema versions, newest first, then the older Logs API. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { excerpt } from "../platform/ForeignText.ts"
import type { TransportResponse } from "../platform/Transport.ts"

/**
 * What came of subscribing.
 *
 * @since 0.2.0
 * @category models
 */
export type Subscription =
  | { readonly _tag: "Subscribed"; readonly api: "telemetry" | "logs"; readonly schemaVersion: string }
  /** The sandbox has neither API (local emulators): life goes on without logs. */
  | { readonly _tag: "Unsupported"; readonly detail: string }

/**
 * What to subscribe to.
 *
 * @since 0.2.0
 * @category models
 */
export interface SubscriptionOptions {
  /** The port on this machine that telemetry is posted to. */
  readonly port: number
  /** The path there, with its slash. */
  readonly path: string
  readonly types: ReadonlyArray<string>
  /** Bytes of events after which a post leaves; one post can be twice as large. */
  readonly maxBytes: number
  /** Events after which a post leaves. */
  readonly maxItems: number
}

/** Sends a JSON body with PUT; fails when the answer's status is none of the 200s. */
export type Put<E> = (path: string, body: string) => Effect.Effect<TransportResponse, E>

/** Newest first; all are compatible. Managed Instances know only the first. */
const TELEMETRY_SCHEMA_VERSIONS = ["2025-01-29", "2022-12-13", "2022-07-01"] as const

/** The version of the Logs API that has `platform.runtimeDone`. */
const LOGS_SCHEMA_VERSION = "2021-03-18"

/** The limits of `maxBytes` in both APIs. */
const MIN_BYTES = 262_144
const MAX_BYTES = 1_048_576

/** The limits of `maxItems` in both APIs. */
const MIN_ITEMS = 1000
const MAX_ITEMS = 10_000

/** The shortest delay that both APIs allow: the end of each call waits for it. */
const MIN_DELAY_MS = 25

/** Init has 10 s in all, and a function without logs is better than one that does not start. */
const RETRIES = 3
const RETRY_INTERVAL = Duration.millis(100)

/** Subscribes to what the sandbox has; fails when it has something and refuses. */
export const subscribe = Effect.fnUntraced(
  function*<E extends { readonly status: number | undefined }>(
    put: Put<E>,
    options: SubscriptionOptions & { readonly isManagedInstance: boolean }
  ): Effect.fn.Return<Subscription, E> {
    const buffering = {
      maxItems: within(MIN_ITEMS, options.maxItems, MAX_ITEMS),
      maxBytes: within(MIN_BYTES, options.maxBytes, MAX_BYTES),
      timeoutMs: MIN_DELAY_MS
    }
    const uri = `http://sandbox.localdomain:${options.port}${options.path}`
    const ask = (path: string, schemaVersion: string, destination: object) =>
      put(path, JSON.stringify({ schemaVersion, types: options.types, buffering, destination })).pipe(
        Effect.retry(
          Schedule.spaced(RETRY_INTERVAL).pipe(
            Schedule.upTo({ times: RETRIES }),
            Schedule.setInputType<E>(),
            Schedule.while(({ input }) => input.status === undefined || input.status >= 500)
          )
        ),
        Effect.result
      )

    const versions = options.isManagedInstance ? TELEMETRY_SCHEMA_VERSIONS.slice(0, 1) : TELEMETRY_SCHEMA_VERSIONS
    let refusal: E | undefined
    let answer = "HTTP 404"
    for (const schemaVersion of versions) {
      const result = yield* ask("/2022-07-01/telemetry", schemaVersion, { protocol: "HTTP", URI: uri })
      refusal = undefined
      if (result._tag === "Success") {
        const { body, status } = result.success
        if (status === 200) return { _tag: "Subscribed", api: "telemetry", schemaVersion }
        // a 202 means "you will get nothing" (AWS's Runtime Interface Emulator)
        answer = `HTTP ${status}: ${excerpt(body.trim())}`
        break
      }
      if (result.failure.status === 404) break
      refusal = result.failure
      if (refusal.status !== 400) break
    }
    if (refusal !== undefined) return yield* Effect.fail(refusal)
    if (options.isManagedInstance) return { _tag: "Unsupported", detail: answer }
    const logs = yield* ask("/2020-08-15/logs", LOGS_SCHEMA_VERSION, {
      protocol: "HTTP",
      URI: uri,
      method: "POST"
    })
    return logs._tag === "Success" && logs.success.status === 200
      ? { _tag: "Subscribed", api: "logs", schemaVersion: LOGS_SCHEMA_VERSION }
      : { _tag: "Unsupported", detail: answer }
  }
)

const within = (least: number, wanted: number, most: number): number =>
  Math.round(Math.min(most, Math.max(least, wanted)))
