/** What is known of an outage of a destination: how long to leave it in peace, when to try again, what to tell whom. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Random from "effect/Random"
import * as Freeze from "../platform/Freeze.ts"
import { CircuitBreaker } from "./CircuitBreaker.ts"
import type { Destination } from "./Destination.ts"
import type { Setback } from "./Verdict.ts"

/** Notes failures and successes of deliveries; runs `probe` at the end of each pause, `resume` when the doubt is over. */
export const make = Effect.fnUntraced(function*(
  { server, signal, url }: Destination,
  { probe, resume }: { readonly probe: Effect.Effect<void>; readonly resume: Effect.Effect<void> }
) {
  const breaker = new CircuitBreaker()
  const timer = yield* FiberHandle.make<void>()
  // Since the server has last dealt with a batch, it has failed to.
  let isInDoubt = false

  /** Whether an outage has been noticed a moment ago, so that nobody should wait. */
  const isPausedAt = (nowMillis: number) => breaker.isOpen(nowMillis)

  /** An attempt has failed and will be repeated. */
  const suspect = () => {
    isInDoubt = true
  }

  /** A delivery has failed for good. */
  const failed = Effect.fnUntraced(function*(setback: Setback) {
    const now = yield* Clock.currentTimeMillis
    // Requests that were in flight together fail together: one failure, not four that double the pause each.
    if (breaker.isOpen(now)) return
    isInDoubt = true
    const isFirst = breaker.failed(now, yield* Random.next, setback._tag === "Retry" ? setback.afterMs : undefined)
    yield* FiberHandle.run(timer, Effect.andThen(Freeze.sleep(breaker.pauseLeft(now)), probe))
    if (!isFirst) return
    yield* Effect.logWarning(`${server} takes no records; they wait in memory`, {
      signal,
      url: url.href,
      cause: setback.detail,
      ...(setback._tag === "Divide" ? {} : { remedy: setback.remedy })
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
        ? Effect.andThen(FiberHandle.clear(timer), Effect.logInfo(`${server} takes records again`, { signal }))
        : Effect.void
    ),
    answered
  )

  return {
    isPausedAt,
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
