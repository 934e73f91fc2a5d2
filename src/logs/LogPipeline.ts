/** Moves posts from the server through the encoder to the sink, one at a time. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { ExtensionConfig } from "../config/Config.ts"
import { LogBuffer } from "../delivery/Buffer.ts"
import { Ledger } from "../delivery/Ledger.ts"
import type { Reservation } from "../delivery/MemoryBudget.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import * as Freeze from "../platform/Freeze.ts"
import * as Memory from "../platform/Memory.ts"
import { RateLimitedWarning } from "../platform/RateLimitedWarning.ts"
import { Invocations } from "../telemetry/Invocations.ts"
import { PostJoiner } from "../telemetry/PostJoiner.ts"
import { type Arrival, TelemetryServer } from "../telemetry/TelemetryServer.ts"
import { TelemetryTap } from "../telemetry/TelemetryTap.ts"
import { maxPartBytes, RecordEncoder } from "./RecordEncoder.ts"
import * as RecordRouting from "./RecordRouting.ts"

/**
 * How long the end of a post that Lambda has cut waits for its rest, in ms: Lambda sends one behind the other
 * (DataDog/datadog-lambda-extension waits as long).
 */
const MAX_GAP_MS = 1000

/** How much longer records are than their events before any were seen: about as with lines of a few words. */
const INITIAL_EXPANSION = 4

/** The stage between server and sink: a fiber that runs as long as its scope. Others see of it what `Invocations` says. */
export class LogPipeline extends Context.Service<LogPipeline, {}>()("o2-lambda-extension/LogPipeline") {
  static readonly layerNoDeps = Layer.effect(
    LogPipeline,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const { arrivals, closing } = yield* TelemetryServer
      const invocations = yield* Invocations
      const encoder = yield* RecordEncoder
      const buffer = yield* LogBuffer
      const sink = yield* OpenObserveSink
      const ledger = yield* Ledger
      const tap = yield* TelemetryTap
      const accept = yield* RecordRouting.make

      const lostPosts = new RateLimitedWarning(
        "a post from Lambda was dropped: it was larger than 8 MiB or than O2_MAX_BUFFER_SIZE_MB (raise that if it is below 8), broke off, or did not end"
      )
      const joiner = new PostJoiner(config.maxBufferBytes)
      const fragmentTimer = yield* FiberHandle.make<void>()
      let fragmentHeld: Reservation | undefined
      const partBytes = maxPartBytes(config.maxBufferBytes)
      let expansion = INITIAL_EXPANSION
      // for all posts that come behind one another: the end of a call waits for them
      let patienceMs = config.flushBudgetMs

      const forgetFragment = Effect.sync(() => {
        fragmentHeld?.release()
        joiner.drop()
      })

      /** Joins a post to the fragment that is held, which has been taken for malformed until now. */
      const join = (arrived: Uint8Array, held: Reservation): Uint8Array => {
        held.release()
        fragmentHeld?.release()
        const post = joiner.join(arrived)
        invocations.joinUnsafe(post !== arrived)
        if (post !== arrived) {
          Memory.free(arrived)
          ledger.countUnsafe("malformed", -1)
        }
        return post
      }

      /** Books what was no event in a post; the fragment of one may still become whole. */
      const skip = Effect.fnUntraced(function*(post: Uint8Array, malformed: number) {
        ledger.countUnsafe("malformed", malformed)
        const isHeld = joiner.hold(post)
        if (isHeld) {
          invocations.cutUnsafe()
          fragmentHeld = buffer.reserveUnsafe(joiner.heldBytes)
          yield* FiberHandle.run(fragmentTimer, Effect.andThen(Freeze.sleep(MAX_GAP_MS), forgetFragment))
        }
        if (!isHeld || malformed > 1) invocations.gapUnsafe()
        yield* Effect.logDebug("telemetry that is no event was skipped", { malformed, isFragment: isHeld })
      })

      /** About how many bytes it takes to turn so many of a post into records, with room for a post that comes meanwhile. */
      const neededFor = (restBytes: number): number =>
        Math.min(restBytes, partBytes / expansion) * (expansion - 1) + partBytes

      /**
       * Lets deliveries make room for so many bytes: meanwhile the oldest records need not be evicted. Nobody waits at the
       * end of the sandbox.
       */
      const awaitRoom = Effect.fnUntraced(function*(bytes: number) {
        patienceMs -= yield* Effect.raceFirst(sink.awaitRoom(bytes, patienceMs), Effect.as(closing, patienceMs))
      })

      /** Has a post, or what is left of it, encoded and taken, as much at once as there is memory for. */
      const encode = Effect.fnUntraced(function*(post: Uint8Array, rest: Reservation) {
        for (let isFirst = true;; isFirst = false) {
          const before = rest.bytes
          const needed = neededFor(before)
          const { heldBytes } = yield* buffer.state
          if (patienceMs > 0 && heldBytes + needed > config.maxBufferBytes) yield* awaitRoom(needed)
          const part = yield* isFirst ? encoder.encode(post) : encoder.more
          rest.shrink(part.restBytes)
          // what is not UTF-8 gets longer
          const encodedBytes = before - part.restBytes
          if (encodedBytes > 0) expansion = Math.max(1, part.bytes.length / encodedBytes)
          yield* accept(part)
          if (part.restBytes === 0) return part
          part.events.forEach(invocations.observeUnsafe)
        }
      })

      const work = Effect.fnUntraced(function*(bytes: Uint8Array, held: Reservation) {
        const post = join(bytes, held)
        tap?.(post)
        const rest = buffer.reserveUnsafe(post.length)
        const { events, malformed } = yield* Effect.ensuring(encode(post, rest), Effect.sync(rest.release))
        if (malformed > 0) yield* skip(post, malformed)
        Memory.free(post)
        events.forEach(invocations.observeUnsafe)
      })

      const lose = Effect.suspend(() => {
        invocations.gapUnsafe()
        lostPosts.count(1)
        return lostPosts.emit({})
      })

      const handle = (arrival: Arrival) =>
        (arrival._tag === "Post" ? work(arrival.bytes, arrival.held) : lose).pipe(
          // the end of the sandbox: counted already
          Effect.catchTag("SinkClosed", () => Effect.void),
          Effect.catchDefect((defect) => {
            invocations.gapUnsafe()
            ledger.countUnsafe("postsDropped", 1)
            return Effect.logError("a post could not be processed", { defect: String(defect) })
          })
        )

      yield* Effect.gen(function*() {
        for (;;) {
          const arrival = yield* Queue.take(arrivals)
          invocations.beginUnsafe(yield* Clock.currentTimeMillis)
          yield* handle(arrival)
          if ((yield* Queue.size(arrivals)) === 0) patienceMs = config.flushBudgetMs
          yield* invocations.end
        }
      }).pipe(Effect.forkScoped)

      return LogPipeline.of({})
    })
  )
}
