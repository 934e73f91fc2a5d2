/**
 * Everything at once, at random: outages of every kind, freezes, floods, resets. At the end OpenObserve is well again, and
 * each line that a function wrote has been stored or is counted somewhere for a reason.
 *
 * `CHAOS_SECONDS` says for how long, `CHAOS_SEED` which chances.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { basename } from "node:path"
import { assertNoSecrets, closedLedgers, ended, total } from "./books.ts"
import { Chance, step, weather } from "./chaos.ts"
import { withSandbox } from "./sandbox.ts"
import type { Ledger } from "./books.ts"
import type { Sandbox } from "./sandbox.ts"

const SECONDS = Number(process.env["CHAOS_SECONDS"] ?? 8)

const SEED = Number(process.env["CHAOS_SEED"] ?? Math.floor(Math.random() * 2 ** 32))

/** The function's own, in ms; a start after a reset is part of a call and must fit in as well. */
const TIMEOUT_MS = 4000

/** Generations after the last fault in which what was spilled before must have been delivered. */
const MOST_GENERATIONS = 4

/** Short enough that much happens within the time, and little memory, so that floods overflow it. */
const SETTINGS = {
  O2_MAX_BUFFER_SIZE_MB: "2",
  O2_MAX_BATCH_SIZE_KB: "128",
  O2_REQUEST_TIMEOUT_MS: "700",
  O2_MAX_RETRIES: "2",
  O2_INITIAL_RETRY_DELAY_MS: "20",
  O2_MAX_RETRY_DELAY_MS: "200",
  O2_FLUSH_BUDGET_MS: "800",
  O2_FLUSH_INTERVAL_MS: "500"
}

const changeWeather = Effect.fnUntraced(function*({ openObserve }: Sandbox, chance: Chance) {
  for (;;) {
    const { fault, forMs, latencyMs } = weather(chance)
    yield* openObserve.setFault(fault)
    yield* openObserve.setLatency(latencyMs)
    yield* Effect.sleep(forMs)
  }
})

/** Runs steps until the time is over; answers with their number. */
const run = Effect.fnUntraced(function*({ emulator, invoke }: Sandbox, chance: Chance) {
  const end = (yield* Clock.currentTimeMillis) + SECONDS * 1000
  let steps = 0
  for (; (yield* Clock.currentTimeMillis) < end; steps++) {
    const next = step(chance, steps)
    if (next._tag === "Frozen") yield* Effect.sleep(next.forMs)
    else if (next._tag === "Spindown") yield* emulator.shutdown()
    else {
      const { outcome, status } = yield* invoke(next.payload)
      const { exits, sleepMs = 0, throws } = next.payload
      const expected = sleepMs > TIMEOUT_MS
        ? "TimedOut timeout"
        : exits !== undefined
        ? "Crashed error"
        : throws !== undefined
        ? "HandlerError success"
        : "Response success"
      assert.strictEqual(`${outcome._tag} ${status}`, expected, JSON.stringify(next).slice(0, 300))
    }
  }
  return steps
})

/** What Lambda had to tell, what is stored, and what the books of all generations say. */
const compared = Effect.fnUntraced(function*(
  { emulator, functionLines, openObserve }: Sandbox,
  ledgers: ReadonlyArray<Ledger>
) {
  const events = (yield* emulator.events).filter(({ type }) => type !== "extension")
  const deliveries = (yield* emulator.deliveries).filter(({ status }) => status === 200)
  const stored = yield* openObserve.records("default")
  // `_timestamp` tells any two records apart, so that equal ones are copies
  const different = new Set(stored.map((record) => JSON.stringify(record))).size
  const lines = new Set(yield* functionLines)
  const books = (account: string) => total(ledgers, account)
  return {
    generations: (yield* emulator.calls).filter(({ path }) => path.endsWith("/register")).length,
    events: events.length,
    taken: deliveries.reduce((sum, { events }) => sum + events, 0),
    stored: stored.length,
    missing: events.length - different,
    missingLines: events.filter(({ record, type }) => type === "function" && !lines.has(String(record))).length,
    copies: stored.length - different,
    received: books("received"),
    malformed: books("malformed"),
    postsDropped: books("postsDropped"),
    dropped: books("dropped"),
    rejected: books("rejected"),
    spilled: books("spilled"),
    replayed: books("replayed"),
    possiblyDuplicated: books("possiblyDuplicated")
  }
})

describe("chaos", () => {
  const project = basename(process.env["O2_TEST_LAYER"] ?? "integration")
  const command = `npx vitest run --project ${project} test/integration/Chaos.test.ts`
  const repeat = `CHAOS_SEED=${SEED} CHAOS_SECONDS=${SECONDS} ${command}`

  it.live(
    `accounts for every line after ${SECONDS} seconds (CHAOS_SEED=${SEED})`,
    () =>
      withSandbox({ timeoutMs: TIMEOUT_MS, environment: SETTINGS }, (sandbox) =>
        Effect.gen(function*() {
          process.stdout.write(`chaos: ${repeat}\n`)
          const { invoke, openObserve, ownLines } = sandbox
          const changing = yield* Effect.forkChild(changeWeather(sandbox, new Chance(SEED + 1)))
          const steps = yield* run(sandbox, new Chance(SEED))
          yield* Fiber.interrupt(changing)
          yield* openObserve.setFault(undefined)
          yield* openObserve.setLatency(0)
          for (let generation = 0; generation < MOST_GENERATIONS; generation++) {
            yield* invoke({ lines: [`the end ${generation}`] })
            if ((yield* ended(sandbox))["spilled"] === 0) break
          }

          const ledgers = closedLedgers(yield* ownLines)
          const figures = { steps, ...(yield* compared(sandbox, ledgers)) }
          process.stdout.write(`chaos: ${JSON.stringify(figures)}\n`)
          assert.strictEqual(ledgers.length, figures.generations)
          // what the end of a sandbox finds waits for the next one; only memory is scarce
          const reasons = new Set(ledgers.flatMap(({ dropped }) => Object.keys(dropped)))
          assert.deepStrictEqual([...reasons].filter((reason) => reason !== "buffer_full"), [])
          assert.strictEqual(ledgers.at(-1)?.["spilled"], 0)
          assert.strictEqual(figures.replayed, figures.spilled)
          if (figures.postsDropped === 0) assert.strictEqual(figures.received + figures.malformed, figures.taken)
          // what Lambda has not got rid of before a process ended could not be counted by it
          assert.isAtMost(figures.missing, figures.dropped + figures.rejected + figures.events - figures.taken)
          assert.isAtMost(figures.missingLines, figures.missing)
          assert.isAtMost(figures.copies, figures.possiblyDuplicated)
          yield* assertNoSecrets(sandbox)
        })).pipe(
          Effect.onError(() => Effect.sync(() => process.stdout.write(`chaos failed; repeat it with\n  ${repeat}\n`)))
        ),
    (SECONDS + 60) * 1000
  )
})
