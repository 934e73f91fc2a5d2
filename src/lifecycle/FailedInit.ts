/** An init that has failed: its lines are the ones that matter, and Lambda ends our process within a moment. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ExtensionConfig } from "../config/Config.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { Invocations } from "../telemetry/Invocations.ts"

/** So often, in ms, what has come is sent: Lambda posts every 25 ms. */
const INTERVAL = Duration.millis(25)

/**
 * Waits beside the init, and sends at once what there is when it fails, and what still comes, for as long as a flush may
 * take. Nobody waits for it: whether an init fails is known only when all have asked for the first event, and an init that
 * goes well must not be held up.
 */
export const deliver = Effect.gen(function*() {
  const { flushBudgetMs } = yield* ExtensionConfig
  const invocations = yield* Invocations
  const sink = yield* OpenObserveSink
  yield* invocations.waitUntil(({ hasBegun, hasInitFailed }) => hasBegun || hasInitFailed ? -Infinity : Infinity)
  const until = (yield* Clock.currentTimeMillis) + flushBudgetMs
  while (!(yield* invocations.state).hasBegun && (yield* Clock.currentTimeMillis) < until) {
    yield* sink.deliverNow
    yield* Effect.sleep(INTERVAL)
  }
})
