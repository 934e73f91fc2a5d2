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
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ExtensionConfig } from "../config/Config.ts"
import * as Freeze from "../platform/Freeze.ts"
import { Transport } from "../platform/Transport.ts"
import * as Abandonment from "./Abandonment.ts"
import { LogBuffer } from "./Buffer.ts"
import { type Destination, Destinations } from "./Destination.ts"
import type { EncodedRecords } from "./EncodedRecords.ts"
import * as FlushDeadline from "./FlushDeadline.ts"
import * as Lane from "./Lane.ts"
import { Ledger } from "./Ledger.ts"
import { WorkList } from "./WorkList.ts"

/** Requests to a destination at once when there is a backlog: more gained nothing against a v0.91.5 server. */
const MAX_IN_FLIGHT = 4

/** A flush that waited at least so long, in ms, and saw nothing stored has met an outage; less says nothing. */
const MIN_PROOF_MS = 1_000

/** A request that is older than this, in ms, when the sandbox ends, without an answer, is sent again on a new connection. */
const STALE_AT_END_MS = 2_000

/** How a flush waits. */
export interface FlushOptions {
  readonly budget: Duration.Duration
  /** Nothing comes after it: it tries even during an outage, and what has not settled in time is given back. */
  readonly isLast: boolean
}

/** How many of the destinations in use have been found to take nothing a moment ago. */
export type Outages = "none" | "some" | "all"

/** Delivers what it is given, in fibers of its own. During an outage of a destination its records wait in the buffer. */
export class OpenObserveSink extends Context.Service<OpenObserveSink, {
  /**
   * The one door for records, whatever their signal. They are copied, and leave when a batch is full, when they are older
   * than `O2_FLUSH_INTERVAL_MS`, or when one of the methods below says so.
   */
  readonly accept: (destination: Destination, records: EncodedRecords) => Effect.Effect<void>
  /**
   * From now on what is accepted is sent; until then it waits, without connections and timers, since these would wake up
   * in every sandbox that is restored from a snapshot.
   */
  readonly open: Effect.Effect<void>
  /**
   * Opens a connection in the background, and finds out whether records would be taken: wrong credentials are told before
   * the first call has ended.
   */
  readonly warmUp: Effect.Effect<void>
  /** Starts delivering what is sealed, and what has been open for longer than the interval. */
  readonly deliverDue: Effect.Effect<void>
  /** Seals what is open and starts delivering. While a server takes nothing, what is open goes on growing instead. */
  readonly deliverAll: Effect.Effect<void>
  /**
   * Seals what is open, as `deliverAll` does, and waits until everything sealed so far has settled, at most for the
   * budget: true when it has. Only the last one waits for what is under way to a destination in an outage. Requests in
   * flight at its end stay in flight.
   */
  readonly flush: (options: FlushOptions) => Effect.Effect<boolean>
  /** Waits until no delivery is under way to a destination that is not in an outage, at most for the given time. */
  readonly awaitSettled: (atMost: Duration.Duration) => Effect.Effect<void>
  /** Where all are in an outage, nobody should wait. */
  readonly outages: Effect.Effect<Outages>
  /** The sandbox may have been frozen since `since` (epoch ms): connections and requests from before are not trusted. */
  readonly thawed: (since: number) => Effect.Effect<void>
}>()("o2-lambda-extension/OpenObserveSink") {
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
      let openSince = -Infinity
      // the last flush has ended
      let isOver = false

      const context = { config, transport, deadline, abandonment, books: { buffer, ledger } }
      const lanes = new Map<Destination, Lane.Lane>()
      for (const destination of yield* Destinations) {
        lanes.set(destination, yield* Lane.make(context, destination, Effect.suspend(() => startWorkers)))
      }

      const laneOf = (destination: Destination): Lane.Lane => {
        const lane = lanes.get(destination)
        if (lane === undefined) throw new Error(`${destination.name} is no destination of this sink`)
        return lane
      }

      const each = (effect: (lane: Lane.Lane) => Effect.Effect<void>) =>
        Effect.suspend(() => Effect.forEach(lanes.values(), effect, { discard: true }))

      /** Delivers a lane's batches one after the other, until none is left that may be sent. */
      const worker = Effect.fnUntraced(
        function*(lane: Lane.Lane) {
          for (;;) {
            const now = yield* Clock.currentTimeMillis
            const work = new WorkList()
            const giveBack = Effect.suspend(() => Effect.forEach(work.rest(), buffer.giveBack, { discard: true }))
            const hasMore = yield* Effect.uninterruptibleMask((restore) =>
              Effect.gen(function*() {
                const batch = yield* buffer.take((destination, inFlight) =>
                  destination === lane.destination && lane.mayTake(inFlight, now)
                )
                if (batch === undefined) return false
                work.add(batch)
                const setback = yield* restore(lane.deliver(work)).pipe(Effect.ensuring(giveBack))
                if (setback !== undefined) yield* lane.failed(setback)
                return true
              })
            )
            if (!hasMore) return
          }
        },
        Effect.catchDefect((defect) => Effect.logError("a delivery ended unexpectedly", { defect: String(defect) }))
      )

      // each lane has workers of its own: those of one wait for answers and between attempts, and must not hold up others
      const startWorkers: Effect.Effect<void> = each((lane) =>
        Effect.gen(function*() {
          // a timer may come too late: what is left is for the disk
          if (isOver) return
          const { sealedBatches } = yield* buffer.stateOf(lane.destination)
          const running = yield* FiberSet.size(lane.deliveries)
          const wanted = Math.min(MAX_IN_FLIGHT, running + sealedBatches)
          for (let count = running; count < wanted; count++) yield* FiberSet.run(lane.deliveries, worker(lane))
        })
      )

      /** Waits until each of these lanes has had no delivery under way. */
      const awaitIdle = (lanes: Iterable<Lane.Lane>) =>
        Effect.forEach(lanes, ({ deliveries }) => FiberSet.awaitEmpty(deliveries), { discard: true })

      const isIdle = Effect.map(
        Effect.suspend(() => Effect.forEach(lanes.values(), ({ deliveries }) => FiberSet.size(deliveries))),
        (sizes) => sizes.every((size) => size === 0)
      )

      const lanesWorthWaiting = Effect.map(
        Clock.currentTimeMillis,
        (now) => [...lanes.values()].filter((lane) => !lane.isPausedAt(now))
      )

      const deliverAll = Effect.gen(function*() {
        const now = yield* Clock.currentTimeMillis
        yield* each((lane) => lane.isPausedAt(now) ? Effect.void : lane.seal)
        yield* startWorkers
      })

      const accept = Effect.fnUntraced(function*(destination: Destination, records: EncodedRecords) {
        laneOf(destination).isUsed = true
        if ((yield* buffer.state).openRecords === 0) openSince = yield* Clock.currentTimeMillis
        yield* buffer.append(destination, records)
        if (isOpen) yield* start
      })

      const start = Effect.gen(function*() {
        const { openRecords, sealedBatches } = yield* buffer.state
        if (sealedBatches > 0) yield* startWorkers
        // no timer while there is nothing to wait for: an idle sandbox must not wake up
        if (openRecords > 0) yield* FiberHandle.run(ageTimer, deliverAged, { onlyIfMissing: true })
      })
      const deliverAged = Effect.andThen(Freeze.sleep(config.flushIntervalMs), deliverAll)

      const outages = Effect.map(Clock.currentTimeMillis, (now): Outages => {
        const used = [...lanes.values()].filter(({ isUsed }) => isUsed)
        const inUse = used.length > 0 ? used : [...lanes.values()]
        const paused = inUse.filter((lane) => lane.isPausedAt(now))
        return paused.length === 0 ? "none" : paused.length === inUse.length ? "all" : "some"
      })

      const flush = Effect.fnUntraced(function*({ budget, isLast }: FlushOptions) {
        if (!isLast && (yield* outages) === "all") return false
        const started = yield* Clock.currentTimeMillis
        // what hangs at a destination in an outage is not waited for
        const awaited = isLast ? [...lanes.values()] : yield* lanesWorthWaiting
        yield* isLast ? buffer.seal() : Effect.forEach(awaited, ({ seal }) => seal, { discard: true })
        const before = new Map(awaited.map((lane) => [lane, lane.storedBatches()]))
        const wait = startWorkers.pipe(
          Effect.andThen(isLast ? abandonment.abandonOlder(started - STALE_AT_END_MS) : Effect.void),
          Effect.andThen(Effect.timeoutOption(awaitIdle(awaited), budget))
        )
        const settled = yield* deadline.flushing(started + Duration.toMillis(budget), isLast, wait)
        if (isLast) {
          isOver = true
          yield* each(({ deliveries }) => FiberSet.clear(deliveries))
        } else if (Option.isNone(settled)) {
          const waited = (yield* Clock.currentTimeMillis) - started
          if (waited >= Math.min(MIN_PROOF_MS, config.flushBudgetMs)) {
            yield* Effect.forEach(before, ([lane, stored]) => lane.waitedInVain(stored, waited), { discard: true })
          }
        }
        const { sealedBatches } = yield* buffer.state
        return sealedBatches === 0 && (yield* isIdle)
      })

      return OpenObserveSink.of({
        accept,
        open: Effect.suspend(() => {
          if (isOpen) return Effect.void
          isOpen = true
          return start
        }),
        warmUp: Effect.suspend(() => {
          // one that gives no answer must not keep the others from being asked
          const all = Effect.forEach(lanes.values(), (lane) => lane.warmUp, { concurrency: "unbounded", discard: true })
          return Effect.asVoid(FiberHandle.run(warming, all))
        }),
        deliverDue: Effect.gen(function*() {
          const isDue = (yield* Clock.currentTimeMillis) - openSince >= config.flushIntervalMs
          yield* isDue ? deliverAll : startWorkers
        }),
        deliverAll,
        flush,
        awaitSettled: (atMost) =>
          Effect.asVoid(Effect.timeoutOption(Effect.flatMap(lanesWorthWaiting, awaitIdle), atMost)),
        outages,
        thawed: Effect.fnUntraced(function*(since) {
          yield* transport.dropIdle
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
