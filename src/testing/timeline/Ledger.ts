/** The extension's ledger: what it took, and what became of it. */
import type { Timeline } from "../lambda/Timeline.ts"

type Fields = Readonly<Record<string, unknown>>

/** One ledger as rows of a table. */
export interface LedgerTable {
  readonly caption: string
  readonly rows: ReadonlyArray<readonly [name: string, value: string]>
  /** Whether every record that was taken is in exactly one other account; `undefined` where accounts are missing. */
  readonly addsUp: boolean | undefined
}

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null

/** What every line of the log has, and a ledger is not about. */
const HEAD = new Set(["extension", "time", "level", "message"])

const rowsOf = (ledger: Fields, prefix = ""): ReadonlyArray<readonly [string, string]> =>
  Object.entries(ledger).flatMap(([name, value]) => {
    if (isFields(value)) return Object.keys(value).length === 0 ? [] : rowsOf(value, `${prefix}${name}, `)
    return prefix === "" && HEAD.has(name) ? [] : [[`${prefix}${name}`, String(value)] as const]
  })

/** The number in an account, of all its reasons together. */
const amount = (value: unknown): number =>
  typeof value === "number"
    ? value
    : isFields(value)
    ? Object.values(value).reduce<number>((sum, part) => sum + amount(part), 0)
    : 0

const INTO = ["received", "replayed"]
const OUT_OF = ["delivered", "rejected", "dropped", "spilled", "buffered", "inFlight"]

const tableOf = (ledger: Fields, caption: string): LedgerTable => {
  const sum = (names: ReadonlyArray<string>) => names.reduce((total, name) => total + amount(ledger[name]), 0)
  const isComplete = typeof ledger["received"] === "number" && typeof ledger["delivered"] === "number"
  return { caption, rows: rowsOf(ledger), addsUp: isComplete ? sum(INTO) === sum(OUT_OF) : undefined }
}

const parsed = (line: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(line)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The ledger that is given, or those that extensions have closed. */
export const ledgersOf = (given: Fields | undefined, { output }: Timeline): ReadonlyArray<LedgerTable> => {
  if (given !== undefined) return [tableOf(given, "Ledger")]
  return output.flatMap(({ generation, line, source }) => {
    if (source === "runtime" || !line.includes("\"ledger\"")) return []
    const ledger = parsed(line)
    // at `debug` one is written after every flush; only the last one has a reason
    if (ledger?.["message"] !== "ledger" || typeof ledger["reason"] !== "string") return []
    return [tableOf(ledger, `${source}, generation ${generation}`)]
  })
}
