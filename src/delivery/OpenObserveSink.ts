/**
 * Takes encoded records of every signal and delivers them, several batches at once when there is a backlog. Knows no
 * server: where a batch goes and what an answer means is its destination's affair. When to deliver is for `lifecycle/` to
 * say, apart from what gets old or full.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import { ExtensionConfig } from "../config/Config.ts"
import { Phrase } from "../config/Phrase.ts"
import * as Freeze from "../platform/Freeze.ts"
import { Transport } from "../platform/Transport.ts"
import * as Abandonment from "./Abandonment.ts"
import { LogBuffer } from "./Buffer.ts"
import * as Compression from "./Compression.ts"
import { type Destination, Destinations } from "./Destination.ts"
import type { EncodedRecords } from "./EncodedRecords.ts"
import * as FlushDeadline from "./FlushDeadline.ts"
import * as Lane from "./Lane.ts"
import { Ledger } from "./Ledger.ts"
import { SinkClosed } from "./SinkClosed.ts"

/** A request that is older than this, in ms, when the sandbox ends, without an answer, is sent again on a new connection. */
const STALE_AT_END_MS = 2_000

/**
 * How a flush waits.
 *
 * @since 0.2.0
 * @category models
 */
export interface FlushOptions {
  readonly budget: Duration.Duration
  /** Nothing comes after it: it tries even during an outage, and what has not settled in time is given back. */
  readonly isLast: boolean
}

/**
 * How many of the destinations in use have been found to take nothing a moment ago.
 *
 * @since 0.2.0
 * @category models
 */
export type Outages = "none" | "some" | "all"

/**
 * Delivers what it is given, in fibers of its own. During an outage of a destination its records wait in the buffer.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import * as Duration from "effect/Duration"
 * import { OpenObserveSink } from "o2-lambda-extension/Layers"
 *
 * const isEmpty = OpenObserveSink.use((sink) => sink.flush({ budget: Duration.seconds(1), isLast: false }))
 * ```
 */
export class OpenObserveSink extends Context.Service<OpenObserveSink, {
  /**
   * The one door for records, whatever their signal. They are copied, and leave when a batch is full, when they are older
   * than `O2_FLUSH_INTERVAL_MS`, or when one of the methods below says so. After `close` they are dropped, and counted so.
   */
  readonly accept: (destination: Destination, records: EncodedRecords) => Effect.Effect<void, SinkClosed>
  /**
   * From now on what is accepted is sent; until then it waits, without connections and timers, since these would wake up
   * in every sandbox that is restored from a snapshot.
   */
  readonly open: Effect.Effect<void>
  /**
   * Loads what deliveries need, opens a connection in the background, and finds out whether records would be taken: wrong
   * credentials are told before the first call has ended.
   */
  readonly warmUp: Effect.Effect<void>
  /** Starts delivering what is sealed, and what has been open for longer than the interval. */
  readonly deliverDue: Effect.Effect<void>
  /**
   * Starts delivering what there is, what is open too: with what comes meanwhile in one request, when the one under way has
   * been answered. While a server takes nothing it goes on growing.
   */
  readonly deliverAll: Effect.Effect<void>
  /** The same beside what is under way: the sandbox ends, and a round trip more may be one too many. */
  readonly deliverNow: Effect.Effect<void>
  /**
   * Delivers all there is and waits for it, at most for the budget: true when nothing is left. What hangs at a destination in
   * an outage is waited for by the last one only, and so are requests that were suspect before. Requests in flight at its
   * end stay in flight.
   */
  readonly flush: (options: FlushOptions) => Effect.Effect<boolean>
  /** Takes nothing any more. */
  readonly close: Effect.Effect<void>
  /** Fails when nothing is taken any more: what who asks does not hand over then is not counted as dropped. */
  readonly assertOpen: Effect.Effect<void, SinkClosed>
  /** Waits until no delivery is under way to a destination that is not in an outage, at most for the given time. */
  readonly awaitSettled: (atMost: Duration.Duration) => Effect.Effect<void>
  /**
   * How many ms it takes to deliver what waits, as the servers have answered so far; `Infinity` where one is in trouble or
   * has never answered.
   */
  readonly expectedMs: Effect.Effect<number>
  /**
   * Waits until so many bytes more find room in the buffer, while deliveries are under way that may make some and no
   * destination is in an outage, and while what comes meanwhile finds room itself; at most for so many ms. Answers with the
   * ms that this has taken.
   */
  readonly awaitRoom: (bytes: number, atMostMs: number) => Effect.Effect<number>
  /** For how many ms a server has taken nothing that is left in peace at the moment; 0 without an outage. */
  readonly outageMs: Effect.Effect<number>
  /** Somebody waits: outages are probed as often as young ones. False where that is no use, since a setting is wrong. */
  readonly hurry: Effect.Effect<boolean>
  /** Where all are in an outage, nobody should wait. */
  readonly outages: Effect.Effect<Outages>
  /** The sandbox may have been frozen since `since` (epoch ms): connections and requests from before are not trusted. */
  readonly thawed: (since: number) => Effect.Effect<void>
}>()("o2-lambda-extension/OpenObserveSink") {
  /** @internal */
  static readonly layerNoDeps = Layer.effect(
    OpenObserveSink,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const buffer = yield* LogBuffer
      const ledger = yield* Ledger
      const transport = yield* Transport
      const warming = yield* FiberHandle.make<void>()
      const ageTimer = yield* FiberHandle.make<void>()
      const grace = yield* FiberHandle.make<void>()
      const deadline = FlushDeadline.make()
      const abandonment = Abandonment.make()
      let isOpen = false
      let isClosed = false

      const context = { config, phrase: yield* Phrase, transport, deadline, abandonment, books: { buffer, ledger } }
      const lanes: Array<Lane.Lane> = []
      for (const destination of yield* Destinations) lanes.push(yield* Lane.make(context, destination))

      const laneOf = (destination: Destination): Lane.Lane => {
        const lane = lanes.find((lane) => lane.destination === destination)
        if (lane === undefined) throw new Error(`${destination.name} is no destination of this sink`)
        return lane
      }

      const each = (effect: (lane: Lane.Lane) => Effect.Effect<void>) =>
        lanes.map(effect).reduce((first, second) => Effect.andThen(first, second), Effect.void)

      const startWorkers = each((lane) => lane.startWorkers)

      const deliverAll = Effect.suspend(() => {
        for (const lane of lanes) lane.wantSoon()
        return startWorkers
      })

      const accept = Effect.fnUntraced(function*(destination: Destination, records: EncodedRecords) {
        if (isClosed) return yield* refuse(destination, records)
        const lane = laneOf(destination)
        if (buffer.stateOfUnsafe(destination).openRecords === 0) lane.openSince = yield* Clock.currentTimeMillis
        yield* buffer.append(destination, records)
        if (isOpen) yield* start
      })

      const refuse = ({ signal }: Destination, { bytes, ends }: EncodedRecords) => {
        const tally = { records: ends.length, bytes: bytes.length }
        ledger.receiveUnsafe(signal, tally)
        ledger.moveUnsafe(signal, "buffered", { dropped: "shutdown" }, tally)
        return Effect.fail(new SinkClosed())
      }

      const start = Effect.gen(function*() {
        const { openRecords, sealedBatches } = yield* buffer.state
        if (sealedBatches > 0) yield* startWorkers
        // no timer while there is nothing to wait for: an idle sandbox must not wake up
        if (openRecords > 0) yield* FiberHandle.run(ageTimer, deliverAged, { onlyIfMissing: true })
      })
      const deliverAged = Effect.andThen(Freeze.sleep(config.flushIntervalMs), deliverAll)

      const outagesAt = (now: number): Outages => {
        const used = lanes.filter((lane) => lane.isUsed())
        const inUse = used.length > 0 ? used : lanes
        const paused = inUse.filter((lane) => lane.isPausedAt(now))
        return paused.length === 0 ? "none" : paused.length === inUse.length ? "all" : "some"
      }

      /** Waits for one after the other, which takes as long as for all at once: false when time was over. */
      const awaitSettled = Effect.fnUntraced(function*(lanes: ReadonlyArray<Lane.Lane>, now: number, until: number) {
        let areSettled = true
        for (const lane of lanes) areSettled = (yield* lane.awaitSettled(now, until)) && areSettled
        return areSettled
      })

      const isIdle = Effect.gen(function*() {
        for (const lane of lanes) if (!(yield* lane.isIdle)) return false
        return true
      })

      const isEmpty = Effect.gen(function*() {
        const { openRecords, sealedBatches } = yield* buffer.state
        return openRecords + sealedBatches === 0 && (yield* isIdle)
      })

      const awaitRoom = Effect.fnUntraced(function*(bytes: number, atMostMs: number) {
        const started = yield* Clock.currentTimeMillis
        for (;;) {
          const freed = yield* buffer.watchFreed
          const now = yield* Clock.currentTimeMillis
          const waited = now - started
          const { heldBytes } = yield* buffer.state
          const fits = heldBytes + bytes <= config.maxBufferBytes
          const isOverfull = heldBytes > config.maxBufferBytes
          if (fits || isOverfull || waited >= atMostMs || !isOpen || outagesAt(now) !== "none") return waited
          // what is open is part of what takes the room
          yield* deliverAll
          if (yield* isIdle) return waited
          yield* Effect.timeoutOption(freed, atMostMs - waited)
        }
      })

      const flush = Effect.fnUntraced(function*(budget: Duration.Duration) {
        const started = yield* Clock.currentTimeMillis
        if (outagesAt(started) === "all") return yield* isEmpty
        const until = started + Duration.toMillis(budget)
        // what hangs at a destination in an outage is not waited for
        const awaited = lanes.filter((lane) => !lane.isPausedAt(started))
        for (const lane of awaited) lane.wantNow()
        const wait = Effect.andThen(startWorkers, awaitSettled(awaited, started, until))
        const isSettled = yield* deadline.flushing(until, false, wait)
        if (!isSettled) yield* Effect.forEach(awaited, (lane) => lane.waitedInVain, { discard: true })
        return yield* isEmpty
      })

      const flushLast = Effect.fnUntraced(function*(budget: Duration.Duration) {
        const started = yield* Clock.currentTimeMillis
        const budgetMs = Duration.toMillis(budget)
        yield* buffer.seal()
        const wait = startWorkers.pipe(
          Effect.andThen(abandonment.abandonOlder(started - STALE_AT_END_MS)),
          Effect.andThen(
            Effect.forEach(lanes, (lane) => lane.awaitEmpty(budgetMs), { concurrency: "unbounded" })
          )
        )
        yield* deadline.flushing(started + budgetMs, true, wait)
        yield* each((lane) => lane.end)
        return yield* isEmpty
      })

      return OpenObserveSink.of({
        accept,
        open: Effect.suspend(() => {
          if (isOpen) return Effect.void
          isOpen = true
          return start
        }),
        warmUp: Effect.suspend(() => {
          if (config.compression === "gzip") Compression.load()
          // one that gives no answer must not keep the others from being asked
          const all = Effect.forEach(lanes, (lane) => lane.warmUp, { concurrency: "unbounded", discard: true })
          return Effect.asVoid(FiberHandle.run(warming, all))
        }),
        deliverDue: Effect.flatMap(Clock.currentTimeMillis, (now) => {
          for (const lane of lanes) if (now - lane.openSince >= config.flushIntervalMs) lane.wantSoon()
          return startWorkers
        }),
        deliverAll,
        deliverNow: Effect.suspend(() => {
          for (const lane of lanes) lane.wantNow()
          return startWorkers
        }),
        close: Effect.sync(() => {
          isClosed = true
        }),
        assertOpen: Effect.suspend(() => isClosed ? Effect.fail(new SinkClosed()) : Effect.void),
        flush: ({ budget, isLast }) => isLast ? flushLast(budget) : flush(budget),
        awaitSettled: (atMost) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            const awaited = lanes.filter((lane) => !lane.isPausedAt(now))
            return Effect.asVoid(awaitSettled(awaited, now, now + Duration.toMillis(atMost)))
          }),
        expectedMs: Effect.sync(() => Math.max(0, ...lanes.map((lane) => lane.expectedMs()))),
        awaitRoom,
        outageMs: Effect.map(
          Clock.currentTimeMillis,
          (now) => Math.max(0, ...lanes.map((lane) => lane.isPausedAt(now) ? lane.outage.hasFailedFor(now) : 0))
        ),
        hurry: Effect.suspend(() => {
          const hurries = Effect.forEach(lanes.filter((lane) => lane.isUsed()), (lane) => lane.outage.hurry)
          return Effect.map(hurries, (areOfUse) => !areOfUse.includes(false))
        }),
        outages: Effect.map(Clock.currentTimeMillis, outagesAt),
        thawed: Effect.fnUntraced(function*(since) {
          yield* transport.dropIdle
          yield* each((lane) => lane.thawed(since))
          if (yield* isIdle) return
          yield* FiberHandle.run(
            grace,
            Effect.delay(abandonment.abandonOlder(since), Duration.millis(Freeze.THAW_GRACE_MS))
          )
        })
      })
    })
  )
}
