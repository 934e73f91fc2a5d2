/** The one error of the emulator. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * The emulator could not do what it was asked; the problem says what it saw, the last lines of a failed process included.
 *
 * @category errors
 * @since 0.2.0
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { LambdaEmulator } from "o2-lambda-extension/testing"
 *
 * const whyItDoesNotStart = Effect.gen(function*() {
 *   const lambda = yield* LambdaEmulator
 *   return yield* lambda.start.pipe(Effect.as("it does"), Effect.catchTag("LambdaEmulatorError", (error) =>
 *     Effect.succeed(error.problem)))
 * })
 *
 * export { whyItDoesNotStart }
 * ```
 */
export class LambdaEmulatorError extends Schema.TaggedError<LambdaEmulatorError>()("LambdaEmulatorError", {
  operation: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `${this.operation}: ${this.problem}`
  }
}

/** Runs a piece of the emulator; the signal tells it that nobody waits any more. */
export const attempt = <A>(
  operation: string,
  run: (signal: AbortSignal) => Promise<A>
): Effect.Effect<A, LambdaEmulatorError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) =>
      new LambdaEmulatorError({ operation, problem: cause instanceof Error ? cause.message : String(cause) })
  })
