/** OpenObserve's JSON ingestion as the destination of logs: where, in which form, and what to do about what it refuses. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { type Configuration, ExtensionConfig } from "../config/Config.ts"
import type { Batch } from "../delivery/Batch.ts"
import type { Destination } from "../delivery/Destination.ts"
import type { Accepted, Divide } from "../delivery/Verdict.ts"
import * as AcceptedTime from "./AcceptedTime.ts"
import * as Endpoint from "./Endpoint.ts"
import * as IngestResponse from "./IngestResponse.ts"
import { jsonArray } from "./JsonArray.ts"
import type { make as makeRewriting } from "./Rewriting.ts"

// needed by few batches of few functions: not at the start
const loadRewriting = Effect.promise(() => import("./Rewriting.ts"))

/** Whether there may be another form for what was refused: else nothing is loaded for it. */
const mayRewrite = ({ tally: { records } }: Batch, verdict: Accepted | Divide): boolean =>
  verdict._tag === "Accepted"
    ? verdict.refused === records
    : verdict.reason === "unaccounted" || verdict.reason === "too_large" && records === 1

/** A stream of logs: what it is called, what says so, and what the destination is called in spill files. */
interface Stream {
  readonly name: string
  readonly stream: string
  readonly variable: string
}

/** Makes the destination that the settings name. */
export const make = (config: Configuration): Destination =>
  ofStream(config, { name: "logs", stream: config.stream, variable: "O2_STREAM" })

const ofStream = (config: Configuration, { name, stream, variable }: Stream): Destination => {
  const asked = { stream, variable }
  const { maxColumns } = config
  // one for all batches: times that it gives are later than all before
  let made: ReturnType<typeof makeRewriting> | undefined
  const rewriting = Effect.map(loadRewriting, ({ make }) => made ??= make(maxColumns))

  return {
    name,
    signal: "logs",
    server: "OpenObserve",
    url: Endpoint.ingestUrl({ ...config, stream: asked.stream }),
    headers: () => ({ "authorization": Redacted.value(config.authorization), "content-type": "application/json" }),
    redact: Endpoint.redaction(config.authorization, asked.stream, config.proxy),
    unreachableRemedy:
      "check O2_ENDPOINT, and that the function's network lets it reach this host (in a VPC: a NAT gateway or an endpoint)",
    format: jsonArray,
    maxColumns,
    probe: Buffer.from("[]"),
    judge: (response, sent, nowMillis) => IngestResponse.read(response, sent, nowMillis, asked),
    prepare: (batch, nowMillis) => {
      if (batch.isWide === true) return Effect.flatMap(rewriting, ({ fitWide }) => fitWide(batch))
      const nowMicros = nowMillis * 1000
      return AcceptedTime.isTooOld(batch.oldestTimestamp, nowMicros)
        ? Effect.map(rewriting, ({ prepareOld }) => prepareOld(batch, nowMicros))
        : undefined
    },
    rewrite: (batch, verdict, nowMillis) =>
      mayRewrite(batch, verdict)
        ? Effect.map(rewriting, ({ rewriteDivided, rewriteRefused }) =>
          verdict._tag === "Accepted"
            ? rewriteRefused(batch, verdict, nowMillis * 1000)
            : rewriteDivided(batch, verdict))
        : Effect.undefined
  }
}

/** That of the platform's events, where they have a stream of their own. */
export const makePlatform = (config: Configuration): Destination | undefined =>
  config.platformStream === config.stream
    ? undefined
    : ofStream(config, { name: "platform", stream: config.platformStream, variable: "O2_PLATFORM_STREAM" })

/** The name of the destination of a stream that a processor sends records to. */
export const routeName = (stream: string): string => `route:${encodeURIComponent(stream)}`

/** That of a stream that a processor sends records to. */
export const makeRoute = (config: Configuration, stream: string): Destination =>
  ofStream(config, { name: routeName(stream), stream, variable: "the processor" })

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
      return makePlatform(yield* ExtensionConfig) ?? (yield* LogsDestination)
    })
  )
}
