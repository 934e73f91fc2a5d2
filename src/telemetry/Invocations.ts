/**
 * What the telemetry stream has said of the function's calls, and the one loop in which anybody waits for what it will
 * say. `LogPipeline` writes it while it works off posts; `lifecycle/` reads it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type { PlatformEvent } from "./PlatformEvent.ts"
import { TelemetryServer } from "./TelemetryServer.ts"

/** What the stream has said so far. Times in epoch ms. */
export interface StreamState {
  /** Whether platform events come at all; without them there is nothing to wait for. */
  readonly hasPlatformEvents: boolean
  /** Whether the end of any call was told; a platform may leave that out (system log levels do). */
  readonly hasRuntimeDone: boolean
  /** Whether any call has begun. */
  readonly hasBegun: boolean
  /** Whether the init has failed: Lambda is about to end the sandbox's processes. */
  readonly hasInitFailed: boolean
  /** When the last post came. */
  readonly lastPostAt: number
  /**
   * When the stream last had a gap, in which an event that is waited for may have been: a post that was cut, malformed or
   * given up, or events that the platform has dropped. A cut that has been joined is none.
   */
  readonly lastGapAt: number
  readonly isRuntimeDone: (requestId: string) => boolean
  /** Whether the platform has ended the call, instead of the runtime. */
  readonly hasFailed: (requestId: string) => boolean
  readonly isReported: (requestId: string) => boolean
  /** How many calls' durations came, and the last of them in ms. */
  readonly measuredCalls: number
  readonly lastDurationMs: number
  /** When the last restore from a snapshot was told of; `-Infinity` without any. */
  readonly restoredAt: number
  /** Whether every post that was received has reached the buffer. */
  readonly isIdle: boolean
}

/** The methods with `Unsafe` are synchronous, for whoever works off the posts. */
export class Invocations extends Context.Service<Invocations, {
  readonly state: Effect.Effect<StreamState>
  /**
   * Waits until a moment that may depend on what the stream says: `until` is asked again after each post, and gives the
   * moment in epoch ms from which nobody waits any more; `-Infinity` when what was waited for has come. `meanwhile` is
   * done each time before.
   */
  readonly waitUntil: <R = never>(
    until: (state: StreamState) => number,
    meanwhile?: Effect.Effect<void, never, R>
  ) => Effect.Effect<void, never, R>
  /** A call begins: what was told of one with the same id before `asked` (epoch ms) is of an earlier attempt. */
  readonly forgetUnsafe: (requestId: string, asked: number) => void
  /** A post has been taken from the queue. */
  readonly beginUnsafe: (nowMillis: number) => void
  readonly observeUnsafe: (event: PlatformEvent) => void
  /** Something is missing in the present post. */
  readonly gapUnsafe: () => void
  /** The present post ends within an event whose rest may come: a gap, unless that is joined to it. */
  readonly cutUnsafe: () => void
  /** The present post has gone on where one was cut, or has not. */
  readonly joinUnsafe: (isJoined: boolean) => void
  /** The present post has been worked off: wakes all who wait. */
  readonly end: Effect.Effect<void>
}>()("o2-lambda-extension/Invocations") {
  static readonly layerNoDeps = Layer.effect(
    Invocations,
    Effect.gen(function*() {
      const { arrivals } = yield* TelemetryServer
      const progress = Latch.makeUnsafe(false)
      const runtimeDone = new RecentIds()
      const failed = new RecentIds()
      const reported = new RecentIds()
      let hasPlatformEvents = false
      let hasRuntimeDone = false
      let hasBegun = false
      let hasInitFailed = false
      let lastPostAt = -Infinity
      let lastGapAt = -Infinity
      // when the piece came that waits for its rest
      let cutAt = -Infinity
      let measuredCalls = 0
      let lastDurationMs = 0
      let restoredAt = -Infinity
      let isBusy = false

      const state = Effect.map(Queue.size(arrivals), (waiting): StreamState => ({
        hasPlatformEvents,
        hasRuntimeDone,
        hasBegun,
        hasInitFailed,
        lastPostAt,
        lastGapAt: Math.max(lastGapAt, cutAt),
        isRuntimeDone: (requestId) => runtimeDone.has(requestId),
        hasFailed: (requestId) => failed.has(requestId),
        isReported: (requestId) => reported.has(requestId),
        measuredCalls,
        lastDurationMs,
        restoredAt,
        isIdle: waiting === 0 && !isBusy
      }))

      return Invocations.of({
        state,
        waitUntil: Effect.fnUntraced(function*(until, meanwhile = Effect.void) {
          for (;;) {
            yield* meanwhile
            const end = until(yield* state)
            const now = yield* Clock.currentTimeMillis
            if (now >= end) return
            // the end may be far away, or never: the next post may bring it nearer
            const patience = end - now
            yield* Number.isFinite(patience)
              ? Effect.timeoutOption(progress.await, Duration.millis(patience))
              : progress.await
          }
        }),
        forgetUnsafe: (requestId, asked) => {
          for (const ids of [runtimeDone, failed, reported]) ids.forget(requestId, asked)
        },
        beginUnsafe: (nowMillis) => {
          isBusy = true
          lastPostAt = nowMillis
        },
        observeUnsafe: (event) => {
          hasPlatformEvents = true
          switch (event._tag) {
            case "EnvironmentStart":
              if (event.isRestore) restoredAt = lastPostAt
              break
            case "InitEnd":
              hasInitFailed ||= event.hasFailed
              break
            case "InvocationStart":
              hasBegun = true
              break
            case "Fault":
              hasInitFailed ||= !hasBegun
              if (event.requestId === undefined) break
              failed.add(event.requestId, lastPostAt)
              runtimeDone.add(event.requestId, lastPostAt)
              break
            case "RuntimeDone":
              hasRuntimeDone = true
              runtimeDone.add(event.requestId, lastPostAt)
              if (event.hasFailed) failed.add(event.requestId, lastPostAt)
              if (event.durationMs === undefined) break
              measuredCalls++
              lastDurationMs = event.durationMs
              break
            case "Report":
              reported.add(event.requestId, lastPostAt)
              break
            case "Dropped":
              lastGapAt = lastPostAt
          }
        },
        gapUnsafe: () => {
          lastGapAt = lastPostAt
        },
        cutUnsafe: () => {
          cutAt = lastPostAt
        },
        joinUnsafe: (isJoined) => {
          if (!isJoined) lastGapAt = Math.max(lastGapAt, cutAt)
          cutAt = -Infinity
        },
        end: Effect.suspend(() => {
          isBusy = false
          return progress.release
        })
      })
    })
  )
}

/** Request ids that can still matter: events of one invocation come at most a few invocations late. */
const REMEMBERED_IDS = 64

/** The last few request ids of a kind, and when each was told, in epoch ms. */
class RecentIds {
  private readonly ids = new Map<string, number>()

  add(id: string, at: number): void {
    this.ids.set(id, at)
    if (this.ids.size <= REMEMBERED_IDS) return
    const [oldest] = this.ids.keys()
    if (oldest !== undefined) this.ids.delete(oldest)
  }

  forget(id: string, before: number): void {
    const at = this.ids.get(id)
    if (at !== undefined && at < before) this.ids.delete(id)
  }

  has(id: string): boolean {
    return this.ids.has(id)
  }
}
