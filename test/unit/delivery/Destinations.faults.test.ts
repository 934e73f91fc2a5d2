/** The fault matrix with two destinations: what ails one server costs the other destination nothing. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { OpenObserveSink } from "../../../src/delivery/OpenObserveSink.ts"
import type { Answer } from "../../support/fakes/ControlledTransport.ts"
import { framesSecret } from "../../support/framesDestination.ts"
import {
  accountsOf,
  books,
  deliverAll,
  type Fault,
  flush,
  makeSideBySide,
  numbersFrom,
  otherThan,
  type Side,
  signalOf,
  write
} from "../../support/sideBySide.ts"

const SIDES: ReadonlyArray<Side> = ["frames", "logs"]

const SECRETS: Readonly<Record<Side, string>> = { frames: framesSecret, logs: "Basic eDpzZWNyZXQ=" }

/** The record that a trouble is about. */
const BAD = 17

/** Records of a side at the beginning: more batches than requests at once. */
const BURST = 60

/** Records that come later, each time: one batch. */
const LATER = 5

/** Numbers of the well side begin here. */
const WELL = 1000

const always = (answer: Answer): Fault => () => ({ _tag: "Answers", answer })

/** A trouble of one server, and what becomes of its records. */
interface Trouble {
  readonly name: string
  readonly fault: (side: Side) => Fault
  /** Nothing is stored until it is over. */
  readonly isOutage?: boolean
  /** Whether some may be stored twice, for all that the client knows. */
  readonly isUncertain?: boolean
  readonly rejected?: Readonly<Record<string, number>>
  /** The one warning, with its cause and remedy. */
  readonly says: RegExp
}

const troubles: ReadonlyArray<Trouble> = [
  {
    name: "503 for a while",
    fault: () => always({ status: 503, body: "not now" }),
    isOutage: true,
    says: /takes no records.*503/
  },
  {
    name: "401 until mended",
    fault: (side) => always({ status: 401, body: `denied: ${SECRETS[side]}` }),
    isOutage: true,
    says: /takes no records.*401.*\*\*\*.*(O2_AUTHORIZATION_HEADER|set for frames)/
  },
  {
    name: "404 until mended",
    fault: () => always({ status: 404 }),
    isOutage: true,
    says: /takes no records.*404.*(O2_ENDPOINT|set for frames)/
  },
  {
    name: "no answer, then well",
    fault: () => () => ({ _tag: "Hangs" }),
    isOutage: true,
    isUncertain: true,
    says: /takes no records.*no answer from/
  },
  {
    name: "connections refused",
    fault: () => always({ code: "ECONNREFUSED", isSent: false }),
    isOutage: true,
    says: /takes no records.*nothing listens/
  },
  {
    name: "every connection reset",
    fault: () => always({ code: "ECONNRESET", isSent: true }),
    isOutage: true,
    isUncertain: true,
    says: /takes no records.*connection was reset/
  },
  {
    name: "a reset for one record",
    fault: () => ({ numbers }) =>
      numbers.includes(BAD) ? { _tag: "Answers", answer: { code: "ECONNRESET", isSent: true } } : undefined,
    isUncertain: true,
    rejected: { poison: 1 },
    says: /cannot store a record.*connection was reset/
  },
  {
    name: "poison in one record",
    fault: () => ({ numbers }) => numbers.includes(BAD) ? { _tag: "FindsPoison" } : undefined,
    rejected: { poison: 1 },
    says: /cannot store a record.*(SerdeJson|a frame cannot be stored)/
  },
  {
    name: "413 for large batches, and for one record alone",
    fault: () => ({ numbers }) =>
      numbers.length > 3 || numbers.includes(BAD) ? { _tag: "Answers", answer: { status: 413 } } : undefined,
    rejected: { too_large: 1 },
    says: /cannot store a record.*413/
  },
  {
    name: "one record of a batch refused",
    fault: () => () => ({ _tag: "Stores", refused: [BAD] }),
    rejected: { refused: 1 },
    says: /did not store all records of a batch.*(logs|frames): refused/
  }
]

/** What the books of a side say when all of its records have come to their end. */
const settled = (received: number, rejected: Readonly<Record<string, number>> = {}) => ({
  received,
  replayed: 0,
  delivered: received - Object.values(rejected).reduce((sum, count) => sum + count, 0),
  rejected,
  dropped: {},
  spilled: 0,
  waiting: 0
})

describe.each(SIDES)("trouble of %s alone:", (sick) => {
  const well = otherThan(sick)

  it.effect.each(troubles)("$name", ({ fault, isOutage = false, isUncertain = false, rejected = {}, says }) => {
    const { layer, log, servers } = makeSideBySide({ env: { O2_REQUEST_TIMEOUT_MS: "2000" } })
    return Effect.gen(function*() {
      yield* OpenObserveSink.use((sink) => sink.open)
      servers[sick].fault = fault(sick)
      let written = 0
      const writeBoth = Effect.fnUntraced(function*(count: number) {
        // the sick one's come first, so that there is something to be held up by
        yield* write(sick, numbersFrom(written, count))
        yield* write(well, numbersFrom(WELL + written, count))
        written += count
        yield* deliverAll
        // no time passes
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(servers[well].stored.toSorted((a, b) => a - b), numbersFrom(WELL, written))
        assert.deepStrictEqual(yield* accountsOf(well), settled(written))
      })

      yield* writeBoth(BURST)
      // between two attempts, during one, after the last, in the outage's pause, at its probe
      for (const seconds of [0.5, 1, 2, 4, 8, 15, 31, 31]) {
        yield* TestClock.adjust(`${seconds} seconds`)
        yield* writeBoth(LATER)
      }
      if (isOutage) {
        assert.deepStrictEqual(servers[sick].stored, [])
        assert.deepStrictEqual({ ...(yield* accountsOf(sick)), waiting: 0 }, { ...settled(written), delivered: 0 })
        servers[sick].fault = undefined
      }
      yield* TestClock.adjust("5 minutes")

      const lost = Object.keys(rejected).length > 0 ? [BAD] : []
      assert.deepStrictEqual(
        servers[sick].stored.toSorted((a, b) => a - b),
        numbersFrom(0, written).filter((n) => !lost.includes(n))
      )
      assert.deepStrictEqual(yield* accountsOf(sick), settled(written, rejected))
      assert.deepStrictEqual(yield* accountsOf(well), settled(written))
      const snapshot = yield* books
      assert.strictEqual(snapshot[signalOf[well]].possiblyDuplicated.records, 0)
      assert.strictEqual(snapshot[signalOf[sick]].possiblyDuplicated.records > 0, isUncertain)
      assert.strictEqual(snapshot.metrics.received.records, 0)
      // all that is said is said of the sick one, and without its secret
      const said = JSON.stringify(log.entries)
      assert.deepStrictEqual(new Set(log.entries.map(({ fields }) => fields["signal"])), new Set([signalOf[sick]]))
      assert.strictEqual(log.at("Warn").length, 1, said)
      assert.match(said, says)
      for (const secret of Object.values(SECRETS)) assert.notInclude(said, secret)
    }).pipe(Effect.provide(layer))
  })

  it.effect("a record that seems to be poison is given up for what its own server stores, not the other", () => {
    const { layer, servers } = makeSideBySide({ env: { O2_MAX_RETRIES: "0" } })
    return Effect.gen(function*() {
      yield* OpenObserveSink.use((sink) => sink.open)
      servers[sick].fault = ({ numbers }) => numbers.includes(BAD) ? { _tag: "FindsPoison" } : undefined
      yield* write(sick, [BAD])
      for (let n = 0; n < 20; n++) {
        yield* write(well, [WELL + n])
        yield* deliverAll
        yield* TestClock.adjust("10 seconds")
      }
      assert.deepStrictEqual(yield* accountsOf(well), settled(20))
      assert.deepInclude(yield* accountsOf(sick), { waiting: 1, rejected: {} })
      yield* write(sick, [BAD + 1])
      yield* TestClock.adjust("3 minutes")
      assert.deepStrictEqual(yield* accountsOf(sick), settled(2, { poison: 1 }))
      assert.deepStrictEqual(servers[sick].stored, [BAD + 1])
    }).pipe(Effect.provide(layer))
  })

  // compression takes the system's time, which the test's clock knows nothing of
  it.live("415 for compressed bodies", () => {
    const { layer, log, servers } = makeSideBySide({ env: { O2_COMPRESSION: "gzip" } })
    return Effect.gen(function*() {
      servers[sick].fault = ({ isCompressed }) =>
        isCompressed ? { _tag: "Answers", answer: { status: 415 } } : undefined
      for (let round = 0; round < 2; round++) {
        yield* write(sick, numbersFrom(round * BURST, BURST))
        yield* write(well, numbersFrom(WELL + round * BURST, BURST))
        assert.isTrue(yield* flush(20_000))
      }
      for (const [side, first] of [[sick, 0], [well, WELL]] as const) {
        assert.deepStrictEqual(servers[side].stored.toSorted((a, b) => a - b), numbersFrom(first, 2 * BURST))
        assert.deepStrictEqual(yield* accountsOf(side), settled(2 * BURST))
      }
      assert.isTrue(servers[well].requests.every(({ isCompressed }) => isCompressed))
      // those that were under way together when it was found out
      assert.isAtMost(servers[sick].requests.filter(({ isCompressed }) => isCompressed).length, 4)
      assert.strictEqual(log.at("Warn").length, 1)
      assert.match(log.at("Warn")[0]!, /takes no compressed requests/)
    }).pipe(Effect.provide(layer))
  })
})
