/** What every test of a fault ends with: the books add up, the process ends in order, and nothing secret was said. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ShutdownReason } from "../../src/testing/LambdaEmulator.ts"
import { sidesOf } from "./sandbox.ts"
import type { OwnLine, Sandbox } from "./sandbox.ts"

/** The books of one generation, as logged at its end. */
export type Ledger = Readonly<Record<string, any>>

/** The books of all generations that have ended, each balanced, with nothing left in memory. */
export const closedLedgers = (lines: ReadonlyArray<OwnLine>): ReadonlyArray<Ledger> => {
  const ledgers: ReadonlyArray<Ledger> = lines.filter(({ message }) => message === "ledger")
  for (const ledger of ledgers) {
    const { came, went } = sidesOf(ledger)
    assert.strictEqual(came, went, JSON.stringify(ledger))
    assert.include(ledger, { buffered: 0, inFlight: 0 })
  }
  return ledgers
}

/** A number of all books together, or the sum over the reasons. */
export const total = (ledgers: ReadonlyArray<Ledger>, account: string): number =>
  ledgers.flatMap((ledger) => typeof ledger[account] === "object" ? Object.values(ledger[account]) : [ledger[account]])
    .reduce((sum: number, count) => sum + Number(count), 0)

/** Ends the sandbox; the extension must end by itself, in good order and with balanced books. */
export const ended = Effect.fnUntraced(function*(sandbox: Sandbox, reason: ShutdownReason = "spindown") {
  const { extensions } = yield* sandbox.emulator.shutdown(reason)
  assert.deepStrictEqual(extensions.map(({ exitCode, killed }) => ({ exitCode, killed })), [
    { exitCode: 0, killed: false }
  ])
  const ledger = closedLedgers(yield* sandbox.ownLines).at(-1)
  if (ledger === undefined) return yield* Effect.die(new Error("the extension ended without logging its books"))
  return ledger
})

/** No process has written the credentials, in any of the forms in which they could be read. */
export const assertNoSecrets = Effect.fnUntraced(function*({ allOutput, openObserve }: Sandbox) {
  const said = yield* allOutput
  const [, encoded = ""] = openObserve.authorization.split(" ")
  const decoded = Buffer.from(encoded, "base64").toString()
  for (const secret of [encoded, decoded, decoded.slice(decoded.indexOf(":") + 1)]) assert.notInclude(said, secret)
})

/** The extension's warnings and errors, its books apart. */
export const complaints = (lines: ReadonlyArray<OwnLine>): ReadonlyArray<OwnLine> =>
  lines.filter(({ level, message }) => (level === "warn" || level === "error") && message !== "ledger")

/** How often each text occurs. */
export const occurrences = (texts: ReadonlyArray<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return counts
}
