/** What is known of an outage of OpenObserve: how long to leave it in peace, when to try again, what to tell whom. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import { CircuitBreaker } from "./CircuitBreaker.ts"
import type { Configuration } from "./Config.ts"
import * as Delivery from "./Delivery.ts"
import * as Freeze from "./Freeze.ts"
import type { Verdict } from "./OpenObserveResponse.ts"

/** Notes failures and successes of deliveries; runs `probe` at the end of each pause. */
export const make = Effect.fnUntraced(function*(config: Configuration, probe: Effect.Effect<void>) {
  const breaker = new CircuitBreaker()
  const timer = yield* FiberHandle.make<void>()

  /** Whether an outage has been noticed a moment ago, so that nobody should wait. */
  const isPaused = Effect.map(Clock.currentTimeMillis, (now) => breaker.isOpen(now))

  /** A delivery has failed for good. */
  const failed = Effect.fnUntraced(function*(verdict: Exclude<Verdict, { _tag: "Accepted" }>) {
    const now = yield* Clock.currentTimeMillis
    // Requests that were in flight together fail together: one failure, not four that double the pause each.
    if (breaker.isOpen(now)) return
    const isFirst = breaker.failed(now, verdict._tag === "Retry" ? verdict.afterMs : undefined)
    yield* FiberHandle.run(timer, Effect.andThen(Freeze.sleep(breaker.pauseLeft(now)), probe))
    if (!isFirst) return
    yield* Effect.logWarning("OpenObserve takes no records; they wait in memory", {
      url: Delivery.ingestUrl(config).href,
      cause: verdict.detail,
      ...(verdict._tag === "Misconfigured" ? { remedy: verdict.remedy } : {})
    })
  })

  /** A delivery has succeeded. */
  const succeeded = Effect.suspend(() =>
    breaker.succeeded() ? Effect.logInfo("OpenObserve takes records again") : Effect.void
  )

  return { isPaused, isFailing: () => breaker.isFailing, failed, succeeded }
})
