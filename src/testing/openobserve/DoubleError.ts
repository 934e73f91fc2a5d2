/** What can go wrong around the double. */
import * as Schema from "effect/Schema"

/**
 * The double's port cannot be listened on.
 *
 * @category errors
 * @since 0.2.0
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { OpenObserveDouble } from "o2-lambda-extension/testing"
 *
 * const onPort = Effect.void.pipe(
 *   Effect.provide(OpenObserveDouble.layer({ port: 5080 })),
 *   Effect.catchTag("DoubleError", (error) => Effect.log(error.reason._tag === "ListenFailed" ? "in use" : "missing"))
 * )
 * ```
 */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message() {
    return `cannot listen on port ${this.port}: ${String(this.cause)}`
  }
}

/**
 * The records that a test waited for did not come; says how many did, and how the last request ended.
 *
 * @category errors
 * @since 0.2.0
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { OpenObserveDouble } from "o2-lambda-extension/testing"
 *
 * const seen = OpenObserveDouble.use((server) => server.awaitRecords("default", 3)).pipe(
 *   Effect.catchTag("DoubleError", ({ reason }) =>
 *     Effect.log(reason._tag === "RecordsMissing" ? reason.lastAnswer : reason.message))
 * )
 * ```
 */
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

/**
 * What went wrong around the double.
 *
 * @category errors
 * @since 0.2.0
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { OpenObserveDouble } from "o2-lambda-extension/testing"
 *
 * const storedOrWhyNot = Effect.gen(function*() {
 *   const openObserve = yield* OpenObserveDouble
 *   return yield* openObserve.awaitRecords("default", 3, "2 seconds")
 * }).pipe(Effect.catchTag("DoubleError", ({ reason }) => Effect.succeed(reason.message)))
 *
 * export { storedOrWhyNot }
 * ```
 */
export class DoubleError extends Schema.TaggedError<DoubleError>()("DoubleError", {
  reason: Schema.Union([ListenFailed, RecordsMissing])
}) {
  override get message() {
    return this.reason.message
  }
}
