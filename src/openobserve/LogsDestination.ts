/** OpenObserve's JSON ingestion as the destination of logs: where, in which form, and what to do about what it refuses. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { type Configuration, ExtensionConfig } from "../config/Config.ts"
import { type Batch, type Part, text } from "../delivery/Batch.ts"
import type { Destination } from "../delivery/Destination.ts"
import type { Accepted, Divide } from "../delivery/Verdict.ts"
import { RateLimitedWarning } from "../platform/RateLimitedWarning.ts"
import * as AcceptedTime from "./AcceptedTime.ts"
import { MAX_COLUMNS } from "./ColumnCounter.ts"
import * as Endpoint from "./Endpoint.ts"
import * as IngestResponse from "./IngestResponse.ts"
import { jsonArray } from "./JsonArray.ts"

/** A record that was refused for its length is halved until it is shorter than this, in bytes: less is no log line. */
const MIN_CUT_BYTES = 8 * 1024

/** A clock may be off by so much, in µs: what was refused as too old and is younger would be refused again. */
const CLOCK_TOLERANCE_MICROS = 60_000_000

/** How the server says that it takes no record so old, whatever its limit is (v0.3 to v0.92). */
const tooOld = /too old data/i

/** Characters of a member's path in a warning: keys may be of any length. */
const MAX_PATH_LENGTH = 100

// needed by few batches of few functions: not at the start
const loadRewriting = Effect.promise(() => import("./Rewriting.ts"))

/** A stream of logs: what it is called in the settings, and what the destination is called in spill files. */
interface Stream {
  readonly name: string
  readonly setting: "stream" | "platformStream"
  readonly variable: string
}

const LOGS: Stream = { name: "logs", setting: "stream", variable: "O2_STREAM" }
const PLATFORM: Stream = { name: "platform", setting: "platformStream", variable: "O2_PLATFORM_STREAM" }

/** Makes the destination that the settings name. */
export const make = (config: Configuration, { name, setting, variable }: Stream = LOGS): Destination => {
  const asked = { stream: config[setting], variable }
  const { maxColumns } = config
  const collapsing = new RateLimitedWarning(
    "too many different keys for a few requests: objects are sent as strings of their JSON text"
  )
  let nextStamp = 0

  /** A time in µs for records that are too old, with as many after it as a batch has records; later than all before. */
  const freshStamp = ({ tally }: Batch, nowMicros: number): number => {
    const stamp = Math.max(nowMicros, nextStamp)
    nextStamp = stamp + tally.records
    return stamp
  }

  const restamped = Effect.fnUntraced(function*(batch: Batch, nowMicros: number, isOld: (micros: number) => boolean) {
    const { restamp } = yield* loadRewriting
    return restamp(text(batch), freshStamp(batch, nowMicros), isOld)
  })

  const prepareOld = Effect.fnUntraced(function*(batch: Batch, nowMicros: number) {
    const isOld = (micros: number) => AcceptedTime.isTooOld(micros, nowMicros)
    const part = yield* restamped(batch, nowMicros, isOld)
    // it would be restamped for ever
    if (isOld(part.oldestTimestamp)) throw new Error("records without a _timestamp")
    return [part]
  })

  /** What was refused because of a limit of the server's own, which shows when nothing of a batch was young enough. */
  const rewriteRefused = (batch: Batch, { detail, refused }: Accepted, nowMicros: number) => {
    const isTooOld = refused === batch.tally.records && tooOld.test(detail ?? "") &&
      batch.oldestTimestamp <= nowMicros - CLOCK_TOLERANCE_MICROS
    return isTooOld ? Effect.map(restamped(batch, nowMicros, () => true), (part) => [part]) : Effect.undefined
  }

  const fitWide = Effect.fnUntraced(function*(batch: Batch) {
    const { fitColumns } = yield* loadRewriting
    const { bodies, collapsed } = fitColumns(text(batch), maxColumns)
    if (collapsed !== undefined) {
      const { columns, member, records } = collapsed
      collapsing.count(records)
      yield* collapsing.emit({
        member: member.slice(0, MAX_PATH_LENGTH).toWellFormed(),
        columns,
        records,
        remedy:
          "log fewer different keys, or raise O2_MAX_COLUMNS where the server takes more columns (ZO_COLS_PER_RECORD_LIMIT)"
      })
    }
    return bodies
  })

  /** Fewer columns for what was dropped without a word, less text for a record that was too long. */
  const rewriteDivided = Effect.fnUntraced(
    function*(batch: Batch, { reason }: Divide): Effect.fn.Return<ReadonlyArray<Part> | undefined> {
      const isAlone = batch.tally.records === 1
      if (reason === "poison" || reason === "too_large" && !isAlone) return undefined
      const { collapseObjects, truncate } = yield* loadRewriting
      const body = text(batch)
      if (reason === "too_large") {
        const maxBytes = Math.floor(body.length / 2)
        return maxBytes < MIN_CUT_BYTES ? undefined : [truncate(body, maxBytes)]
      }
      // O2_MAX_COLUMNS may be more than this server takes, which is no reason to lose a record
      const collapsed = collapseObjects(body, isAlone ? Math.min(maxColumns, MAX_COLUMNS) : maxColumns)
      return collapsed.body.equals(body) ? undefined : [collapsed]
    }
  )

  return {
    name,
    signal: "logs",
    server: "OpenObserve",
    url: Endpoint.ingestUrl({ ...config, stream: asked.stream }),
    headers: () => ({ "authorization": Redacted.value(config.authorization), "content-type": "application/json" }),
    redact: Endpoint.redaction(config.authorization, asked.stream),
    unreachableRemedy:
      "check O2_ENDPOINT, and that the function's network lets it reach this host (in a VPC: a NAT gateway or an endpoint)",
    format: jsonArray,
    maxColumns,
    probe: Buffer.from("[]"),
    judge: (response, sent, nowMillis) => IngestResponse.read(response, sent, nowMillis, asked),
    prepare: (batch, nowMillis) => {
      if (batch.isWide === true) return fitWide(batch)
      const nowMicros = nowMillis * 1000
      return AcceptedTime.isTooOld(batch.oldestTimestamp, nowMicros) ? prepareOld(batch, nowMicros) : undefined
    },
    rewrite: (batch, verdict, nowMillis) =>
      verdict._tag === "Accepted" ? rewriteRefused(batch, verdict, nowMillis * 1000) : rewriteDivided(batch, verdict)
  }
}

/** The destination of logs. */
export class LogsDestination extends Context.Service<LogsDestination, Destination>()(
  "o2-lambda-extension/LogsDestination"
) {
  static readonly layerNoDeps = Layer.effect(LogsDestination, ExtensionConfig.useSync((config) => make(config)))
}

/** The destination of the platform's events. */
export class PlatformDestination extends Context.Service<PlatformDestination, Destination>()(
  "o2-lambda-extension/PlatformDestination"
) {
  /** That of logs, unless `O2_PLATFORM_STREAM` names another stream. */
  static readonly layerNoDeps = Layer.effect(
    PlatformDestination,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const logs = yield* LogsDestination
      return config.platformStream === config.stream ? logs : make(config, PLATFORM)
    })
  )
}
