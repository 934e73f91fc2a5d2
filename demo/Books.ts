/** What the extension says about itself: its books, and its complaints. */
import type { OutputLine } from "../src/testing/LambdaEmulator.ts"

/** Numbers of records: everything received is in exactly one of the other accounts. */
export interface Books {
  readonly received: number
  readonly delivered: number
  readonly rejected: number
  readonly dropped: number
  /** Kept for later, or still on its way when the books were closed. */
  readonly unsettled: number
  /** Sent again, because the answer to the first time was lost. */
  readonly possiblyDuplicated: number
  /** Why records were refused or given up, with their numbers. */
  readonly reasons: Readonly<Record<string, number>>
}

type Fields = Readonly<Record<string, unknown>>

/** The extension's own lines, as objects. */
const ownLines = (output: ReadonlyArray<OutputLine>): ReadonlyArray<Fields> =>
  output.flatMap(({ line, source, stream }) => {
    if (source === "runtime" || stream !== "stdout" || !line.startsWith("{")) return []
    try {
      return [JSON.parse(line) as Fields]
    } catch {
      return []
    }
  })

const number = (value: unknown): number => typeof value === "number" ? value : 0

const entries = (value: unknown): ReadonlyArray<[string, number]> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).map(([reason, count]) => [reason, number(count)])
    : []

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, number) => total + number, 0)

/** The books that were closed at SHUTDOWN, of all processes together; `undefined` when none were. */
export const books = (output: ReadonlyArray<OutputLine>): Books | undefined => {
  const closed = ownLines(output).filter(({ message, reason }) => message === "ledger" && typeof reason === "string")
  if (closed.length === 0) return undefined
  const all = (name: string) => sum(closed.map((line) => number(line[name])))
  const byReason = (name: string) => closed.flatMap((line) => entries(line[name]))
  const reasons: Record<string, number> = {}
  for (const [reason, count] of [...byReason("rejected"), ...byReason("dropped")]) {
    reasons[reason] = (reasons[reason] ?? 0) + count
  }
  return {
    received: all("received"),
    delivered: all("delivered"),
    rejected: sum(byReason("rejected").map(([, count]) => count)),
    dropped: sum(byReason("dropped").map(([, count]) => count)),
    // what one process leaves to the next is taken over there, and counts once
    unsettled: all("spilled") + all("buffered") + all("inFlight") - all("replayed"),
    possiblyDuplicated: all("possiblyDuplicated"),
    reasons
  }
}

/** Whether nothing is unaccounted for. */
export const isBalanced = ({ delivered, dropped, received, rejected, unsettled }: Books): boolean =>
  received === delivered + rejected + dropped + unsettled

/** Whether every record reached OpenObserve. */
export const isComplete = (books: Books): boolean => isBalanced(books) && books.delivered === books.received

/** The extension's warnings and errors, each once, in its own words. */
export const complaints = (output: ReadonlyArray<OutputLine>): ReadonlyArray<string> => {
  const texts = ownLines(output)
    .filter(({ level, message }) =>
      (level === "warn" || level === "error" || level === "fatal") && message !== "ledger"
    )
    .map(({ cause, message, reason, remedy }) =>
      [message, cause, reason, remedy].filter((part) => typeof part === "string").join(": ")
    )
  return [...new Set(texts)]
}
