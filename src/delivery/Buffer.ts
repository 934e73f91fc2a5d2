/**
 * Holds records between encoding and delivery, bounded in bytes: an open batch that grows, sealed batches that wait.
 * When memory is full the oldest go first, and are counted.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { type Batch, compressUnsafe, isUntried } from "./Batch.ts"
import { Complaint } from "../platform/RateLimitedWarning.ts"
import { ExtensionConfig } from "../config/Config.ts"
import { type DropReason, Ledger, type Tally } from "./Ledger.ts"
import * as Memory from "../platform/Memory.ts"
import { OpenBatch } from "./OpenBatch.ts"
import type { EncodedPost } from "../logs/PostEncoder.ts"

/** The buffer's fill level. */
export interface BufferState {
  /** Bytes held for records in all stages, posts that are being received included. */
  readonly heldBytes: number
  readonly openRecords: number
  readonly sealedBatches: number
  /** Those of them from whose delivery something is to be learnt about OpenObserve. */
  readonly untriedBatches: number
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
  /** Puts others in the place of a batch that was taken (its halves, or itself rewritten); answers with them compressed. */
  readonly replace: (batch: Batch, others: ReadonlyArray<Batch>) => Effect.Effect<ReadonlyArray<Batch>>
  /** Every batch that is not settled, those in flight included, compressed. */
  readonly unsettled: Effect.Effect<ReadonlyArray<Batch>>
  /** Bytes that a batch of an earlier process may take: new records must find room beside it, unless it is too large. */
  readonly roomBytes: Effect.Effect<number>
  /** Takes a batch that an earlier process has left; its negative number puts it before all others. */
  readonly restore: (batch: Batch) => Effect.Effect<void>
  /** Lets go of batches that wait: they are on the disk. */
  readonly spilled: (batches: ReadonlyArray<Batch>) => Effect.Effect<void>
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

      const open = new OpenBatch(maxBatchBytes)
      // oldest first
      const sealed: Array<Batch> = []
      const inFlight = new Map<number, Batch>()
      // bodies that others may still read: a request's socket, even a broken one's, and the disk
      const lent = new WeakSet<Buffer>()
      const compressing = new Map<number, Latch.Latch>()
      let nextId = 0
      let sealedBytes = 0
      let inFlightBytes = 0
      let intakeBytes = 0
      const overflow = new Complaint(
        "O2_MAX_BUFFER_SIZE_MB is reached: the oldest records were dropped; raise it, or find out why OpenObserve takes less than the function writes"
      )

      // sealing adds a bracket
      const openBytes = () => open.records === 0 ? 0 : open.bytes + 1
      const heldBytes = () => intakeBytes + openBytes() + sealedBytes + inFlightBytes

      const dropTally = (reason: DropReason, tally: Tally) => {
        ledger.moveUnsafe("buffered", { dropped: reason }, tally)
        if (reason === "buffer_full") overflow.note(tally.records)
      }

      const dropOldest = (reason: DropReason): boolean => {
        const batch = sealed.shift()
        if (batch !== undefined) {
          sealedBytes -= batch.body.length
          // what is being compressed is given back afterwards
          if (!compressing.has(batch.id) && !lent.has(batch.body)) Memory.freeAll(batch.body.buffer)
        }
        const tally = batch?.tally ?? open.evict()
        if (tally === undefined) return false
        dropTally(reason, tally)
        return true
      }

      const evict = () => {
        while (heldBytes() > maxBufferBytes && dropOldest("buffer_full")) { /* until it fits */ }
      }

      const compress = (batch: Batch) => {
        if (compressing.has(batch.id) || batch.coding === "gzip" || config.compression === "none") return
        const done = Latch.makeUnsafe(false)
        compressing.set(batch.id, done)
        compressUnsafe(batch, (compressed) => {
          compressing.delete(batch.id)
          const saved = batch.body.length - compressed.body.length
          const place = sealed.indexOf(batch)
          if (place >= 0) {
            sealed[place] = compressed
            sealedBytes -= saved
          } else if (inFlight.get(batch.id) === batch) {
            inFlight.set(batch.id, compressed)
            inFlightBytes -= saved
          } else if (compressed !== batch) Memory.freeAll(compressed.body.buffer)
          if (compressed !== batch && !lent.has(batch.body)) open.recycle(batch.body)
          done.openUnsafe()
          if (compressed !== batch) compressNext()
          // the smallest batches grow
          evict()
        })
      }

      /** Compresses what waits, one at a time: what is being compressed takes memory even when it is dropped. */
      const compressNext = () => {
        const next = sealed.find(({ coding }) => coding === "identity")
        if (compressing.size === 0 && next !== undefined) compress(next)
      }

      /** A batch that is in flight, when it has been compressed. */
      const compressed = (batch: Batch): Effect.Effect<Batch> => {
        compress(batch)
        return Effect.map(compressing.get(batch.id)?.await ?? Effect.void, () => {
          const ready = inFlight.get(batch.id) ?? batch
          lent.add(ready.body)
          return ready
        })
      }

      const insert = (batch: Batch) => {
        const place = sealed.findLastIndex((other) => other.id < batch.id) + 1
        sealed.splice(place, 0, batch)
        sealedBytes += batch.body.length
        compressNext()
        evict()
      }

      const sealUnsafe = () => {
        if (open.records > 0) insert({ id: nextId++, coding: "identity", ...open.seal() })
      }

      const append = (post: EncodedPost, start: number, end: number, records: number) => {
        const tally = { records, bytes: end - start }
        ledger.receiveUnsafe(tally)
        if (tally.bytes > maxBufferBytes) return dropTally("too_large", tally)
        if (open.bytes + tally.bytes > maxBatchBytes) sealUnsafe()
        open.append(post.bytes, start, end, records, post)
        evict()
      }

      /** Cuts a post so that each piece fits into a batch; a record larger than a batch gets one of its own. */
      const appendUnsafe = (post: EncodedPost) => {
        const { ends } = post
        let start = 0
        let records = 0
        for (const [index, end] of ends.entries()) {
          records++
          const next = ends[index + 1]
          const room = start === 0 ? maxBatchBytes - open.bytes : maxBatchBytes
          if (next !== undefined && next - start <= Math.max(room, 0)) continue
          append(post, start, end, records)
          start = end
          records = 0
        }
      }

      const landUnsafe = (batch: Batch) => {
        inFlight.delete(batch.id)
        inFlightBytes -= batch.body.length
      }

      return LogBuffer.of({
        append: (post) =>
          Effect.sync(() => appendUnsafe(post)).pipe(
            Effect.andThen(overflow.voice({ limitBytes: maxBufferBytes }))
          ),
        seal: Effect.sync(sealUnsafe),
        take: Effect.suspend(() => {
          // what seems to be unstorable must not hold up the rest
          const place = Math.max(0, sealed.findIndex(isUntried))
          const [batch] = sealed.splice(place, 1)
          if (batch === undefined) return Effect.undefined
          sealedBytes -= batch.body.length
          inFlightBytes += batch.body.length
          inFlight.set(batch.id, batch)
          ledger.moveUnsafe("buffered", "inFlight", batch.tally)
          return compressed(batch)
        }),
        settle: (batch) => Effect.sync(() => landUnsafe(batch)),
        replace: (batch, others) =>
          Effect.suspend(() => {
            landUnsafe(batch)
            for (const other of others) {
              inFlight.set(other.id, other)
              inFlightBytes += other.body.length
            }
            return Effect.forEach(others, compressed)
          }),
        giveBack: (batch) =>
          Effect.sync(() => {
            landUnsafe(batch)
            ledger.moveUnsafe("inFlight", "buffered", batch.tally)
            insert(batch)
          }),
        unsettled: Effect.gen(function*() {
          for (let [pending] = compressing.values(); pending !== undefined; [pending] = compressing.values()) {
            yield* pending.await
          }
          const batches = [...inFlight.values(), ...sealed]
          for (const { body } of batches) lent.add(body)
          return batches
        }),
        roomBytes: Effect.sync(() => {
          const held = heldBytes()
          return held === 0 ? maxBufferBytes : Math.max(0, maxBufferBytes / 2 - held)
        }),
        restore: (batch) =>
          Effect.sync(() => {
            ledger.replayUnsafe(batch.tally)
            insert(batch)
          }),
        spilled: (batches) =>
          Effect.sync(() => {
            for (const batch of batches) {
              const place = sealed.indexOf(batch)
              if (place < 0) continue
              sealed.splice(place, 1)
              sealedBytes -= batch.body.length
              ledger.moveUnsafe("buffered", "spilled", batch.tally)
            }
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
          openRecords: open.records,
          sealedBatches: sealed.length,
          untriedBatches: sealed.filter(isUntried).length
        }))
      })
    })
  )

  static readonly layer = LogBuffer.layerNoDeps.pipe(Layer.provide([ExtensionConfig.layer, Ledger.layer]))
}
