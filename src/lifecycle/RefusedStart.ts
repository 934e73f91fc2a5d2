/** A start that must not succeed, or cannot: what is wrong is said, and the function runs without its logs where it may. */
import * as Effect from "effect/Effect"
import type { ConfigurationError } from "../config/Config.ts"
import { ExtensionsClient } from "../lambda/ExtensionsClient.ts"
import type { ListenError } from "../platform/HttpListener.ts"

/** Says what is wrong and fails the start; or, when asked to pass through, lets the function run without logs. */
export const refuse = Effect.fnUntraced(function*(error: ConfigurationError | ListenError) {
  const extensions = yield* ExtensionsClient
  yield* Effect.logError(error.message)
  yield* extensions.register
  // our own trouble is no reason to take the function down; a wrong setting is, unless the user says else
  if (error._tag === "ConfigurationError" && error.reaction === "fail") {
    yield* extensions.initError("Extension.ConfigInvalid", error.message)
    return yield* error
  }
  yield* Effect.logWarning("the function runs without its logs being sent")
  for (;;) {
    const event = yield* extensions.next
    if (event.eventType === "SHUTDOWN") return
  }
})
