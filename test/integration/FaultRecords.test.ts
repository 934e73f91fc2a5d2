/**
 * The fault matrix: what is wrong is in the records. They are settled one by one while the server goes on taking others,
 * so that it makes no difference whether the server gets any better.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Fault } from "../../src/testing/OpenObserveDouble.ts"
import { assertNoSecrets, complaints, ended, occurrences } from "./books.ts"
import type { Ledger } from "./books.ts"
import { assertUnharmed, inCell, linesOf, MAX_IN_FLIGHT } from "./faultMatrix.ts"
import type { Cell } from "./faultMatrix.ts"
import { carrying, recordsOf } from "./sandbox.ts"

/** A trouble with one record of many. */
interface Row extends Cell {
  readonly name: string
  readonly fault?: Fault
  /** The line that the trouble is about. */
  readonly line: string
  /** What the books say of it; nothing when it is stored like the others. */
  readonly rejected: Ledger
  /** Whether the client cannot know that nothing of a request was stored. */
  readonly isUncertain?: boolean
  /** Requests that find out about the one record among `records` others in `batches`. */
  readonly atMost: (records: number, batches: number) => number
  /** What the only warning says. */
  readonly says: RegExp | undefined
}

const POISON = "poison"

const LIMIT_BYTES = 8 * 1024

/** Each halving sends both halves; one of them goes on. */
const halvings = (records: number): number => 2 * Math.ceil(Math.log2(records))

const UNREADABLE = Fault.Answer({
  status: 400,
  body: "{\"code\":400,\"message\":\"SerdeJsonError# lone leading surrogate in hex escape at line 1 column 9\"}"
})

const isPoisoned = (body: string) => body.includes(POISON)

const rows: ReadonlyArray<Row> = [
  {
    name: "400 for one record",
    fault: Fault.ForBody({ matches: isPoisoned, fault: UNREADABLE }),
    line: POISON,
    rejected: { poison: 1 },
    atMost: (records, batches) => batches + halvings(records),
    says: /cannot store a record.*HTTP 400.*surrogate/
  },
  {
    name: "a reset for one record",
    fault: Fault.ForBody({ matches: isPoisoned, fault: Fault.ResetBeforeStoring() }),
    line: POISON,
    rejected: { poison: 1 },
    isUncertain: true,
    // it is tried twice before it is suspected, at each halving
    atMost: (records, batches) => batches + 3 * halvings(records),
    says: /cannot store a record.*reset/
  },
  {
    name: "413 for one record, and for large batches",
    fault: Fault.ForBody({
      matches: (body) => body.length > LIMIT_BYTES,
      fault: Fault.Answer({ status: 413, body: "Failed to buffer the request body: length limit exceeded" })
    }),
    line: "x".repeat(LIMIT_BYTES),
    rejected: { too_large: 1 },
    // 64 KiB and less come down to 4 KiB and more
    atMost: (_, batches) => batches * 31,
    says: /cannot store a record.*HTTP 413/
  },
  {
    name: "200 with failed 1",
    fault: Fault.RefusesRecords({ containing: POISON }),
    line: POISON,
    rejected: { refused: 1 },
    atMost: (_, batches) => batches,
    says: /did not store all records of a batch.*refused for/
  },
  {
    name: "415 for compressed bodies",
    fault: Fault.TakesNoCompression(),
    line: "as good as any",
    rejected: {},
    // what was under way when it was found out is sent again
    atMost: (_, batches) => batches + MAX_IN_FLIGHT,
    says: /no compressed requests.*O2_COMPRESSION/
  }
]

const LOADS = [["few lines", 3], ["a burst", 1000]] as const

describe.concurrent("OpenObserve answers", () => {
  for (const row of rows) {
    for (const [load, count] of LOADS) {
      it.live(`${row.name}, ${load}`, () =>
        inCell(row, (sandbox) =>
          Effect.gen(function*() {
            const { functionLines, invoke, openObserve, ownLines } = sandbox
            yield* openObserve.setFault(row.fault)
            const payload = { lines: [row.line], flood: { text: "good ".padEnd(200, "."), count } }
            assertUnharmed(yield* invoke(payload))
            // the record is no reason to make others wait
            assertUnharmed(yield* invoke({ lines: ["next"] }))
            assert.include(yield* functionLines, "next\n")
            const ledger = yield* ended(sandbox)

            const isRejected = Object.keys(row.rejected).length > 0
            const lost = isRejected ? 1 : 0
            assert.deepInclude(ledger, {
              rejected: row.rejected,
              dropped: {},
              spilled: 0,
              delivered: ledger["received"] - lost,
              level: isRejected ? "warn" : "info"
            })
            if (row.isUncertain !== true) assert.strictEqual(ledger["possiblyDuplicated"], 0)
            const counts = occurrences(yield* functionLines)
            assert.deepStrictEqual(
              [...counts.keys()].toSorted(),
              [...linesOf(payload).slice(lost), "next\n"].toSorted()
            )
            assert.isTrue([...counts.values()].every((times) => times === 1))

            const { receivedBytes, received } = ledger as Record<"received" | "receivedBytes", number>
            // sealed when full or at the end of the call, and what comes after it
            const batches = Math.ceil(receivedBytes / (50 * 1024)) + 4
            const requests = carrying(yield* openObserve.requests)
            assert.isAtMost(requests.length, row.atMost(received, batches))
            const said = complaints(yield* ownLines).map((line) => JSON.stringify(line))
            assert.strictEqual(said.length, row.says === undefined ? 0 : 1, said.join("\n"))
            if (row.says !== undefined) assert.match(said[0] ?? "", row.says)
            yield* assertNoSecrets(sandbox)
          })))
    }
  }
})

describe.concurrent("OpenObserve answers 200", () => {
  // OpenObserve Cloud takes 200 columns in a batch and drops it without a word when there are more
  for (const [load, count] of LOADS) {
    it.live(`with 0/0 for too many columns, ${load}: everything is stored, the wide record narrowed`, () =>
      inCell({ logFormat: "JSON", openObserve: { flavour: "cloud" } }, (sandbox) =>
        Effect.gen(function*() {
          const { functionRecords, invoke, ownLines } = sandbox
          const columns = Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`column_${n}`, `needle ${n}`]))
          const good = linesOf({ flood: { text: "good", count } }).map((line) => line.trimEnd())
          assertUnharmed(yield* invoke({ lines: [JSON.stringify(columns), ...good] }))
          const ledger = yield* ended(sandbox)
          assert.deepInclude(ledger, { rejected: {}, dropped: {}, spilled: 0, delivered: ledger["received"] })
          const records = yield* functionRecords
          const messages = records.map((record) => record["record_message"])
          assert.deepStrictEqual(
            messages.filter((message) => good.includes(String(message))).toSorted(),
            good.toSorted()
          )
          assert.strictEqual(records.length, good.length + 1)
          const wide = JSON.stringify(records.filter(({ record_message }) => !good.includes(String(record_message))))
          for (const value of Object.values(columns)) assert.include(wide, value)
          assert.isAtMost(complaints(yield* ownLines).length, 1)
        })))
  }

  it.live("never with 0/0 where records are wide only together: they are sent in groups", () =>
    inCell({ logFormat: "JSON", openObserve: { flavour: "cloud" } }, (sandbox) =>
      Effect.gen(function*() {
        const { functionRecords, invoke, openObserve } = sandbox
        const lines = Array.from({ length: 12 }, (_, line) =>
          JSON.stringify(
            Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`column_${line % 6}_${n}`, `${line} ${n}`]))
          ))
        assertUnharmed(yield* invoke({ lines }))
        const ledger = yield* ended(sandbox)
        assert.deepInclude(ledger, { rejected: {}, delivered: ledger["received"], level: "info" })
        assert.strictEqual((yield* functionRecords).length, lines.length)
        for (const record of yield* functionRecords) {
          assert.strictEqual(Object.keys(record).filter((key) => key.startsWith("record_column_")).length, 60)
        }
        const carried = carrying(yield* openObserve.requests).map((request) => recordsOf(request).length)
        assert.strictEqual(carried.reduce((sum, count) => sum + count, 0), ledger["received"])
      })))

  it.live("never with 0/0 where each record has keys of its own: objects stay whole, and they leave together", () =>
    inCell({ logFormat: "JSON", openObserve: { flavour: "cloud" } }, (sandbox) =>
      Effect.gen(function*() {
        const { functionRecords, invoke, openObserve, ownLines } = sandbox
        const lines = Array.from({ length: 60 }, (_, line) =>
          JSON.stringify({
            message: `line ${line}`,
            attributes: Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`key_${line}_${n}`, `${line} ${n}`]))
          }))
        for (let call = 0; call < 6; call++) {
          assertUnharmed(yield* invoke({ lines: lines.slice(call * 10, call * 10 + 10) }))
        }
        const ledger = yield* ended(sandbox)
        assert.deepInclude(ledger, { rejected: {}, dropped: {}, spilled: 0, delivered: ledger["received"] })
        const stored = JSON.stringify(yield* functionRecords)
        for (let line = 0; line < 60; line++) assert.include(stored, `key_${line}_99`)
        // not one for each line
        assert.isAtMost(carrying(yield* openObserve.requests).length, 6 * 3)
        assert.isAtMost(complaints(yield* ownLines).length, 1)
      })))

  it.live("with 0/0 for everything: that is an outage, and no record is given up for it", () =>
    inCell({}, (sandbox) =>
      Effect.gen(function*() {
        const { invoke, openObserve, ownLines } = sandbox
        yield* openObserve.setFault(Fault.StoredNothing())
        assertUnharmed(yield* invoke({ flood: { text: "unheard", count: 100 } }))
        const ledger = yield* ended(sandbox)
        assert.deepInclude(ledger, { delivered: 0, dropped: {}, rejected: {}, level: "warn" })
        assert.strictEqual(ledger["spilled"], ledger["received"])
        // some divisions, and then some that try whether the server is well again
        assert.isAtMost(carrying(yield* openObserve.requests).length, 100)
        assert.strictEqual(complaints(yield* ownLines).length, 1)
      })))

  // a v0.91.5 on a full disk was seen to acknowledge what it does not keep: nothing in the answer tells
  it.live("and keeps nothing: it has to be believed", () =>
    inCell({}, (sandbox) =>
      Effect.gen(function*() {
        const { invoke, openObserve, ownLines } = sandbox
        yield* openObserve.setFault(Fault.ClaimsStored())
        assertUnharmed(yield* invoke({ flood: { text: "unheard", count: 100 } }))
        const ledger = yield* ended(sandbox)
        assert.deepInclude(ledger, { delivered: ledger["received"], rejected: {}, dropped: {}, level: "info" })
        assert.deepStrictEqual(complaints(yield* ownLines), [])
        assert.strictEqual((yield* openObserve.records("default")).length, 0)
      })))
})

const hoursBefore = (nowMillis: number, hours: number) => new Date(nowMillis - hours * 3_600_000).toISOString()

describe.concurrent("OpenObserve takes nothing that is older than five hours", () => {
  it.live("but a line that comes as late as that is stored, with its time beside", () =>
    inCell({}, (sandbox) =>
      Effect.gen(function*() {
        const { emulator, functionRecords, invoke } = sandbox
        assertUnharmed(yield* invoke({ lines: ["before"] }))
        const time = hoursBefore(yield* Clock.currentTimeMillis, 6)
        yield* emulator.emit({ type: "function", record: "late\n", time })
        assertUnharmed(yield* invoke({ lines: ["after"] }))
        const ledger = yield* ended(sandbox)
        assert.deepInclude(ledger, { rejected: {}, dropped: {}, spilled: 0, delivered: ledger["received"] })
        const records = yield* functionRecords
        assert.deepStrictEqual(records.map(({ record }) => record).toSorted(), ["after\n", "before\n", "late\n"])
        assert.strictEqual(records.find(({ record }) => record === "late\n")?.["time"], time)
      })))
})

describe.concurrent("OpenObserve answers 500", () => {
  it.live("whenever one record is among others: what is written later does not wait for it to be stored", () =>
    inCell({}, (sandbox) =>
      Effect.gen(function*() {
        const { functionLines, invoke, openObserve } = sandbox
        const fault = Fault.Answer({ status: 500, body: "internal server error during log ingestion" })
        yield* openObserve.setFault(Fault.ForBody({ matches: isPoisoned, fault }))
        assertUnharmed(yield* invoke({ lines: [POISON] }))
        for (let call = 0; call < 40 && !(yield* functionLines).includes("later 0\n"); call++) {
          assertUnharmed(yield* invoke({ lines: [`later ${call}`], sleepMs: 250 }))
        }
        assert.include(yield* functionLines, "later 0\n")
        assert.notInclude(yield* functionLines, `${POISON}\n`)
        yield* openObserve.setFault(undefined)
        const ledger = yield* ended(sandbox)
        assert.deepInclude(ledger, { rejected: {}, dropped: {}, spilled: 0, delivered: ledger["received"] })
        assert.include(yield* functionLines, `${POISON}\n`)
      })))
})

describe.concurrent("OpenObserve answers 400", () => {
  it.live("for every tenth record: the others are stored once, and one warning tells of all", () =>
    inCell({}, (sandbox) =>
      Effect.gen(function*() {
        const { functionLines, invoke, openObserve, ownLines } = sandbox
        yield* openObserve.setFault(Fault.ForBody({ matches: isPoisoned, fault: UNREADABLE }))
        const lines = Array.from({ length: 200 }, (_, n) => n % 10 === 0 ? `${POISON} ${n}` : `good ${n}`)
        assertUnharmed(yield* invoke({ lines }))
        const ledger = yield* ended(sandbox)
        assert.deepInclude(ledger, { rejected: { poison: 20 }, dropped: {}, spilled: 0, possiblyDuplicated: 0 })
        const good = lines.filter((line) => !isPoisoned(line)).map((line) => `${line}\n`)
        assert.deepStrictEqual((yield* functionLines).toSorted(), good.toSorted())
        const requests = carrying(yield* openObserve.requests)
        assert.isAtMost(requests.length, 2 * ledger["received"])
        assert.strictEqual(complaints(yield* ownLines).length, 1)
      })))
})
