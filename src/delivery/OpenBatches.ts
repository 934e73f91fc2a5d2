/** The open batches of all destinations. */
import type { Destination } from "./Destination.ts"
import { OpenBatch } from "./OpenBatch.ts"

/** One for each destination that has had records. */
export class OpenBatches {
  private readonly maxBytes: number
  private readonly batches = new Map<Destination, OpenBatch>()

  /** `maxBytes`: what a batch takes at most. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  of(destination: Destination): OpenBatch {
    const known = this.batches.get(destination)
    if (known !== undefined) return known
    const batch = new OpenBatch(destination, this.maxBytes)
    this.batches.set(destination, batch)
    return batch
  }

  all(): Iterable<OpenBatch> {
    return this.batches.values()
  }

  /** The one whose records came first; `undefined` when all are empty. */
  oldest(): OpenBatch | undefined {
    let oldest: OpenBatch | undefined
    for (const batch of this.batches.values()) if (batch.first < (oldest?.first ?? Infinity)) oldest = batch
    return oldest
  }

  /** Bytes of all bodies, as they would be sealed. */
  get bytes(): number {
    let bytes = 0
    for (const { bodyBytes } of this.batches.values()) bytes += bodyBytes
    return bytes
  }

  get records(): number {
    let sum = 0
    for (const { records } of this.batches.values()) sum += records
    return sum
  }
}
