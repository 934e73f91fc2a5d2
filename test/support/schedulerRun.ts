/** A sandbox's life before a moody server, in virtual time, and what was seen of it. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { ExtensionConfig } from "../../src/config/Config.ts"
import { LogBuffer } from "../../src/delivery/Buffer.ts"
import { Destinations } from "../../src/delivery/Destination.ts"
import type { EncodedRecords } from "../../src/delivery/EncodedRecords.ts"
import { isBalanced } from "../../src/delivery/Books.ts"
import { Ledger } from "../../src/delivery/Ledger.ts"
import { OpenObserveSink } from "../../src/delivery/OpenObserveSink.ts"
import { logs } from "./destinations.ts"
import { makeCapturedLog } from "./fakes/capturedLog.ts"
import { settings } from "./fakes/sinkUnderTest.ts"
import { withThaws } from "./fakes/thaws.ts"
import type { Portion } from "./idealClient.ts"
import type { Interval } from "./intervals.ts"
import type { Life, Look, Report, Wait } from "./lives.ts"
import { chanceOf, makeMoodyServer } from "./moodyServer.ts"

const FLUSH_BUDGET_MS = 2000
/** How often is looked, in ms. */
export const LOOK_MS = 100

/** More than there are connections. */
const BACKLOG_BATCHES = 9

/** Longest wait for everything to be delivered, in ms: the longest pause, and a request's time-out. */
const PATIENCE_MS = 150_000

const linesOf = (first: number, count: number, bytes: number): EncodedRecords => {
  const ends: Array<number> = []
  let text = ""
  for (let n = first; n < first + count; n++) {
    text += `{"_timestamp":1,"n":${n},"p":"`.padEnd(bytes - 3, "x") + `"},`
    ends.push(text.length)
  }
  return { bytes: Buffer.from(text), ends, oldestTimestamp: Infinity, columns: new Set() }
}

/** The system's timers know no parts of a millisecond, and never fire before their time. */
const withWholeMillis = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Clock.clockWith((clock) =>
    Effect.provideService(effect, Clock.Clock, {
      ...clock,
      sleep: (duration) => clock.sleep(Duration.millis(Math.ceil(Duration.toMillis(duration))))
    })
  )

/** The outages that were logged. */
const outagesIn = (
  { entries, times }: ReturnType<typeof makeCapturedLog>,
  epoch: number
): ReadonlyArray<Interval> => {
  const found: Array<Interval> = []
  for (const [index, { message }] of entries.entries()) {
    const at = times[index]! - epoch
    if (message.includes("takes no records")) found.push({ from: at, to: Infinity })
    if (message.includes("takes records again")) found.push({ from: found.pop()!.from, to: at })
  }
  return found
}

/** Lives such a life to its end; the server is well at last, and nobody calls any more. */
export const live = (life: Life): Effect.Effect<Report, unknown> =>
  withThaws((freeze) =>
    withWholeMillis(Effect.gen(function*() {
      const epoch = yield* Clock.currentTimeMillis
      const server = makeMoodyServer(life.weather, life.seed, epoch)
      const log = makeCapturedLog()
      const layer = OpenObserveSink.layerNoDeps.pipe(
        Layer.provideMerge(Layer.succeed(Destinations, [logs])),
        Layer.provideMerge(LogBuffer.layerNoDeps),
        Layer.provideMerge(Ledger.layer),
        Layer.provideMerge(ExtensionConfig.layerEnv({
          ...settings,
          O2_MAX_BUFFER_SIZE_MB: "512",
          O2_MAX_BATCH_SIZE_KB: String(life.batchKilobytes)
        })),
        Layer.provideMerge(Layer.merge(server.layer, log.layer))
      )
      return yield* Effect.gen(function*() {
        const sink = yield* OpenObserveSink
        const buffer = yield* LogBuffer
        const ledger = yield* Ledger
        const chance = chanceOf(life.seed ^ 0x5bd1e995)
        const looks: Array<Look> = []
        const waits: Array<Wait> = []
        const freezes: Array<Interval> = []
        const askedAt: Array<number> = []
        let records = 0
        const arrivals: Array<Portion> = []
        const now = Effect.map(Clock.currentTimeMillis, (millis) => millis - epoch)

        const look = Effect.gen(function*() {
          const snapshot = yield* ledger.snapshot
          if (!isBalanced(snapshot)) return yield* Effect.die(new Error(`unbalanced: ${JSON.stringify(snapshot)}`))
          const { buffered, delivered, inFlight, received } = snapshot.logs
          const { openRecords, sealedBatches } = yield* buffer.state
          const at = yield* now
          looks.push({
            at,
            received: received.records,
            delivered: delivered.records,
            waiting: buffered.records + inFlight.records,
            waitingBytes: buffered.bytes + inFlight.bytes,
            inFlight: server.inFlight(),
            sealed: sealedBatches,
            open: openRecords,
            isOutage: (yield* sink.outages) === "all"
          })
        })

        const pass = Effect.fnUntraced(function*(millis: number) {
          for (let left = millis; left > 0; left -= LOOK_MS) {
            yield* TestClock.adjust(Math.min(left, LOOK_MS))
            yield* look
          }
        })

        const measured = Effect.fnUntraced(
          function*(what: Wait["what"], boundMs: number, effect: Effect.Effect<unknown>) {
            const at = yield* now
            const isOutage = (yield* sink.outages) === "all"
            yield* effect
            waits.push({ what, at, boundMs, isOutage, tookMs: (yield* now) - at })
          }
        )

        const during = Effect.fnUntraced(function*(effect: Effect.Effect<void>) {
          const fiber = yield* Effect.forkChild(effect)
          yield* Effect.yieldNow
          for (let step = 0; fiber.pollUnsafe() === undefined && step < 10_000; step++) {
            yield* TestClock.adjust(10)
            if (step % 10 === 9) yield* look
          }
          yield* Fiber.interrupt(fiber)
        })

        const write = Effect.gen(function*() {
          const count = 1 + Math.floor(chance() * (2 * life.recordsPerAccept - 1))
          yield* sink.accept(logs, linesOf(records, count, life.recordBytes))
          arrivals.push({ at: yield* now, bytes: count * life.recordBytes })
          records += count
        })

        yield* sink.open
        yield* sink.warmUp
        while ((yield* now) < life.lifeMs) {
          if (life.tier === "continuous") askedAt.push(yield* now)
          yield* life.tier === "continuous" ? sink.deliverAll : sink.deliverDue
          const ends = (yield* now) + Math.round(life.callMs * (0.5 + chance()))
          const isUseless = (yield* sink.outages) === "all"
          const settling = life.tier === "continuous" && !isUseless
            ? yield* Effect.forkChild(
              measured(
                "settled",
                Math.floor(life.callMs / 2),
                sink.awaitSettled(Duration.millis(Math.floor(life.callMs / 2)))
              )
            )
            : undefined
          for (;;) {
            const next = -Math.log(1 - chance()) * 1000 / life.acceptsPerSecond
            const at = yield* now
            if (at + next >= ends) {
              yield* pass(Math.max(0, Math.round(ends - at)))
              break
            }
            yield* pass(Math.round(next))
            yield* write
          }
          if (settling !== undefined) yield* Fiber.await(settling)
          if (life.tier === "end") {
            askedAt.push(yield* now)
            yield* during(
              measured(
                "flush",
                FLUSH_BUDGET_MS,
                sink.flush({ budget: Duration.millis(FLUSH_BUDGET_MS), isLast: false })
              )
            )
          }
          yield* look
          const gap = Math.round(life.gapMs * 2 * chance())
          const since = yield* Clock.currentTimeMillis
          if (life.isFrozen && gap > 0) {
            freezes.push({ from: since - epoch, to: since - epoch + gap })
            yield* freeze(gap)
            if (gap > 1000) yield* sink.thawed(since)
          } else yield* pass(gap)
          yield* look
        }
        // nobody calls any more, and the server is well
        server.mend()
        const mendedAt = yield* now
        let deliveredAt = Infinity
        const { waitingBytes } = looks.at(-1)!
        const patienceMs = PATIENCE_MS + life.weather.mostMs * waitingBytes / (life.batchKilobytes * 1024)
        for (let step = 0; step < patienceMs / LOOK_MS && deliveredAt === Infinity; step++) {
          yield* pass(LOOK_MS)
          if (looks.at(-1)!.waiting === 0) deliveredAt = looks.at(-1)!.at
        }
        // a backlog of many batches
        yield* sink.accept(logs, linesOf(records, BACKLOG_BATCHES, life.batchKilobytes * 1024 - 2))
        records += BACKLOG_BATCHES
        yield* TestClock.adjust(1)
        const connections = server.inFlight()
        yield* pass(1000)
        yield* write
        yield* during(Effect.asVoid(sink.flush({ budget: Duration.millis(20 * life.weather.mostMs), isLast: true })))
        yield* look
        const { dropped, possiblyDuplicated, received, rejected } = (yield* ledger.snapshot).logs
        const sum = (tallies: Readonly<Partial<Record<string, { readonly records: number }>>>) =>
          Object.values(tallies).reduce((sum, tally) => sum + (tally?.records ?? 0), 0)
        return {
          server,
          looks,
          waits,
          outages: outagesIn(log, epoch),
          freezes,
          askedAt,
          mendedAt,
          deliveredAt,
          connections,
          left: looks.at(-1)!.waiting,
          received: received.records,
          possiblyDuplicated: possiblyDuplicated.records,
          rejected: sum(rejected),
          dropped: sum(dropped),
          errors: log.at("Error"),
          arrivals
        }
      }).pipe(Effect.provide(layer))
    }))
  ).pipe(
    Random.withSeed(`chance of ${life.seed}`),
    Effect.provide(TestClock.layer({ warningDelay: "1 minute" })),
    Effect.scoped
  )
