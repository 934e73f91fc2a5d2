/**
 * Holds records between encoding and delivery, bounded in bytes: an open batch that grows, sealed batches that wait.
 * When memory is full the oldest go first, and are counted.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Batch, compress, halve, join } from "./Batch.ts"
import { ExtensionConfig } from "./Config.ts"
import { type DropReason, Ledger, type Tally } from "./Ledger.ts"
import type { EncodedPost } from "./PostEncoder.ts"

/** Records of one post that lie together in one batch. */
interface Chunk {
  readonly bytes: Buffer
  readonly records: number
  readonly oldestTimestamp: number
}

/** The buffer's fill level. */
export interface BufferState {
  /** Bytes held for records in all stages, posts that are being received included. */
  readonly heldBytes: number
  readonly openRecords: number
  readonly sealedBatches: number
}

/** The byte-bounded buffer. */
export class LogBuffer extends Context.Service<LogBuffer, {
  /** Adds the records of a post to the open batch, sealing what gets full. */
  readonly append: (post: EncodedPost) => Effect.Effect<void>
  /** Seals the open batch, if it holds anything. */
  readonly seal: Effect.Effect<void>
  /** Takes the oldest sealed batch for delivery, compressed; it counts as in flight until settled or given back. */
  readonly take: Effect.Effect<Batch | undefined>
  /** Frees the memory of a batch that was taken. What became of its records is for the caller to book. */
  readonly settle: (batch: Batch) => Effect.Effect<void>
  /** Returns a batch that was taken, or a part of one, to its place in the order. */
  readonly giveBack: (batch: Batch) => Effect.Effect<void>
  /** Divides a batch that was taken and holds two records or more. */
  readonly divide: (batch: Batch) => Effect.Effect<readonly [Batch, Batch]>
  /** Gives up everything that waits. */
  readonly drop: (reason: DropReason) => Effect.Effect<void>
  /** Counts bytes of posts on their way here against the bound; negative when they have arrived or are given up. */
  readonly holdUnsafe: (bytes: number) => void
  readonly state: Effect.Effect<BufferState>
}>()("o2-lambda-extension/Buffer") {
  static readonly layerNoDeps = Layer.effect(
    LogBuffer,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const ledger = yield* Ledger
      const { maxBatchBytes, maxBufferBytes } = config

      let open: Array<Chunk> = []
      let openTally: Tally = { records: 0, bytes: 0 }
      // oldest first
      const sealed: Array<Batch> = []
      let nextId = 0
      let sealedBytes = 0
      let inFlightBytes = 0
      let intakeBytes = 0
      let droppedSinceWarning = 0

      // sealing adds a bracket
      const openBytes = () => openTally.records === 0 ? 0 : openTally.bytes + 1
      const heldBytes = () => intakeBytes + openBytes() + sealedBytes + inFlightBytes

      const dropTally = (reason: DropReason, tally: Tally) => {
        ledger.moveUnsafe("buffered", { dropped: reason }, tally)
        if (reason === "buffer_full") droppedSinceWarning += tally.records
      }

      const dropOldest = (reason: DropReason): boolean => {
        const batch = sealed.shift()
        if (batch !== undefined) {
          sealedBytes -= batch.body.length
          dropTally(reason, batch.tally)
          return true
        }
        const chunk = open.shift()
        if (chunk === undefined) return false
        const tally = { records: chunk.records, bytes: chunk.bytes.length }
        openTally = { records: openTally.records - tally.records, bytes: openTally.bytes - tally.bytes }
        dropTally(reason, tally)
        return true
      }

      const evict = () => {
        while (heldBytes() > maxBufferBytes && dropOldest("buffer_full")) { /* until it fits */ }
      }

      const sealUnsafe = () => {
        if (openTally.records === 0) return
        const body = join(open.map((chunk) => chunk.bytes))
        const oldestTimestamp = open.reduce((oldest, chunk) => Math.min(oldest, chunk.oldestTimestamp), Infinity)
        sealed.push({ id: nextId++, tally: openTally, oldestTimestamp, body, coding: "identity" })
        sealedBytes += body.length
        open = []
        openTally = { records: 0, bytes: 0 }
      }

      const appendChunk = (chunk: Chunk) => {
        const tally = { records: chunk.records, bytes: chunk.bytes.length }
        ledger.receiveUnsafe(tally)
        if (tally.bytes > maxBufferBytes) return dropTally("too_large", tally)
        if (openTally.bytes + tally.bytes > maxBatchBytes) sealUnsafe()
        open.push(chunk)
        openTally = { records: openTally.records + tally.records, bytes: openTally.bytes + tally.bytes }
        evict()
      }

      /** Cuts a post so that each piece fits into a batch; a record larger than a batch gets one of its own. */
      const appendUnsafe = (post: EncodedPost) => {
        let start = 0
        let records = 0
        for (const [index, end] of post.ends.entries()) {
          records++
          const next = post.ends[index + 1]
          const room = start === 0 ? maxBatchBytes - openTally.bytes : maxBatchBytes
          if (next !== undefined && next - start <= Math.max(room, 0)) continue
          appendChunk({ bytes: post.bytes.subarray(start, end), records, oldestTimestamp: post.oldestTimestamp })
          start = end
          records = 0
        }
      }

      let lastWarning = -Infinity
      const warnOfDrops = Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (droppedSinceWarning === 0 || now - lastWarning < DROP_WARNING_INTERVAL_MS) return Effect.void
        const dropped = droppedSinceWarning
        droppedSinceWarning = 0
        lastWarning = now
        return Effect.logWarning(
          "O2_MAX_BUFFER_SIZE_MB is reached: the oldest records were dropped; raise it, or find out why OpenObserve takes less than the function writes",
          { dropped, limitBytes: maxBufferBytes }
        )
      })

      return LogBuffer.of({
        append: (post) => Effect.sync(() => appendUnsafe(post)).pipe(Effect.andThen(warnOfDrops)),
        seal: Effect.sync(sealUnsafe),
        take: Effect.suspend(() => {
          const batch = sealed.shift()
          if (batch === undefined) return Effect.undefined
          sealedBytes -= batch.body.length
          inFlightBytes += batch.body.length
          ledger.moveUnsafe("buffered", "inFlight", batch.tally)
          if (config.compression === "none") return Effect.succeed(batch)
          return Effect.map(compress(batch), (compressed) => {
            inFlightBytes += compressed.body.length - batch.body.length
            return compressed
          })
        }),
        settle: (batch) =>
          Effect.sync(() => {
            inFlightBytes -= batch.body.length
          }),
        divide: Effect.fnUntraced(function*(batch) {
          const parts = halve(batch)
          const [first, second] = config.compression === "none"
            ? parts
            : yield* Effect.all([compress(parts[0]), compress(parts[1])])
          inFlightBytes += first.body.length + second.body.length - batch.body.length
          return [first, second] as const
        }),
        giveBack: (batch) =>
          Effect.sync(() => {
            inFlightBytes -= batch.body.length
            sealedBytes += batch.body.length
            ledger.moveUnsafe("inFlight", "buffered", batch.tally)
            const place = sealed.findIndex((other) => other.id > batch.id)
            sealed.splice(place < 0 ? sealed.length : place, 0, batch)
            evict()
          }),
        drop: (reason) =>
          Effect.sync(() => {
            while (dropOldest(reason)) { /* until nothing waits */ }
          }),
        holdUnsafe: (bytes) => {
          intakeBytes += bytes
          if (bytes > 0) evict()
        },
        state: Effect.sync(() => ({
          heldBytes: heldBytes(),
          openRecords: openTally.records,
          sealedBatches: sealed.length
        }))
      })
    })
  )

  static readonly layer = LogBuffer.layerNoDeps.pipe(Layer.provide([ExtensionConfig.layer, Ledger.layer]))
}

/** One warning per minute says as much as thousands. */
const DROP_WARNING_INTERVAL_MS = 60_000
