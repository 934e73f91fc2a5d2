/** Records of your own, beside those that Lambda tells: copied, stamped, counted, and sent like all others. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { ExtensionConfig } from "../config/Config.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import type { SinkClosed } from "../delivery/SinkClosed.ts"
import { type OwnRecord, OwnRecordEncoder, type Stamp } from "./OwnRecordEncoder.ts"
import { RecordEncoder } from "./RecordEncoder.ts"
import * as RecordRouting from "./RecordRouting.ts"

/** Records that are encoded at once by `addAll`: few enough for what comes meanwhile to find memory, many for a batch. */
const MAX_CHUNK = 500

/** About what a record takes that is not encoded yet, in bytes. */
const EXPECTED_BYTES = 500

/** `type` of a record that names none. */
const DEFAULT_TYPE = "custom"

/**
 * A record cannot be written as JSON: it holds a `bigint`, or itself.
 *
 * @since 0.2.0
 * @category errors
 * @example
 * ```ts
 * import { Records } from "o2-lambda-extension/Records"
 * import * as Effect from "effect/Effect"
 *
 * const program = Records.use((records) => records.add({ size: 10n })).pipe(
 *   Effect.catchTag("RecordError", (error) => Effect.logError(error.message))
 * )
 * ```
 */
export class RecordError extends Data.TaggedError("RecordError")<{
  /** Which of the records that were handed over, from 0; all before it were taken, and none behind it. */
  readonly index: number
  readonly cause: unknown
}> {
  override get message() {
    return `record ${this.index} cannot be written as JSON: ${String(this.cause)}`
  }
}

/**
 * What is to be known of a record besides its fields.
 *
 * @since 0.2.0
 * @category models
 */
export interface RecordOptions {
  /** When it happened; now unless given. A number is in ms since the epoch, with a fraction for µs. */
  readonly time?: DateTime.DateTime | Date | number
  /** Default `custom`. Lambda's own are `function`, `extension` and `platform.…`. */
  readonly type?: string
  /** The call that it is about; inside of hooks, the call of the hook unless given. */
  readonly requestId?: string
}

/**
 * The call that a fiber works for: what `Records` takes for `requestId` where none is given. Hooks have it set.
 *
 * @since 0.2.0
 * @category references
 * @example
 * ```ts
 * import { CurrentRequestId } from "o2-lambda-extension/Records"
 * import * as Effect from "effect/Effect"
 *
 * const workFor = <A, E, R>(requestId: string, work: Effect.Effect<A, E, R>) =>
 *   Effect.provideService(work, CurrentRequestId, requestId)
 * ```
 */
export const CurrentRequestId = Context.Reference<string | undefined>("o2-lambda-extension/Records/CurrentRequestId", {
  defaultValue: () => undefined
})

/**
 * Takes records of your own. Members are what `JSON.stringify` makes of them; `_timestamp` comes from `time`, and
 * `requestId`, `type` and the function's metadata are added unless a record has such members itself. Processors see them as
 * they see all others.
 *
 * A record that is larger than `O2_MAX_BUFFER_SIZE_MB`, or finds no room in it while OpenObserve is away, is dropped and
 * counted, not an error.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import { Records } from "o2-lambda-extension/Records"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const records = yield* Records
 *   yield* records.add({ event: "cache.refreshed", entries: 17 }, { type: "cache" })
 * })
 * ```
 */
export class Records extends Context.Service<Records, {
  /** Takes one record; it has been copied when the effect is done. */
  readonly add: (fields: object, options?: RecordOptions) => Effect.Effect<void, RecordError | SinkClosed>
  /** Takes many, in order, all with the same options. */
  readonly addAll: (
    records: Iterable<object>,
    options?: RecordOptions
  ) => Effect.Effect<void, RecordError | SinkClosed>
}>()("o2-lambda-extension/Records") {
  /** @internal */
  static readonly layerNoDeps = Layer.effect(
    Records,
    Effect.gen(function*() {
      const { additionsUnsafe, timestampUnsafe } = yield* RecordEncoder
      return yield* make({ additions: additionsUnsafe, timestamp: timestampUnsafe })
    })
  )
}

/** Makes the service; `stamp` is what all its records have in common. */
export const make = Effect.fnUntraced(function*(stamp: Stamp) {
  const { flushBudgetMs, maxColumns } = yield* ExtensionConfig
  const sink = yield* OpenObserveSink
  const accept = yield* RecordRouting.make
  const encoder = new OwnRecordEncoder(stamp, maxColumns)

  const addChunk = Effect.fnUntraced(function*(chunk: ReadonlyArray<object>, first: number, options: RecordOptions) {
    yield* sink.awaitRoom(chunk.length * EXPECTED_BYTES, flushBudgetMs)
    const nowMs = yield* Clock.currentTimeMillis
    const requestId = options.requestId ?? (yield* CurrentRequestId)
    const timeMs = millisOf(options.time) ?? nowMs
    const members = { type: options.type ?? DEFAULT_TYPE, ...(requestId === undefined ? {} : { requestId }) }
    const records: Array<OwnRecord> = []
    let failure: RecordError | undefined
    for (const fields of chunk) {
      const json = Result.try(() => JSON.stringify({ ...members, ...fields }))
      if (Result.isFailure(json)) {
        failure = new RecordError({ index: first + records.length, cause: json.failure })
        break
      }
      records.push({ json: json.success, timeMs })
    }
    if (records.length > 0) yield* accept({ ...encoder.encode(records, nowMs), platformRecords: [] })
    if (failure !== undefined) return yield* failure
  })

  const addAll = Effect.fnUntraced(function*(records: Iterable<object>, options: RecordOptions = {}) {
    let first = 0
    let chunk: Array<object> = []
    for (const record of records) {
      if (chunk.push(record) < MAX_CHUNK) continue
      yield* addChunk(chunk, first, options)
      first += chunk.length
      chunk = []
    }
    if (chunk.length > 0) yield* addChunk(chunk, first, options)
  })

  return Records.of({ add: (fields, options) => addAll([fields], options), addAll })
})

const millisOf = (time: RecordOptions["time"]): number | undefined => {
  if (time === undefined || typeof time === "number") return time
  return time instanceof Date ? time.getTime() : time.epochMilliseconds
}
