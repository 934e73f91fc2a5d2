/** What is known of an outage of OpenObserve: how long to leave it in peace, when to try again, what to tell whom. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Random from "effect/Random"
import { CircuitBreaker } from "./CircuitBreaker.ts"
import type { Configuration } from "../config/Config.ts"
import * as Attempt from "./Attempt.ts"
import * as Freeze from "../platform/Freeze.ts"
import type { Verdict } from "../openobserve/IngestResponse.ts"

/** Notes failures and successes of deliveries; runs `probe` at the end of each pause, `resume` when the doubt is over. */
export const make = Effect.fnUntraced(function*(
  config: Configuration,
  { probe, resume }: { readonly probe: Effect.Effect<void>; readonly resume: Effect.Effect<void> }
) {
  const breaker = new CircuitBreaker()
  const timer = yield* FiberHandle.make<void>()
  // Since the server has last dealt with a batch, it has failed to.
  let isInDoubt = false

  /** Whether an outage has been noticed a moment ago, so that nobody should wait. */
  const isPaused = Effect.map(Clock.currentTimeMillis, (now) => breaker.isOpen(now))

  /** An attempt has failed and will be repeated. */
  const suspect = () => {
    isInDoubt = true
  }

  /** A delivery has failed for good. */
  const failed = Effect.fnUntraced(function*(verdict: Exclude<Verdict, { _tag: "Accepted" }>) {
    const now = yield* Clock.currentTimeMillis
    // Requests that were in flight together fail together: one failure, not four that double the pause each.
    if (breaker.isOpen(now)) return
    isInDoubt = true
    const isFirst = breaker.failed(now, yield* Random.next, verdict._tag === "Retry" ? verdict.afterMs : undefined)
    yield* FiberHandle.run(timer, Effect.andThen(Freeze.sleep(breaker.pauseLeft(now)), probe))
    if (!isFirst) return
    yield* Effect.logWarning("OpenObserve takes no records; they wait in memory", {
      url: Attempt.ingestUrl(config).href,
      cause: verdict.detail,
      ...(verdict._tag === "Divide" ? {} : { remedy: verdict.remedy })
    })
  })

  /** The server has dealt with a batch, though it did not store it. */
  const answered = Effect.suspend(() => {
    if (!isInDoubt) return Effect.void
    isInDoubt = false
    return resume
  })

  /** The server has stored a batch. */
  const succeeded = Effect.andThen(
    Effect.suspend(() =>
      breaker.succeeded()
        ? Effect.andThen(FiberHandle.clear(timer), Effect.logInfo("OpenObserve takes records again"))
        : Effect.void
    ),
    answered
  )

  return {
    isPaused,
    isFailing: () => breaker.isFailing,
    isInDoubt: () => isInDoubt,
    suspect,
    failed,
    answered,
    succeeded
  }
})

/** What deliveries tell and ask of it. */
export type Outage = Effect.Success<ReturnType<typeof make>>
