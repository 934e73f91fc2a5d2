/** Sealed batches, waiting or in flight: compressed in the background, and their memory given back as soon as it may be. */
import * as Effect from "effect/Effect"
import * as Memory from "../platform/Memory.ts"
import { type Batch, isExhausted } from "./Batch.ts"
import { BatchQueue } from "./BatchQueue.ts"
import { Compressor } from "./Compressor.ts"
import type { Destination } from "./Destination.ts"
import * as Merging from "./Merging.ts"

/** What sealed batches depend on. */
export interface Surroundings {
  readonly compresses: boolean
  /** Takes back the memory of a batch that has been compressed. */
  readonly recycle: (batch: Batch) => void
  /** A batch has been compressed, or cannot be: what is held has changed. */
  readonly onCompressed: () => void
}

export class SealedBatches {
  private readonly compresses: boolean
  private readonly compressor: Compressor
  private readonly waiting = new BatchQueue()
  private readonly inFlight = new Map<number, Batch>()
  private inFlightBytes = 0
  /** Whole numbers of those that may have a file on the disk, which is found by it. */
  private readonly mayBeOnDisk = new Set<number>()
  /** Bodies that others may still read: a request's socket, even a broken one's, and the disk. */
  private readonly lent = new WeakSet<Buffer>()

  constructor({ compresses, onCompressed, recycle }: Surroundings) {
    this.compresses = compresses
    this.compressor = new Compressor((batch, compressed) => {
      if (compressed !== batch) {
        if (!this.waiting.replace(batch, compressed)) this.finish(batch, compressed)
        if (!this.lent.has(batch.body)) recycle(batch)
        this.compressNext()
      }
      onCompressed()
    })
  }

  /** Bytes of all bodies. */
  get bytes(): number {
    return this.waiting.bytes + this.inFlightBytes
  }

  /** How many wait. */
  get count(): number {
    return this.waiting.length
  }

  /** The number of the oldest, waiting or in flight; `Infinity` without any. */
  get oldestId(): number {
    return Math.min(this.first?.id ?? Infinity, ...this.inFlight.keys())
  }

  /** The oldest that waits. */
  get first(): Batch | undefined {
    return this.waiting.first
  }

  /** Those that wait for a destination, the oldest first. */
  of(destination: Destination): ReadonlyArray<Batch> {
    return this.waiting.of(destination)
  }

  /** Lets a batch wait, in its place in the order. */
  insert(batch: Batch): void {
    this.waiting.insert(batch)
    this.compressNext()
  }

  /** Takes out one that waits; false when it is not there. */
  remove(batch: Batch): boolean {
    return this.waiting.remove(batch)
  }

  /** The same, and gives its memory back. */
  discard(batch: Batch): void {
    this.waiting.remove(batch)
    // what is being compressed is given back afterwards
    if (!this.compressor.isReading(batch) && !this.lent.has(batch.body)) Memory.freeAll(batch.body.buffer)
  }

  /** Takes the oldest that waits for a destination: what seems to be unstorable must not hold up the rest. */
  take(destination: Destination): Batch | undefined {
    const batches = this.of(destination)
    const batch = batches.find((batch) => !isExhausted(batch)) ?? batches[0]
    if (batch === undefined) return undefined
    this.waiting.remove(batch)
    this.takeOff(batch)
    return batch
  }

  /** A batch is in flight from now on. */
  takeOff(batch: Batch): void {
    this.inFlight.set(batch.id, batch)
    this.inFlightBytes += batch.body.length
  }

  /** It is no longer. */
  land(batch: Batch): void {
    this.inFlight.delete(batch.id)
    this.inFlightBytes -= batch.body.length
  }

  /** A batch that is in flight, when it has been compressed. */
  ready(batch: Batch): Effect.Effect<Batch> {
    if (this.isCompressible(batch)) this.compressor.start(batch)
    return Effect.map(this.compressor.settled(batch), () => {
      const ready = this.inFlight.get(batch.id) ?? batch
      this.lent.add(ready.body)
      return ready
    })
  }

  /** Small neighbours that wait for a destination, and that nothing keeps apart. */
  mergeable(destination: Destination, maxBatchBytes: number): ReadonlyArray<ReadonlyArray<Batch>> {
    const isFree = (batch: Batch) => !this.mayBeOnDisk.has(batch.id) && !this.compressor.isReading(batch)
    return Merging.groups(this.of(destination), isFree, maxBatchBytes)
  }

  /** A batch may have a file on the disk. */
  noteOnDisk({ id }: Batch): void {
    this.mayBeOnDisk.add(Math.floor(id))
  }

  /** All of them, compressed, for the disk. */
  readonly all: Effect.Effect<ReadonlyArray<Batch>> = Effect.gen({ self: this }, function*() {
    yield* this.compressor.allSettled
    const batches = [...this.inFlight.values(), ...this.waiting.all()]
    for (const batch of batches) {
      this.lent.add(batch.body)
      this.noteOnDisk(batch)
    }
    return batches
  })

  private isCompressible({ coding }: Batch): boolean {
    return this.compresses && coding === "identity"
  }

  /** Compresses what waits, one at a time: what is being compressed takes memory even when it is dropped. */
  private compressNext(): void {
    const next = this.compressor.isIdle ? this.waiting.find((batch) => this.isCompressible(batch)) : undefined
    if (next !== undefined) this.compressor.start(next)
  }

  /** A batch has been compressed that does not wait: it is in flight, or nobody needs it any more. */
  private finish(batch: Batch, compressed: Batch): void {
    if (this.inFlight.get(batch.id) !== batch) return Memory.freeAll(compressed.body.buffer)
    this.inFlight.set(batch.id, compressed)
    this.inFlightBytes += compressed.body.length - batch.body.length
  }
}
