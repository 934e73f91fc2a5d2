/**
 * Holds records between encoding and delivery, bounded in bytes: for each destination an open batch that grows, and sealed
 * batches that wait. When memory is full the oldest go first, whatever their destination, and are counted.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { ExtensionConfig } from "../config/Config.ts"
import { Phrase } from "../config/Phrase.ts"
import { RateLimitedWarning } from "../platform/RateLimitedWarning.ts"
import { type Batch, isExhausted } from "./Batch.ts"
import type { Destination } from "./Destination.ts"
import type { EncodedRecords } from "./EncodedRecords.ts"
import type { DropReason, Tally } from "./Books.ts"
import { Ledger } from "./Ledger.ts"
import { MemoryBudget, type Reservation } from "./MemoryBudget.ts"
import * as Merging from "./Merging.ts"
import type { OpenBatch } from "./OpenBatch.ts"
import { OpenBatches } from "./OpenBatches.ts"
import { SealedBatches } from "./SealedBatches.ts"

/**
 * The buffer's fill level.
 *
 * @since 0.2.0
 * @category models
 */
export interface BufferState {
  /** Bytes held for records in all stages, what is reserved included. */
  readonly heldBytes: number
  readonly openRecords: number
  readonly sealedBatches: number
}

/**
 * What is held for one destination.
 *
 * @since 0.2.0
 * @category models
 */
export interface DestinationState {
  readonly openRecords: number
  readonly sealedBatches: number
  /** Sealed batches that are not yet known to be unstorable. */
  readonly untriedBatches: number
}

/**
 * The byte-bounded buffer.
 *
 * @since 0.2.0
 * @category services
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { LogBuffer } from "o2-lambda-extension/Layers"
 *
 * const held = LogBuffer.use((buffer) => buffer.state).pipe(
 *   Effect.map((state) => state.heldBytes)
 * )
 * ```
 */
export class LogBuffer extends Context.Service<LogBuffer, {
  /** Adds records to their destination's open batch, sealing what gets full. */
  readonly append: (destination: Destination, records: EncodedRecords) => Effect.Effect<void>
  /** Seals a destination's open batch, if it holds anything; all of them without a destination. */
  readonly seal: (destination?: Destination) => Effect.Effect<void>
  /**
   * Takes a destination's oldest sealed batch for delivery, compressed; it counts as in flight until settled or given back.
   */
  readonly take: (destination: Destination) => Effect.Effect<Batch | undefined>
  /** Frees the memory of a batch that was taken. What became of its records is for the caller to book. */
  readonly settle: (batch: Batch) => Effect.Effect<void>
  /** Returns a batch that was taken, or a part of one, to its place in the order, merged with others if it is small. */
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
  /** Counts bytes on their way here against the bound. */
  readonly reserveUnsafe: (bytes: number) => Reservation
  /** Names what is given up, piece by piece, before any record is: it says whether that has freed anything. */
  readonly sparesUnsafe: (giveWay: () => boolean) => void
  /** Marks all that has come so far: the function says whether nothing of it is held any more. */
  readonly mark: Effect.Effect<() => boolean>
  /** Has those who wait for memory look again: something else has changed. */
  readonly wake: Effect.Effect<void>
  /** Begins to watch: the inner effect waits until memory has been given back since, or `wake` was called. */
  readonly watchFreed: Effect.Effect<Effect.Effect<void>>
  readonly state: Effect.Effect<BufferState>
  readonly stateOfUnsafe: (destination: Destination) => DestinationState
}>()("o2-lambda-extension/LogBuffer") {
  /** @internal */
  static readonly layerNoDeps = Layer.effect(
    LogBuffer,
    Effect.gen(function*() {
      const config = yield* ExtensionConfig
      const ledger = yield* Ledger
      const { maxBatchBytes, maxBufferBytes } = config
      const phrase = yield* Phrase

      const open = new OpenBatches(maxBatchBytes)
      const sealed = new SealedBatches({
        compresses: config.compression === "gzip",
        recycle: ({ body, destination }) => open.of(destination).recycle(body),
        onCompressed: () => {
          // the smallest batches grow
          evict()
          wakeWaiting()
        }
      })
      let nextNumber = 0
      let giveWay = () => false
      let freed = Latch.makeUnsafe(false)
      const overflow = new RateLimitedWarning(phrase(
        "O2_MAX_BUFFER_SIZE_MB is reached: the oldest records were dropped; raise it, or find out why less is taken than the function writes"
      ))

      const heldBytes = () => budget.reservedBytes + open.bytes + sealed.bytes

      const dropTally = ({ signal }: Destination, reason: DropReason, tally: Tally) => {
        ledger.moveUnsafe(signal, "buffered", { dropped: reason }, tally)
        if (reason === "buffer_full") overflow.count(tally.records)
      }

      const dropOldest = (reason: DropReason): boolean => {
        const growing = open.oldest()
        const batch = sealed.first
        if (batch !== undefined && batch.id < (growing?.first ?? Infinity)) {
          sealed.discard(batch)
          dropTally(batch.destination, reason, batch.tally)
        } else if (growing === undefined) return false
        else dropTally(growing.destination, reason, growing.evict()!)
        return true
      }

      const evict = () => {
        while (heldBytes() > maxBufferBytes) {
          if (giveWay() || dropOldest("buffer_full")) continue
          // what waits for room is part of what takes it
          return wakeWaiting()
        }
      }

      const budget = new MemoryBudget(evict)

      /** Who waits goes on at once: sees what is there at this moment, and may begin to wait for the next time. */
      const wakeWaiting = () => {
        const waited = freed
        freed = Latch.makeUnsafe(false)
        waited.openUnsafe()
      }

      const insert = (batch: Batch) => {
        sealed.insert(batch)
        evict()
      }

      const sealUnsafe = (batch: OpenBatch) => {
        if (batch.records === 0) return
        const { destination, first } = batch
        insert({ destination, id: first, coding: "identity", ...batch.seal() })
      }

      const append = (
        destination: Destination,
        source: EncodedRecords,
        start: number,
        end: number,
        records: number
      ) => {
        const tally = { records, bytes: end - start }
        ledger.receiveUnsafe(destination.signal, tally)
        if (tally.bytes > maxBufferBytes) return dropTally(destination, "too_large", tally)
        const batch = open.of(destination)
        if (batch.bytes + tally.bytes > maxBatchBytes) sealUnsafe(batch)
        batch.append(source.bytes, start, end, { number: nextNumber++, records }, source)
        evict()
      }

      /** Cuts what comes so that each piece fits into a batch; a record larger than a batch gets one of its own. */
      const appendUnsafe = (destination: Destination, source: EncodedRecords) => {
        const { ends } = source
        const batch = open.of(destination)
        let start = 0
        let records = 0
        for (const [index, end] of ends.entries()) {
          records++
          const next = ends[index + 1]
          const room = start === 0 ? maxBatchBytes - batch.bytes : maxBatchBytes
          if (next !== undefined && next - start <= Math.max(room, 0)) continue
          append(destination, source, start, end, records)
          start = end
          records = 0
        }
      }

      /** Merges what is small of what waits for a destination. */
      const mergeUnsafe = (destination: Destination) => {
        for (const group of sealed.mergeable(destination, maxBatchBytes)) {
          // not at the price of records: until it is compressed it takes more than they did
          if (heldBytes() + Merging.tallyOf(group).bytes > maxBufferBytes / 2) return
          const merged = Merging.merge(group)
          // without memory for it they can still go as they are
          if (merged === undefined) return
          for (const batch of group) sealed.remove(batch)
          insert(merged)
        }
      }

      return LogBuffer.of({
        append: (destination, records) =>
          Effect.sync(() => appendUnsafe(destination, records)).pipe(
            Effect.andThen(overflow.emit({ limitBytes: maxBufferBytes }))
          ),
        seal: (destination) =>
          Effect.sync(() => {
            for (const batch of destination === undefined ? open.all() : [open.of(destination)]) sealUnsafe(batch)
          }),
        take: (destination) =>
          Effect.suspend(() => {
            const batch = sealed.take(destination)
            if (batch === undefined) return Effect.undefined
            ledger.moveUnsafe(batch.destination.signal, "buffered", "inFlight", batch.tally)
            return sealed.ready(batch)
          }),
        settle: (batch) =>
          Effect.sync(() => {
            sealed.land(batch)
            wakeWaiting()
          }),
        replace: (batch, others) =>
          Effect.suspend(() => {
            sealed.land(batch)
            for (const other of others) sealed.takeOff(other)
            wakeWaiting()
            return Effect.forEach(others, (other) => sealed.ready(other))
          }),
        giveBack: (batch) =>
          Effect.sync(() => {
            sealed.land(batch)
            ledger.moveUnsafe(batch.destination.signal, "inFlight", "buffered", batch.tally)
            insert(batch)
            mergeUnsafe(batch.destination)
            // nothing has been given back; who went on now would have it sent again before its setback is known
          }),
        unsettled: sealed.all,
        roomBytes: Effect.sync(() => {
          const held = heldBytes()
          return held === 0 ? maxBufferBytes : Math.max(0, maxBufferBytes / 2 - held)
        }),
        restore: (batch) =>
          Effect.sync(() => {
            sealed.noteOnDisk(batch)
            ledger.replayUnsafe(batch.destination.signal, batch.tally)
            insert(batch)
          }),
        spilled: (batches) =>
          Effect.sync(() => {
            for (const batch of batches) {
              if (sealed.remove(batch)) ledger.moveUnsafe(batch.destination.signal, "buffered", "spilled", batch.tally)
            }
          }),
        drop: (reason) =>
          Effect.sync(() => {
            while (dropOldest(reason)) { /* until nothing waits */ }
          }),
        reserveUnsafe: (bytes) => budget.reserve(bytes),
        sparesUnsafe: (spare) => {
          giveWay = spare
        },
        mark: Effect.sync(() => {
          const marked = nextNumber
          return () => Math.min(open.oldest()?.first ?? Infinity, sealed.oldestId) >= marked
        }),
        wake: Effect.sync(wakeWaiting),
        watchFreed: Effect.sync(() => freed.await),
        state: Effect.sync(() => ({
          heldBytes: heldBytes(),
          openRecords: open.records,
          sealedBatches: sealed.count
        })),
        stateOfUnsafe: (destination) => {
          const batches = sealed.of(destination)
          return {
            openRecords: open.of(destination).records,
            sealedBatches: batches.length,
            untriedBatches: batches.filter((batch) => !isExhausted(batch)).length
          }
        }
      })
    })
  )
}
