/**
 * The counts in which OpenObserve's `_json` says what it has stored. Pure.
 *
 * 200 is not success: records can be refused one by one, or the whole batch be dropped without a word (seen on v0.91.5).
 */
import type { Verdict } from "../delivery/Verdict.ts"
import { parsed } from "../json/Parsed.ts"
import { excerpt } from "../platform/ForeignText.ts"

/** What an answer says of one stream. */
interface Status {
  readonly successful: number
  readonly failed: number
  /** The stream's name as the server spells it; not said by all that pass for it. */
  readonly name?: unknown
  /** A string where a record was refused; other versions may say null. */
  readonly error?: unknown
}

/** The stream that was asked for, and the variable that says so. */
export interface Asked {
  readonly stream: string
  readonly variable: string
}

/** Reads a body with counts for `sent` records; `undefined` when it is none: a proxy's page, perhaps. */
export const read = (body: string, sent: number, asked: Asked | undefined): Verdict | undefined => {
  const statuses = statusesOf(body)
  // nobody said that anything was stored
  if (statuses === undefined) return undefined
  let stored = 0
  let refused = 0
  let detail: string | undefined
  for (const status of statuses) {
    stored += status.successful
    refused += status.failed
    if (typeof status.error === "string") detail = excerpt(status.error)
  }
  if (sent > 0 && stored + refused === 0) {
    return {
      _tag: "Divide",
      detail: "HTTP 200 with successful 0 and failed 0: the server dropped the batch, perhaps for too many columns",
      reason: "unaccounted"
    }
  }
  return {
    _tag: "Accepted",
    stored: Math.min(stored, sent),
    refused: Math.min(refused, sent - Math.min(stored, sent)),
    detail,
    ...renamed(statuses, asked)
  }
}

/** The server writes names of streams in lower case, and `_` for each run of other characters (v0.91.5). */
const renamed = (statuses: ReadonlyArray<Status>, asked: Asked | undefined) => {
  const name = statuses.map(({ name }) => name).find((name) => typeof name === "string" && name !== asked?.stream)
  if (asked === undefined || typeof name !== "string") return {}
  return {
    notice: `OpenObserve keeps the records in stream "${excerpt(name)}": so it spells what ${asked.variable} says`
  }
}

/** `{"status": [{"successful": 1, "failed": 0}, …]}`; `undefined` for anything else. */
const statusesOf = (body: string): ReadonlyArray<Status> | undefined => {
  const answer = parsed(body)
  const statuses: unknown = isObject(answer) ? answer["status"] : undefined
  return Array.isArray(statuses) && statuses.length > 0 && statuses.every(isStatus) ? statuses : undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const isStatus = (value: unknown): value is Status =>
  isObject(value) && isCount(value["successful"]) && isCount(value["failed"])
