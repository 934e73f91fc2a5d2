/**
 * The fault matrix: a trouble × how much was written × what becomes of the trouble. One cell is one sandbox with one
 * generation, run against the built artefact; the rows are in `Fault*.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Invocation } from "../../src/testing/LambdaEmulator.ts"
import { OpenObserveDouble } from "../../src/testing/OpenObserveDouble.ts"
import type { Fault, OpenObserveDoubleOptions, RequestFault } from "../../src/testing/OpenObserveDouble.ts"
import { assertNoSecrets, complaints, ended, occurrences } from "./books.ts"
import type { Ledger } from "./books.ts"
import type { Payload } from "./functions.ts"
import { carrying, eventually, withSandbox } from "./sandbox.ts"
import type { OwnLine, Sandbox } from "./sandbox.ts"

// --- Rows --------------------------------------------------------------------

/** What the sandbox of one cell has of its own. */
export interface Cell {
  /** Settings besides those of every cell. */
  readonly environment?: Readonly<Record<string, string>>
  readonly logFormat?: "Text" | "JSON"
  readonly openObserve?: OpenObserveDoubleOptions
}

/** A trouble in which nothing is acknowledged: everything waits until it is over. */
export interface Outage extends Cell {
  readonly name: string
  /** What the server does; `elsewhere` is a server that nothing may be sent to. */
  readonly fault?: Fault | ((elsewhere: string) => Fault)
  /** Whether the server keeps batches for which it gives no readable acknowledgement. */
  readonly stores?: boolean
  /** Whether the client cannot know that nothing was stored; it may depend on the moment. */
  readonly isUncertain?: boolean | "perhaps"
  /** Attempts before a batch goes back: 2 (one retry), or 1 where repeating is useless or not wanted. */
  readonly attempts: 1 | 2
  /** What the one warning says, cause and remedy together. */
  readonly says: RegExp
  /** Written by the burst; 1000 lines of 200 characters when absent. */
  readonly burst?: Payload
  /** What becomes of the trouble, where not everything can. */
  readonly ends?: ReadonlyArray<Ending>
}

/** What becomes of the trouble. */
export type Ending = "recovers" | "recovers at SHUTDOWN" | "never recovers"

const ENDINGS: ReadonlyArray<Ending> = ["recovers", "recovers at SHUTDOWN", "never recovers"]

// --- Cells -------------------------------------------------------------------

/**
 * One retry, soon, and small batches, so that a burst is several of them and an outage is noticed within a second. What
 * waits for an answer that never comes has a shorter time-out; everything else none that a busy machine could reach.
 */
const SETTINGS = {
  O2_MAX_RETRIES: "1",
  O2_INITIAL_RETRY_DELAY_MS: "20",
  O2_MAX_RETRY_DELAY_MS: "200",
  O2_FLUSH_BUDGET_MS: "4000",
  O2_MAX_BATCH_SIZE_KB: "64"
}

/** Requests that are under way at once, at most. */
export const MAX_IN_FLIGHT = 4

/** The connection that is kept from the first call may turn out to be dead, and its request is repeated on a new one. */
const STALE_REPEATS = 1

/** Lines of a burst and their length: about seven batches. */
const BURST = { text: "burst ".padEnd(200, "."), count: 1000 }

/** What a cell writes during the trouble. */
const LOADS: ReadonlyArray<readonly [string, Payload]> = [
  ["few lines", { lines: ["one", "two", "three"] }],
  ["a burst", { flood: BURST }]
]

/** The texts that a payload makes the function write. */
export const linesOf = ({ flood, lines = [] }: Payload): ReadonlyArray<string> => [
  ...lines.map((line) => `${line}\n`),
  ...Array.from({ length: flood?.count ?? 0 }, (_, n) => `${flood?.text} ${n}\n`)
]

/** A call must end well whatever OpenObserve does. */
export const assertUnharmed = ({ outcome, status }: Invocation) =>
  assert.strictEqual(`${outcome._tag} ${status}`, "Response success")

/** Declares the cells of outages, all at once: they mostly wait. */
export const outages = (title: string, rows: ReadonlyArray<Outage>) =>
  describe.concurrent(title, () => {
    for (const row of rows) {
      for (const [load, payload] of LOADS) {
        for (const ending of row.ends ?? ENDINGS) {
          const written = payload.flood !== undefined ? row.burst ?? payload : payload
          it.live(`${row.name}, ${load}, ${ending}`, () => outage(row, written, ending))
        }
      }
      const { fault } = row
      if (row.attempts === 1 || fault === undefined || typeof fault === "function") continue
      if (fault._tag === "RefuseConnections") continue
      it.live(`${row.name}, a single time`, () => hiccup(row, fault))
    }
  })

/** One request meets the trouble, and its repetition does not: the call is over when its lines are stored. */
const hiccup = (row: Outage, fault: RequestFault) =>
  inCell(row, (sandbox) =>
    Effect.gen(function*() {
      const { functionLines, invoke, openObserve, ownLines } = sandbox
      assertUnharmed(yield* invoke({ lines: ["before"] }))
      const before = carrying(yield* openObserve.requests).length
      yield* openObserve.nextFaults([fault])
      assertUnharmed(yield* invoke({ lines: ["one", "two", "three"] }))
      const stored = yield* functionLines
      assert.deepStrictEqual([...new Set(stored)].toSorted(), ["before\n", "one\n", "three\n", "two\n"])
      assert.isAtLeast(carrying(yield* openObserve.requests).length - before, 2)
      const ledger = yield* ended(sandbox)
      assert.deepInclude(ledger, {
        rejected: {},
        dropped: {},
        spilled: 0,
        delivered: ledger["received"],
        level: "info"
      })
      const copies = (yield* functionLines).length - 4
      if (row.isUncertain !== true) assert.strictEqual(copies + ledger["possiblyDuplicated"], 0)
      else assert.isAtMost(copies, ledger["possiblyDuplicated"])
      assert.deepStrictEqual(complaints(yield* ownLines), [])
      yield* assertNoSecrets(sandbox)
    }))

/** The sandbox of a cell. */
export const inCell = <A, E>(
  { environment, logFormat = "Text", openObserve = {} }: Cell,
  test: (sandbox: Sandbox) => Effect.Effect<A, E, Scope.Scope>
) =>
  withSandbox({
    timeoutMs: 30_000,
    // the other cells take their share of the two seconds that Lambda gives
    shutdownBudgetMs: 5000,
    logFormat,
    environment: { ...SETTINGS, ...environment },
    openObserve
  }, test)

const outage = (row: Outage, payload: Payload, ending: Ending) =>
  inCell(row, (sandbox) =>
    Effect.gen(function*() {
      const { emulator, functionLines, invoke, openObserve, ownLines } = sandbox
      const elsewhere = Context.get(yield* Layer.build(OpenObserveDouble.layer()), OpenObserveDouble)
      const written: Array<string> = []
      const call = (payload: Payload) =>
        Effect.suspend(() => {
          written.push(...linesOf(payload))
          return Effect.map(invoke(payload), assertUnharmed)
        })

      const { fault } = row
      if (fault !== undefined) {
        yield* call({ lines: ["before"] })
        yield* openObserve.setFault(typeof fault === "function" ? fault(elsewhere.url) : fault)
      }
      const before = (yield* openObserve.requests).length
      yield* call(payload)
      // noticed once, and from then on left alone but for a probe
      const limit = MAX_IN_FLIGHT * row.attempts + STALE_REPEATS
      assert.isAtMost(carrying(yield* openObserve.requests).length - before, limit)
      yield* call({ lines: ["meanwhile"] })

      if (ending !== "never recovers") yield* openObserve.setFault(undefined)
      if (ending === "recovers") yield* recovery(sandbox, call, written)
      const ledger = yield* ended(sandbox)

      if (ending === "never recovers") {
        // at the end there is one more try, whatever was noticed before
        assert.isAtMost(carrying(yield* openObserve.requests).length - before, 2 * limit)
        assertKept(ledger)
      } else {
        assertDelivered(row, ledger, written, yield* functionLines)
      }
      if (row.isUncertain === true) assert.isAbove(ledger["possiblyDuplicated"], 0)
      else if (row.isUncertain === undefined) assert.strictEqual(ledger["possiblyDuplicated"], 0)
      assertSaid(row, ending, yield* ownLines)
      assert.strictEqual((yield* elsewhere.requests).length, 0)
      assert.isTrue((yield* emulator.events).some(({ type }) => type === "platform.report"))
      yield* assertNoSecrets(sandbox)
    }))

/** A call runs until everything that waited is stored. Nobody asks for it: the pause of the outage has an end. */
const recovery = Effect.fnUntraced(function*(
  { emulator, functionLines, ownLines }: Sandbox,
  call: (payload: Payload) => Effect.Effect<void>,
  written: ReadonlyArray<string>
) {
  const waiting = [...written]
  const until = join(emulator.temporaryDirectory, "go-on")
  const running = yield* Effect.forkChild(call({ lines: ["after"], until }))
  yield* eventually(ownLines, (lines) => lines.some(({ message }) => /takes records again/.test(message)))
  yield* eventually(functionLines, (lines) => {
    const stored = new Set(lines)
    return waiting.every((line) => stored.has(line))
  })
  writeFileSync(until, "")
  yield* Fiber.join(running)
})

// --- What must be true -------------------------------------------------------

const assertKept = (ledger: Ledger) => {
  assert.deepInclude(ledger, { rejected: {}, dropped: {}, level: "warn" })
  assert.isAbove(ledger["spilled"], 0)
  assert.strictEqual(ledger["spilled"], ledger["received"] - ledger["delivered"])
}

const assertDelivered = (
  row: Outage,
  ledger: Ledger,
  written: ReadonlyArray<string>,
  stored: ReadonlyArray<string>
) => {
  assert.deepInclude(ledger, { rejected: {}, dropped: {}, spilled: 0, delivered: ledger["received"], level: "info" })
  const counts = occurrences(stored)
  assert.deepStrictEqual([...counts.keys()].toSorted(), written.toSorted())
  const duplicates = stored.length - counts.size
  if (row.stores === true) assert.isAtMost(duplicates, ledger["possiblyDuplicated"])
  else if (row.isUncertain !== true) assert.strictEqual(duplicates, 0)
}

/** One line when the outage begins, with cause and remedy; one when it ends; nothing about each attempt. */
const assertSaid = (row: Outage, ending: Ending, lines: ReadonlyArray<OwnLine>) => {
  const turns = lines.filter(({ message }) => /takes (no records|records again)/.test(message))
  const begun = turns.filter(({ level }) => level === "warn")
  assert.deepStrictEqual(complaints(lines), begun)
  for (const [index, { level }] of turns.entries()) assert.strictEqual(level, index % 2 === 0 ? "warn" : "info")
  assert.strictEqual(turns.at(-1)?.level, ending === "never recovers" ? "warn" : "info", JSON.stringify(lines))
  // a healthy server that is slower than the short time-out of some rows begins another one
  if (row.isUncertain !== true) assert.strictEqual(begun.length, 1)
  for (const { cause, remedy, url } of begun) {
    assert.match(`${cause} ${remedy ?? ""}`, row.says)
    assert.match(String(url), /^https?:\/\/[^@]+\/_json$/)
  }
}
