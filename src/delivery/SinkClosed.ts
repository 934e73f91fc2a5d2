import * as Data from "effect/Data"

/**
 * Nothing is taken any more: the sandbox, or the scope of the sink, has ended.
 *
 * @since 0.2.0
 * @category errors
 * @example
 * ```ts
 * import { Records } from "o2-lambda-extension/Records"
 * import * as Effect from "effect/Effect"
 *
 * const program = Records.use((records) => records.add({ event: "cache.refreshed" })).pipe(
 *   Effect.catchTag("SinkClosed", (error) => Effect.logWarning(error.message))
 * )
 * ```
 */
export class SinkClosed extends Data.TaggedError("SinkClosed")<{}> {
  override get message() {
    return "the sink has been closed and takes no more records: add them before its scope ends, in an extension at the latest in onShutdown"
  }
}
