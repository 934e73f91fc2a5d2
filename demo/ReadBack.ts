/** Reads the stored records back as anybody would: `POST /api/{org}/_search`. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { normalizeStream } from "../src/testing/openobserve/Flatten.ts"
import type { Target } from "./Target.ts"

/** One record as OpenObserve stores it, by column. */
export type StoredRecord = Readonly<Record<string, unknown>>

/** What the server lets us see. */
export type Reading =
  | { readonly _tag: "Read"; readonly records: ReadonlyArray<StoredRecord> }
  /** The credentials may write but not read, as ingestion tokens do. */
  | { readonly _tag: "NotPermitted"; readonly status: number }
  | { readonly _tag: "Unavailable"; readonly detail: string }

/** Which records, by the name of the function and the time. */
export interface ReadOptions {
  readonly target: Target
  readonly functionName: string
  readonly startMillis: number
  /** How many records the extension has delivered; for none at all one look is enough. */
  readonly delivered: number
  /** When to stop asking again. */
  readonly isComplete: (records: ReadonlyArray<StoredRecord>) => boolean
  /** Done once, when it takes longer than one look. */
  readonly onWait: Effect.Effect<void>
}

/** A cluster shows new records within a second or two; OpenObserve's own tests ask for this long. */
const PATIENCE_MS = { real: 30_000, inMemory: 2000 }

const PAUSE_MS = 500

const REQUEST_TIMEOUT_MS = 10_000

/** The server's own default. */
const PAGE_RECORDS = 1000

/** Bounds what a talkative function makes us read. */
const MAX_PAGES = 100

const MINUTE_MICROS = 60_000_000

/** Asks until everything is there or patience ends, and returns what was seen last. */
export const read = Effect.fnUntraced(function*(options: ReadOptions) {
  const patience = options.delivered === 0 ? 0 : PATIENCE_MS[options.target.isReal ? "real" : "inMemory"]
  const end = (yield* Clock.currentTimeMillis) + patience
  for (let looks = 1;; looks++) {
    const reading = yield* readAll(options)
    const isSettled = reading._tag === "NotPermitted" ||
      (reading._tag === "Read" && options.isComplete(reading.records))
    if (isSettled || (yield* Clock.currentTimeMillis) + PAUSE_MS > end) return reading
    if (looks === 1) yield* options.onWait
    yield* Effect.sleep(PAUSE_MS)
  }
})

const readAll = Effect.fnUntraced(function*(options: ReadOptions): Effect.fn.Return<Reading> {
  const records: Array<StoredRecord> = []
  for (let page = 0; page < MAX_PAGES; page++) {
    const reading = yield* search(options, page * PAGE_RECORDS)
    if (reading._tag !== "Read") return reading
    records.push(...reading.records)
    if (reading.records.length < PAGE_RECORDS) return { _tag: "Read", records }
  }
  const detail = `more than ${MAX_PAGES * PAGE_RECORDS} records are stored; call the function less often`
  return { _tag: "Unavailable", detail }
})

const search = Effect.fnUntraced(function*({ functionName, startMillis, target }: ReadOptions, from: number) {
  const { authorization, endpoint, organization, stream } = target
  const now = yield* Clock.currentTimeMillis
  const sql = `select * from "${normalizeStream(stream)}" where faas_name = '${functionName}' order by _timestamp asc`
  const query = {
    sql,
    start_time: Math.floor(startMillis) * 1000 - MINUTE_MICROS,
    end_time: now * 1000 + MINUTE_MICROS,
    from,
    size: PAGE_RECORDS
  }
  return yield* Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(
        `${endpoint}/api/${encodeURIComponent(organization)}/_search?type=logs&use_cache=false`,
        {
          method: "POST",
          headers: { "authorization": Redacted.value(authorization), "content-type": "application/json" },
          body: JSON.stringify({ query }),
          signal
        }
      )
      return readingOf(response.status, await response.text())
    },
    catch: (error) => error instanceof Error ? String(error.cause ?? error) : String(error)
  }).pipe(
    Effect.timeoutOrElse({
      duration: REQUEST_TIMEOUT_MS,
      orElse: () => Effect.fail(`no answer from ${endpoint} within ${REQUEST_TIMEOUT_MS / 1000} s`)
    }),
    Effect.catch((detail): Effect.Effect<Reading> => Effect.succeed({ _tag: "Unavailable", detail }))
  )
})

/** What the search API answers while the stream, or its column `faas_name`, is not there yet. */
const NOT_YET = new Set([20002, 20004])

const readingOf = (status: number, body: string): Reading => {
  if (status === 401 || status === 403) return { _tag: "NotPermitted", status }
  const answer = parsed(body)
  if (status === 200 && Array.isArray(answer["hits"])) return { _tag: "Read", records: answer["hits"] }
  if (typeof answer["code"] === "number" && NOT_YET.has(answer["code"])) return { _tag: "Read", records: [] }
  return { _tag: "Unavailable", detail: `OpenObserve answers ${status}: ${body.slice(0, 200)}` }
}

const parsed = (body: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {}
  } catch {
    return {}
  }
}
