/**
 * What is left of one batch that is being delivered: the batch, or the parts that it was divided into. One delivery works
 * on it, the head first; whoever ends the delivery gives back what is left.
 */
import type { Batch } from "./Batch.ts"

/** Parts in the order in which they are tried. */
export class WorkList {
  private parts: Array<Batch> = []

  /** The part under way. */
  get head(): Batch | undefined {
    return this.parts[0]
  }

  some(predicate: (part: Batch) => boolean): boolean {
    return this.parts.some(predicate)
  }

  add(batch: Batch): void {
    this.parts.push(batch)
  }

  /** Others come in the head's place, or none: it is settled, then. */
  replaceHead(...others: ReadonlyArray<Batch>): void {
    this.parts.splice(0, 1, ...others)
  }

  moveHeadToEnd(): void {
    this.parts.push(...this.parts.splice(0, 1))
  }

  /** Takes out all parts but the one under way. */
  allButHead(): ReadonlyArray<Batch> {
    return this.parts.splice(1)
  }

  /** Takes out all that is left. */
  rest(): ReadonlyArray<Batch> {
    return this.parts.splice(0)
  }
}
