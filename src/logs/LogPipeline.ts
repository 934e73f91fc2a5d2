/**
 * Moves posts from the server through the encoder into the buffer, one at a time, and remembers what they said about
 * invocations, so that the program can wait for it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { LogBuffer } from "../delivery/Buffer.ts"
import { Complaint } from "../platform/RateLimitedWarning.ts"
import { ExtensionConfig } from "../config/Config.ts"
import * as Freeze from "../platform/Freeze.ts"
import { LambdaEnvironment } from "../lambda/LambdaEnvironment.ts"
import { Ledger } from "../delivery/Ledger.ts"
import type { LifecycleEvent } from "../telemetry/PlatformEvent.ts"
import * as Memory from "../platform/Memory.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import { PostJoiner } from "../telemetry/PostJoiner.ts"
import { RecordEncoder } from "./RecordEncoder.ts"
import { TelemetryServer } from "../telemetry/TelemetryServer.ts"

/** What the telemetry stream has said so far. Times in epoch ms. */
export interface StreamState {
  /** Whether platform events come at all; without them there is nothing to wait for. */
  readonly hasPlatformEvents: boolean
  /** When the last post came. */
  readonly lastPostAt: number
  /** Since when the open batch has been filling; of no meaning while it is empty. */
  readonly openSince: number
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

/** The stage between server and buffer. */
export class Intake extends Context.Service<Intake, {
  readonly state: Effect.Effect<StreamState>
  /** Waits for the next post to be worked off, at most for the given time. */
  readonly progress: (atMost: Duration.Duration) => Effect.Effect<void>
  /** The first event has come: where a snapshot may have been taken until now, what comes is sent from now on. */
  readonly open: Effect.Effect<void>
}>()("o2-lambda-extension/Intake") {
  static readonly layerNoDeps = Layer.effect(
    Intake,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const environment = yield* LambdaEnvironment
      const server = yield* TelemetryServer
      const encoder = yield* RecordEncoder
      const buffer = yield* LogBuffer
      const sink = yield* OpenObserveSink
      const ledger = yield* Ledger

      const progress = Latch.makeUnsafe(false)
      const lostPosts = new Complaint(
        "a post from Lambda was dropped: it was larger than 8 MiB or than O2_MAX_BUFFER_SIZE_MB (raise that if it is below 8), or broke off"
      )
      const joiner = new PostJoiner(config.maxBufferBytes)
      const ageTimer = yield* FiberHandle.make<void>()
      const fragmentTimer = yield* FiberHandle.make<void>()
      const runtimeDone = new RecentIds()
      const failed = new RecentIds()
      const reported = new RecentIds()
      let hasPlatformEvents = false
      let lastPostAt = -Infinity
      let openSince = -Infinity
      let lastGapAt = -Infinity
      // when the fragment came that is held: a gap until it is joined
      let fragmentAt = -Infinity
      let measuredCalls = 0
      let lastDurationMs = 0
      let restoredAt = -Infinity
      let isBusy = false
      // A connection or a timer in a snapshot would wake up in every sandbox that is restored from it.
      let isOpen = !environment.isSnapStart

      const remember = (event: LifecycleEvent) => {
        hasPlatformEvents = true
        switch (event._tag) {
          case "EnvironmentStart":
            if (event.isRestore) restoredAt = lastPostAt
            break
          case "RuntimeDone":
            runtimeDone.add(event.requestId)
            if (event.hasFailed) failed.add(event.requestId)
            if (event.durationMs === undefined) break
            measuredCalls++
            lastDurationMs = event.durationMs
            break
          case "Report":
            reported.add(event.requestId)
            break
          case "Dropped":
            lastGapAt = lastPostAt
        }
      }

      const sendAged = Effect.andThen(Freeze.sleep(config.flushIntervalMs), sink.send)

      const forgetFragment = () => {
        buffer.holdUnsafe(-joiner.heldBytes)
        joiner.drop()
      }

      /** Joins a post to the fragment that is held, which has been taken for malformed until now. */
      const join = (arrived: Uint8Array): Uint8Array => {
        buffer.holdUnsafe(-arrived.length - joiner.heldBytes)
        const post = joiner.join(arrived)
        if (post === arrived) lastGapAt = Math.max(lastGapAt, fragmentAt)
        else {
          Memory.free(arrived)
          ledger.countUnsafe("malformed", -1)
        }
        fragmentAt = -Infinity
        return post
      }

      /** Books what was no event in a post; the fragment of one may still become whole. */
      const skip = Effect.fnUntraced(function*(post: Uint8Array, malformed: number) {
        ledger.countUnsafe("malformed", malformed)
        const isHeld = joiner.hold(post)
        if (isHeld) {
          fragmentAt = lastPostAt
          buffer.holdUnsafe(joiner.heldBytes)
          yield* FiberHandle.run(
            fragmentTimer,
            Freeze.sleep(LONGEST_GAP_MS).pipe(Effect.andThen(Effect.sync(forgetFragment)))
          )
        }
        if (!isHeld || malformed > 1) lastGapAt = lastPostAt
        yield* Effect.logDebug("telemetry that is no event was skipped", { malformed, isFragment: isHeld })
      })

      const work = Effect.fnUntraced(function*(arrived: Uint8Array) {
        lastPostAt = yield* Clock.currentTimeMillis
        if (arrived.length === 0) {
          lastGapAt = lastPostAt
          lostPosts.note(1)
          yield* lostPosts.voice({})
        }
        const post = join(arrived)
        const encoded = yield* encoder.encode(post)
        if ((yield* buffer.state).openRecords === 0) openSince = lastPostAt
        yield* buffer.append(encoded)
        if (encoded.malformed > 0) yield* skip(post, encoded.malformed)
        Memory.free(post)
        encoded.lifecycle.forEach(remember)
        if (!isOpen) return
        const { openRecords, sealedBatches } = yield* buffer.state
        if (sealedBatches > 0) yield* sink.start
        // no timer while there is nothing to wait for: an idle sandbox must not wake up
        if (openRecords > 0) yield* FiberHandle.run(ageTimer, sendAged, { onlyIfMissing: true })
      })

      yield* Effect.gen(function*() {
        for (;;) {
          const post = yield* Queue.take(server.posts)
          isBusy = true
          yield* work(post).pipe(
            Effect.catchDefect((defect) => {
              lastGapAt = lastPostAt
              ledger.countUnsafe("postsDropped", 1)
              return Effect.logError("a post could not be processed", { defect: String(defect) })
            })
          )
          isBusy = false
          yield* progress.release
        }
      }).pipe(Effect.forkScoped)

      return Intake.of({
        state: Effect.map(Queue.size(server.posts), (waiting) => ({
          hasPlatformEvents,
          lastPostAt,
          openSince,
          lastGapAt: Math.max(lastGapAt, fragmentAt),
          isRuntimeDone: (requestId) => runtimeDone.has(requestId),
          hasFailed: (requestId) => failed.has(requestId),
          isReported: (requestId) => reported.has(requestId),
          measuredCalls,
          lastDurationMs,
          restoredAt,
          isIdle: waiting === 0 && !isBusy
        })),
        progress: (atMost) => Effect.asVoid(Effect.timeoutOption(progress.await, atMost)),
        open: Effect.sync(() => {
          isOpen = true
        })
      })
    })
  )

  static readonly layer = Intake.layerNoDeps.pipe(
    Layer.provide([
      ExtensionConfig.layer,
      LambdaEnvironment.layer,
      TelemetryServer.layer,
      RecordEncoder.layer,
      LogBuffer.layer,
      OpenObserveSink.layer,
      Ledger.layer
    ])
  )
}

/**
 * How long the end of a post that Lambda has cut waits for its rest, in ms: Lambda sends one behind the other
 * (DataDog/datadog-lambda-extension waits as long).
 */
const LONGEST_GAP_MS = 1000

/** Request ids that can still matter: events of one invocation come at most a few invocations late. */
const REMEMBERED_IDS = 64

/** The last few request ids of a kind. */
class RecentIds {
  private readonly ids = new Set<string>()

  add(id: string): void {
    this.ids.add(id)
    if (this.ids.size <= REMEMBERED_IDS) return
    const [oldest] = this.ids
    if (oldest !== undefined) this.ids.delete(oldest)
  }

  has(id: string): boolean {
    return this.ids.has(id)
  }
}
