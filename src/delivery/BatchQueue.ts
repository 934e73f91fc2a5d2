/** Sealed batches that wait, the oldest first. */
import type { Batch } from "./Batch.ts"
import type { Destination } from "./Destination.ts"

/** A queue that keeps the order of arrival, whoever comes back late. */
export class BatchQueue {
  // oldest first
  private readonly batches: Array<Batch> = []
  /** Bytes of all bodies. */
  bytes = 0

  get length(): number {
    return this.batches.length
  }

  /** The oldest. */
  get first(): Batch | undefined {
    return this.batches[0]
  }

  all(): ReadonlyArray<Batch> {
    return this.batches
  }

  of(destination: Destination): ReadonlyArray<Batch> {
    return this.batches.filter((batch) => batch.destination === destination)
  }

  find(predicate: (batch: Batch) => boolean): Batch | undefined {
    return this.batches.find(predicate)
  }

  /** Puts a batch into its place in the order. */
  insert(batch: Batch): void {
    const place = this.batches.findLastIndex((other) => other.id < batch.id) + 1
    this.batches.splice(place, 0, batch)
    this.bytes += batch.body.length
  }

  /** Takes a batch out; false when it is not there. */
  remove(batch: Batch): boolean {
    return this.splice(batch, [])
  }

  /** Puts another batch into a batch's place; false when it is not there. */
  replace(batch: Batch, other: Batch): boolean {
    return this.splice(batch, [other])
  }

  private splice(batch: Batch, others: ReadonlyArray<Batch>): boolean {
    const place = this.batches.indexOf(batch)
    if (place < 0) return false
    this.batches.splice(place, 1, ...others)
    this.bytes += others.reduce((sum, { body }) => sum + body.length, -batch.body.length)
    return true
  }
}
