/** Takes own records: encodes them, waits for room, and hands them on like Lambda's. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { ExtensionConfig } from "../config/Config.ts"
import { OpenObserveSink } from "../delivery/OpenObserveSink.ts"
import type { SinkClosed } from "../delivery/SinkClosed.ts"
import { jsonOf } from "./FieldsText.ts"
import { OwnRecordEncoder, type Stamp } from "./OwnRecordEncoder.ts"
import { RecordEncoder } from "./RecordEncoder.ts"
import { CurrentRequestId, IsPatient, RecordError, type RecordOptions, Records } from "./Records.ts"
import * as RecordRouting from "./RecordRouting.ts"

/** Records that are encoded at once by `addAll`: few enough for what comes meanwhile to find memory, many for a batch. */
const MAX_CHUNK = 500

/** The same in characters of JSON: what is large must not be there twice. */
const MAX_CHUNK_BYTES = 256 * 1024

/** `type` of a record that names none. */
const DEFAULT_TYPE = "custom"

/** Own records of the extension, beside those that Lambda tells. */
export const layerNoDeps = Layer.effect(
  Records,
  Effect.gen(function*() {
    const { flushBudgetMs } = yield* ExtensionConfig
    const { additionsUnsafe, timestampUnsafe } = yield* RecordEncoder
    const sink = yield* OpenObserveSink
    return yield* make({
      stamp: { additions: additionsUnsafe, timestamp: timestampUnsafe },
      // a hook must not hold up the function: not by the time that others wait, either
      awaitRoom: (bytes) => sink.awaitRoom(bytes, flushBudgetMs),
      isInTurn: false
    })
  })
)

/** How to make the service. */
export interface MakeOptions {
  /** What all its records have in common. */
  readonly stamp: Stamp
  /** Waits until so many bytes find room. */
  readonly awaitRoom: (bytes: number) => Effect.Effect<unknown, SinkClosed>
  /** Whether who waits keeps a place before those who come later; else all wait beside each other, and find less room. */
  readonly isInTurn: boolean
}

/** Makes the service. */
export const make = Effect.fnUntraced(function*({ awaitRoom, isInTurn, stamp }: MakeOptions) {
  const { maxBufferBytes, maxColumns } = yield* ExtensionConfig
  const sink = yield* OpenObserveSink
  const accept = yield* RecordRouting.make
  const encoder = new OwnRecordEncoder(stamp, maxColumns)
  const turn = Semaphore.makeUnsafe(1)
  const maxChunkBytes = Math.min(MAX_CHUNK_BYTES, maxBufferBytes / 8)

  const commonOf = Effect.fnUntraced(function*({ requestId, time, type = DEFAULT_TYPE }: RecordOptions) {
    const timeMs = millisOf(time) ?? (yield* Clock.currentTimeMillis)
    return { timeMs, members: { type, requestId: requestId ?? (yield* CurrentRequestId) } }
  })

  const take = Effect.fnUntraced(function*(
    chunk: ReadonlyArray<string>,
    { members, timeMs }: Effect.Success<ReturnType<typeof commonOf>>,
    isPatient: boolean
  ) {
    const nowMs = yield* Clock.currentTimeMillis
    const encoded = encoder.encode(chunk.map((json) => ({ json, timeMs })), nowMs, members)
    if (isPatient) yield* awaitRoom(encoded.bytes.length)
    yield* sink.assertOpen
    // all of it or nothing
    yield* Effect.uninterruptible(accept({ ...encoded, platformRecords: [] }))
  })

  const addChunk = Effect.fnUntraced(function*(chunk: ReadonlyArray<string>, options: RecordOptions) {
    const common = yield* commonOf(options)
    const isPatient = yield* IsPatient
    const taking = take(chunk, common, isPatient)
    yield* isPatient && isInTurn ? turn.withPermit(taking) : taking
  })

  const addAll = Effect.fnUntraced(function*(records: Iterable<object>, options: RecordOptions = {}) {
    const source = records[Symbol.iterator]()
    let index = 0
    let end: Effect.Effect<void, RecordError> | undefined
    // a generator may have something to close
    const leave = Effect.sync(() => source.return?.())

    /** Texts of the next records; `end` is what comes of the rest when there is nothing more to be taken. */
    const next = (): ReadonlyArray<string> => {
      const chunk: Array<string> = []
      let bytes = 0
      while (end === undefined && chunk.length < MAX_CHUNK && bytes < maxChunkBytes) {
        const item = Result.try(() => source.next())
        if (Result.isFailure(item)) end = Effect.die(item.failure)
        else if (item.success.done === true) end = Effect.void
        else {
          const fields = item.success.value
          const json = Result.try(() => jsonOf(fields))
          if (Result.isSuccess(json)) {
            bytes += json.success.length
            chunk.push(json.success)
          } else end = Effect.andThen(leave, Effect.fail(new RecordError({ index, cause: json.failure })))
          index++
        }
      }
      return chunk
    }

    const all: Effect.Effect<void, RecordError | SinkClosed> = Effect.suspend(() => {
      const chunk = next()
      const adding = chunk.length === 0 ? Effect.void : addChunk(chunk, options)
      return Effect.andThen(adding, end ?? all)
    })
    yield* Effect.onExit(all, (exit) => Exit.isSuccess(exit) || end !== undefined ? Effect.void : leave)
  })

  const add = (fields: object, options: RecordOptions = {}) =>
    Effect.suspend((): Effect.Effect<void, RecordError | SinkClosed> => {
      const json = Result.try(() => jsonOf(fields))
      return Result.isSuccess(json)
        ? addChunk([json.success], options)
        : Effect.fail(new RecordError({ index: 0, cause: json.failure }))
    })

  return Records.of({ add, addAll })
})

const millisOf = (time: RecordOptions["time"]): number | undefined => {
  if (time === undefined || typeof time === "number") return time
  return time instanceof Date ? time.getTime() : time.epochMilliseconds
}
