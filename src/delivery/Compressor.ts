/** Compresses batches in the background and remembers which are under way. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Batch } from "./Batch.ts"
import { gzipUnsafe } from "./Compression.ts"

/** `done` gets the batch and what takes its place: itself, when there was no memory to compress it. */
export class Compressor {
  private readonly done: (batch: Batch, compressed: Batch) => void
  private readonly underWay = new Map<number, Latch.Latch>()

  constructor(done: (batch: Batch, compressed: Batch) => void) {
    this.done = done
  }

  get isIdle(): boolean {
    return this.underWay.size === 0
  }

  /** Whether a batch's body is being read. */
  isReading({ id }: Batch): boolean {
    return this.underWay.has(id)
  }

  start(batch: Batch): void {
    if (this.isReading(batch)) return
    const finished = Latch.makeUnsafe(false)
    this.underWay.set(batch.id, finished)
    gzipUnsafe(batch.body, (body) => {
      this.underWay.delete(batch.id)
      // without memory for it the batch can still go as it is
      this.done(batch, body === undefined ? batch : { ...batch, body, coding: "gzip" })
      finished.openUnsafe()
    })
  }

  /** Waits until a batch is not under way any more. */
  settled({ id }: Batch): Effect.Effect<void> {
    return this.underWay.get(id)?.await ?? Effect.void
  }

  /** Waits until none is under way. */
  readonly allSettled: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    for (let [next] = this.underWay.values(); next !== undefined; [next] = this.underWay.values()) yield* next.await
  })
}
