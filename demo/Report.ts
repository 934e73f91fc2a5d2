/** What the demo shows: the calls, the stored records, where the time went, the books, the verdict. Text only. */
import type { Invocation } from "../src/testing/LambdaEmulator.ts"
import type { Books } from "./Books.ts"
import { isBalanced } from "./Books.ts"
import type { Reading, StoredRecord } from "./ReadBack.ts"
import { milliseconds, oneLine, paint, whole, width, wrap } from "./Terminal.ts"
import { isGood, isLine, lineOf, type Verdict, withoutPrefix } from "./Verdict.ts"

const heading = (text: string): ReadonlyArray<string> => ["", paint("bold", text)]

const plural = (count: number, what: string): string => `${whole(count)} ${what}${count === 1 ? "" : "s"}`

// --- Calls -------------------------------------------------------------------

/** Calls that get a row each; of more, every hundredth shows that it goes on. */
const MAX_CALL_ROWS = 24
const PROGRESS_EVERY = 100

const TITLE_COLUMNS = 32

/** The time until the runtime was ready for the next call. */
const functionMs = ({ endedAt, runtimeDoneAt = endedAt, startedAt }: Invocation): number => runtimeDoneAt - startedAt

/** The time from then until the sandbox was free, which only the extension can have taken. */
const extensionMs = ({ endedAt, runtimeDoneAt = endedAt }: Invocation): number => endedAt - runtimeDoneAt

const results = {
  Response: ["green", "ok"],
  HandlerError: ["yellow", "error"],
  TimedOut: ["red", "timed out"],
  Crashed: ["red", "crashed"]
} as const

/** The head of the table of calls. */
export const callsHead: ReadonlyArray<string> = [
  ...heading("The calls"),
  paint("dim", `${"".padStart(6)}${"".padEnd(TITLE_COLUMNS)} result     in the function   added by the extension`)
]

/** One row of the table, or nothing. */
export const callRow = (number: number, title: string, invocation: Invocation, of: number): ReadonlyArray<string> => {
  if (of > MAX_CALL_ROWS && number > MAX_CALL_ROWS / 2) {
    return number % PROGRESS_EVERY === 0 || number === of ? [`  … ${whole(number)} of ${whole(of)}`] : []
  }
  const [style, result] = results[invocation.outcome._tag]
  const cells = [
    String(number).padStart(4),
    ` ${oneLine(title, TITLE_COLUMNS).padEnd(TITLE_COLUMNS)}`,
    paint(style, result.padEnd(9)),
    milliseconds(functionMs(invocation)).padStart(16),
    milliseconds(extensionMs(invocation)).padStart(16)
  ]
  return [`${cells.join(" ")}${invocation.coldStart ? paint("dim", "   cold start") : ""}`]
}

// --- Time --------------------------------------------------------------------

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return ((sorted[middle] ?? 0) + (sorted[sorted.length - 1 - middle] ?? 0)) / 2
}

const timeRow = (label: string, values: ReadonlyArray<number>): string =>
  `  ${label.padEnd(24)}median ${milliseconds(median(values)).padStart(9)}    slowest ${
    milliseconds(Math.max(...values)).padStart(9)
  }`

/** Where the time of the calls went. */
export const time = (invocations: ReadonlyArray<Invocation>, initMs: number): ReadonlyArray<string> => [
  ...heading("Where the time went"),
  timeRow("in the function", invocations.map(functionMs)),
  timeRow("added by the extension", invocations.map(extensionMs)),
  "  The caller has its answer before the extension's part begins; up to 25 ms of that part Lambda",
  `  collects lines before it hands them over. The cold start took ${milliseconds(initMs)} in all.`
]

// --- Records -----------------------------------------------------------------

/** More is not read by anybody; the rest is counted. */
const MAX_LINE_ROWS = 48

const timeOf = (record: StoredRecord): string => {
  const micros = Number(record["_timestamp"])
  return new Date(Math.floor(micros / 1000)).toISOString().slice(11, 23) + String(micros % 1000).padStart(3, "0")
}

const LINE_HEAD = "  time (UTC)       type      request   "

const lineRow = (record: StoredRecord): string => {
  const { level, text } = withoutPrefix(lineOf(record["record"]))
  const start = `  ${timeOf(record)}  function  ${String(record["requestid"] ?? "").slice(0, 8).padEnd(8)}  `
  return start + oneLine(level === "" ? text : `${level} ${text}`, width - LINE_HEAD.length)
}

/** Columns that the extension adds, apart from those in the table. */
const added = /^(faas|cloud)_/

/** The stored lines of the function, and what else is stored; or why that cannot be shown. */
export const records = (reading: Reading, stream: string): ReadonlyArray<string> => {
  const title = heading(`What OpenObserve has stored (stream ${stream}, read back by search)`)
  switch (reading._tag) {
    case "Read":
      return [...title, ...storedRecords(reading.records)]
    case "NotPermitted":
      return [...title, `  These credentials may not search (HTTP ${reading.status}), so the books below must do.`]
    case "Unavailable":
      return []
  }
}

const storedRecords = (stored: ReadonlyArray<StoredRecord>): ReadonlyArray<string> => {
  const lines = stored.filter(isLine)
  const hidden = lines.length > MAX_LINE_ROWS ? lines.slice(MAX_LINE_ROWS / 2, -MAX_LINE_ROWS / 2).length : 0
  const rows = hidden === 0 ? lines.map(lineRow) : [
    ...lines.slice(0, MAX_LINE_ROWS / 2).map(lineRow),
    `  … ${plural(hidden, "more line")} …`,
    ...lines.slice(-MAX_LINE_ROWS / 2).map(lineRow)
  ]
  const platform = new Map<string, number>()
  for (const record of stored) {
    const type = String(record["type"])
    if (!isLine(record)) platform.set(type, (platform.get(type) ?? 0) + 1)
  }
  const columns = Object.keys(lines[0] ?? stored[0] ?? {}).filter((name) => added.test(name))
  return [
    ...(rows.length === 0 ? [] : [paint("dim", `${LINE_HEAD}text`), ...rows]),
    ...indented(
      `and ${plural(stored.length - lines.length, "event")} of the platform:`,
      withCommas([...platform].map(([type, count]) => count === 1 ? type : `${whole(count)} × ${type}`))
    ),
    ...(columns.length === 0 ? [] : indented("each record also says:", withCommas(columns)))
  ]
}

const withCommas = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.map((word, index) => index === words.length - 1 ? word : `${word},`)

const indented = (start: string, rest: ReadonlyArray<string>): ReadonlyArray<string> =>
  wrap([start, ...rest], width - 2).map((line) => paint("dim", `  ${line}`))

// --- Books -------------------------------------------------------------------

/** Why records are refused or dropped. */
const inWords: Readonly<Record<string, string>> = {
  buffer_full: "dropped because the memory for records was full",
  poison: "refused as unreadable",
  refused: "refused as too old, too new or not storable",
  shutdown: "not sent before the sandbox ended",
  too_large: "too large",
  unaccounted: "missing in OpenObserve's answer"
}

/** The extension's books as one sum. */
export const ledger = (books: Books | undefined): ReadonlyArray<string> => {
  if (books === undefined) return []
  const { delivered, dropped, possiblyDuplicated, received, rejected, unsettled } = books
  const reasons = Object.entries(books.reasons).map(([reason, count]) => `${count} ${inWords[reason] ?? reason}`)
  return [
    ...heading("The extension's own books, in records"),
    `  received ${whole(received)} = delivered ${whole(delivered)} + refused by OpenObserve ${
      whole(rejected)
    } + dropped ${whole(dropped)} + kept for later ${whole(unsettled)}   ${
      isBalanced(books) ? paint("green", "✔ adds up") : paint("red", "✘ does not add up")
    }`,
    ...(reasons.length === 0 ? [] : [`  not delivered: ${reasons.join(", ")}`]),
    ...(possiblyDuplicated === 0
      ? []
      : [`  sent again after a lost answer, so perhaps stored twice: ${whole(possiblyDuplicated)}`])
  ]
}

// --- Verdict -----------------------------------------------------------------

/** Enough to see a pattern. */
const MAX_FINDINGS = 10

const findings = (title: string, texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.length === 0 ? [] : [
    `  ${title}`,
    ...texts.slice(0, MAX_FINDINGS).map((text) => `    ${oneLine(text, width - 4)}`),
    ...(texts.length > MAX_FINDINGS ? [`    … and ${whole(texts.length - MAX_FINDINGS)} more`] : [])
  ]

/** The extension's warnings and errors. */
export const complaints = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.length === 0 ? [] : [
    ...heading("The extension complains"),
    ...texts.slice(0, MAX_FINDINGS).flatMap((text) => wrap(text.split(" "), width - 2).map((line) => `  ${line}`))
  ]

/** The last word; where nothing could be read it rests on the books. */
export const verdict = (verdict: Verdict, { _tag }: Reading): ReadonlyArray<string> => {
  const { altered, duplicated, missing, others, written } = verdict
  if (isGood(verdict)) {
    const lines = written === 1 ? "The only line" : `All ${whole(written)} lines`
    const text = _tag !== "Read"
      ? "OpenObserve has confirmed that it stored every record."
      : written === 0
      ? "The function wrote nothing, and that is what arrived."
      : `${lines} that the function wrote arrived exactly once.`
    return ["", paint("green", `✔ ${text}`)]
  }
  const isAboutLines = missing.length + duplicated.length + altered.length > 0
  return [
    "",
    paint("red", `✘ Not every ${isAboutLines ? "line arrived exactly once" : "record arrived, or not for certain"}.`),
    ...findings(`missing: ${missing.length} of ${plural(written, "line")}`, missing),
    ...findings("stored more than once:", duplicated),
    ...findings("stored, but not written like this:", altered),
    ...others.flatMap((text) => wrap(text.split(" "), width - 2).map((line) => `  ${line}`))
  ]
}

/** Where the page lies. */
export const page = (file: string): ReadonlyArray<string> => ["", `The run as a page, for a browser: ${file}`]

/** What to do next. */
export const hints: ReadonlyArray<string> = [
  "",
  "Next",
  "  npm run demo -- --handler your.mjs     the same with a function of yours",
  "  npm run demo -- --html run.html        the run as a page: who did what when",
  "  npm run demo -- --endpoint https://…   the same with your OpenObserve",
  "  README.md, \"Attach it\"                 put the extension on a function in AWS",
  ""
]
