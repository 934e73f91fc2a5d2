/** What two destinations leave on the disk, and how the next process brings each its own. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Zlib from "node:zlib"
import { text } from "../../../src/delivery/Batch.ts"
import { LogBuffer } from "../../../src/delivery/Buffer.ts"
import * as Spilling from "../../../src/lifecycle/Spilling.ts"
import { Spill } from "../../../src/spill/Spill.ts"
import type { makeCapturedLog } from "../../support/fakes/capturedLog.ts"
import {
  accountsOf,
  books,
  type Fault,
  flush,
  makeSideBySide,
  numbersFrom,
  numbersIn,
  otherThan,
  type Side,
  type SideBySideOptions,
  write
} from "../../support/sideBySide.ts"
import { makeSandbox } from "../../support/spillFixtures.ts"

const SIDES: ReadonlyArray<Side> = ["frames", "logs"]

const COUNT = 60

const refusing: Fault = () => ({ _tag: "Answers", answer: { code: "ECONNREFUSED", isSent: false } })

type Process = ReturnType<typeof makeSideBySide>

/** One life of a process in a sandbox, from what it is left with to what it leaves, and a look at its books then. */
const generation = (options: SideBySideOptions, test: Act, afterwards: Act = () => Effect.void) => {
  // the test's clock moves no retry
  const process = makeSideBySide({ ...options, env: { O2_MAX_RETRIES: "0", ...options.env } })
  return Effect.gen(function*() {
    yield* Spilling.catchUp
    yield* test(process)
    yield* spillAll
    yield* afterwards(process)
  }).pipe(Effect.provide(process.layer))
}

type Act = (process: Process) => Effect.Effect<void, never, Layer.Success<Process["layer"]>>

/** The end of a process: one more try, and what is left goes to the disk. */
const spillAll = Effect.andThen(flush(1000, true), Spilling.atEnd(Duration.minutes(1)))

/** Writes records of both sides in turn, in several batches each. */
const writeBoth = Effect.gen(function*() {
  for (let n = 0; n < COUNT; n++) for (const side of SIDES) yield* write(side, [n])
})

const ascending = (numbers: ReadonlyArray<number>) => numbers.toSorted((a, b) => a - b)

/** The records of a side that wait, in the order in which they would be sent. */
const waitingIn = Effect.fnUntraced(function*(side: Side) {
  const buffer = yield* LogBuffer
  yield* buffer.seal()
  const batches = yield* buffer.unsettled
  return batches.filter(({ destination }) => destination.name === side).flatMap((batch) => numbersIn(side, text(batch)))
})

/** A process that ends with all of it undelivered. */
const leaveBoth = (options: SideBySideOptions, afterwards?: Act) =>
  generation(options, ({ servers }) =>
    Effect.gen(function*() {
      for (const side of SIDES) servers[side].fault = refusing
      yield* writeBoth
    }), afterwards)

/** A file as version 1 wrote it, which did not know of destinations. */
const formatOne = (body: Buffer, records: number, bytes: number, oldest: number): Buffer => {
  const header = Buffer.alloc(37)
  header.write("o2spill", "latin1")
  header[7] = 1
  header.writeUInt32BE(records, 13)
  header.writeDoubleBE(bytes, 17)
  header.writeDoubleBE(oldest, 25)
  header.writeUInt32BE(body.length, 33)
  const file = Buffer.concat([header, body])
  file.writeUInt32BE(Zlib.crc32(file.subarray(12)), 8)
  return file
}

const replayed = (count: number) => ({ replayed: count, delivered: count, dropped: {}, spilled: 0, waiting: 0 })

describe("what two destinations leave", () => {
  it.effect("is delivered by the next process, to each its own and in order", () =>
    Effect.gen(function*() {
      const { names, tmp } = yield* makeSandbox
      yield* leaveBoth({ temporaryDirectory: tmp }, () =>
        Effect.gen(function*() {
          for (const side of SIDES) {
            assert.deepInclude(yield* accountsOf(side), { received: COUNT, delivered: 0, spilled: COUNT, waiting: 0 })
          }
        }))
      assert.isAbove(names().length, 8)
      yield* generation({ temporaryDirectory: tmp }, ({ log, servers }) =>
        Effect.gen(function*() {
          // what is new comes behind what was left
          for (const side of SIDES) yield* write(side, numbersFrom(COUNT, 5))
          for (const side of SIDES) assert.deepStrictEqual(yield* waitingIn(side), numbersFrom(0, COUNT + 5))
          assert.isTrue(yield* flush())
          for (const side of SIDES) {
            assert.deepStrictEqual(ascending(servers[side].stored), numbersFrom(0, COUNT + 5))
            assert.deepInclude(yield* accountsOf(side), { ...replayed(COUNT), received: 5, delivered: COUNT + 5 })
          }
          yield* Spilling.catchUp
          assert.deepStrictEqual(names(), [])
          assert.isTrue(yield* Spill.use((spill) => spill.isIdle))
          assert.deepStrictEqual(log.entries, [])
        }))
    }))

  // compression takes the system's time
  it.live("is kept compressed", () =>
    Effect.gen(function*() {
      const { tmp } = yield* makeSandbox
      const options = { temporaryDirectory: tmp, env: { O2_COMPRESSION: "gzip" } }
      yield* leaveBoth(options)
      yield* generation(options, ({ servers }) =>
        Effect.gen(function*() {
          assert.isTrue(yield* flush(20_000))
          for (const side of SIDES) {
            assert.deepStrictEqual(ascending(servers[side].stored), numbersFrom(0, COUNT))
            assert.isTrue(servers[side].requests.every(({ isCompressed }) => isCompressed))
            assert.deepInclude(yield* accountsOf(side), replayed(COUNT))
          }
        }))
    }))

  it.effect.each(SIDES)(
    "waits for %s through another process, and the other's does not",
    (sick) =>
      Effect.gen(function*() {
        const { names, tmp } = yield* makeSandbox
        const well = otherThan(sick)
        yield* leaveBoth({ temporaryDirectory: tmp })
        const files = names()
        yield* generation({ temporaryDirectory: tmp }, ({ servers }) =>
          Effect.gen(function*() {
            servers[sick].fault = refusing
            assert.isFalse(yield* flush())
            assert.deepStrictEqual(ascending(servers[well].stored), numbersFrom(0, COUNT))
          }), () =>
          Effect.gen(function*() {
            assert.deepInclude(yield* accountsOf(well), replayed(COUNT))
            assert.deepInclude(yield* accountsOf(sick), { replayed: COUNT, delivered: 0, spilled: COUNT, dropped: {} })
          }))
        assert.isTrue(names().length < files.length && names().every((name) => files.includes(name)))
        yield* generation({ temporaryDirectory: tmp }, ({ servers }) =>
          Effect.gen(function*() {
            assert.isTrue(yield* flush())
            assert.deepStrictEqual(ascending(servers[sick].stored), numbersFrom(0, COUNT))
            assert.deepStrictEqual(servers[well].stored, [])
          }))
        assert.deepStrictEqual(names(), [])
      })
  )

  it.effect.each(SIDES)("may be parts of a divided batch of %s", (side) =>
    Effect.gen(function*() {
      const { names, tmp } = yield* makeSandbox
      yield* generation({ temporaryDirectory: tmp }, ({ servers }) =>
        Effect.gen(function*() {
          servers[side].fault = ({ numbers }) => ({
            _tag: "Answers",
            answer: { status: numbers.length > 4 ? 413 : 503 }
          })
          yield* write(side, numbersFrom(0, 9))
        }))
      assert.isAbove(names().length, 1)
      yield* generation({ temporaryDirectory: tmp }, ({ servers }) =>
        Effect.gen(function*() {
          assert.isTrue(yield* flush())
          assert.deepStrictEqual(ascending(servers[side].stored), numbersFrom(0, 9))
          assert.deepInclude(yield* accountsOf(side), replayed(9))
        }))
    }))
})

describe("a file that does not name its destination", () => {
  it.effect("is of logs, and comes back beside those of both", () =>
    Effect.gen(function*() {
      const { directory, tmp } = yield* makeSandbox
      // the bytes that version 1 is known by
      const known = "6f327370696c6c01 0c8acb14 00 00000001 3ff0000000000000 4319640000000000 00000002 5b5d"
      assert.strictEqual(
        formatOne(Buffer.from("[]"), 1, 1, 1_786_706_395_136_000).toString("hex"),
        known.replaceAll(" ", "")
      )
      yield* leaveBoth({ temporaryDirectory: tmp })
      const body = Buffer.from("[{\"_timestamp\":1,\"n\":901},{\"_timestamp\":2,\"n\":902}]")
      const name = `000000000000001-1-4503599627370496-2-${body.length}.spill`
      Fs.writeFileSync(`${directory}/${name}`, formatOne(body, 2, body.length - 1, 1))
      yield* generation({ temporaryDirectory: tmp }, ({ servers }) =>
        Effect.gen(function*() {
          // the oldest generation comes first
          assert.deepStrictEqual(yield* waitingIn("logs"), [901, 902, ...numbersFrom(0, COUNT)])
          assert.deepStrictEqual(yield* waitingIn("frames"), numbersFrom(0, COUNT))
          assert.isTrue(yield* flush())
          assert.deepStrictEqual(ascending(servers.logs.stored), [...numbersFrom(0, COUNT), 901, 902])
          assert.deepStrictEqual(ascending(servers.frames.stored), numbersFrom(0, COUNT))
          assert.deepInclude(yield* accountsOf("logs"), replayed(COUNT + 2))
          assert.deepInclude(yield* accountsOf("frames"), replayed(COUNT))
        }))
    }))
})

describe("a file for a destination that this process does not have", () => {
  it.effect.each(SIDES)("is given up and counted, and those of %s come back", (kept) =>
    Effect.gen(function*() {
      const { directory, names, tmp } = yield* makeSandbox
      yield* leaveBoth({ temporaryDirectory: tmp })
      const gone = otherThan(kept)
      const foreign = names().filter((name) => {
        const file = Fs.readFileSync(`${directory}/${name}`)
        return file.toString("latin1", 38, 38 + file[37]!) === gone
      })
      assert.isAbove(foreign.length, 4)
      yield* generation({ temporaryDirectory: tmp, sides: [kept] }, ({ log, servers }) =>
        Effect.gen(function*() {
          assert.isTrue(yield* flush())
          assert.deepStrictEqual(ascending(servers[kept].stored), numbersFrom(0, COUNT))
          assert.deepStrictEqual(servers[gone].stored, [])
          assert.strictEqual((yield* books).receiving.spillFilesDropped, foreign.length)
          assert.deepInclude(yield* accountsOf(kept), replayed(COUNT))
          assert.deepInclude(yield* accountsOf(gone), { received: 0, replayed: 0, dropped: {}, waiting: 0 })
          assertTold(log, foreign.length)
          // for good: nothing of it is tried or told again
          yield* Spilling.catchUp
          assert.deepStrictEqual(names(), [])
          assert.strictEqual((yield* books).receiving.spillFilesDropped, foreign.length)
          assertTold(log, foreign.length)
          assert.strictEqual((yield* LogBuffer.use((buffer) => buffer.state)).heldBytes, 0)
        }))
    }))

  const assertTold = (log: ReturnType<typeof makeCapturedLog>, files: number) => {
    assert.strictEqual(log.entries.length, 1)
    assert.deepInclude(log.entries[0], {
      level: "Warn",
      message: "files that an earlier start has left are not usable and were dropped"
    })
    assert.deepInclude(log.entries[0]!.fields, { destination: files })
  }
})
