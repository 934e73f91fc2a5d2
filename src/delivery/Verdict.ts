/** What an answer means for the batch that was sent: the words in which a destination's answer table speaks to the core. */

/** `stored` records are stored, `refused` never will be (`detail`: the server's last reason), the rest is unknown. */
export interface Accepted {
  readonly _tag: "Accepted"
  readonly stored: number
  readonly refused: number
  readonly detail: string | undefined
  /** What the operator should know though nothing is wrong; said once. */
  readonly notice?: string
}

/** The same batch may be stored later. */
export interface Retry {
  readonly _tag: "Retry"
  readonly detail: string
  /** What `Retry-After` asks for, in ms. */
  readonly afterMs: number | undefined
  /** Whoever answered, if anybody, may have lost the server's own answer. */
  readonly mayBeStored: boolean
  /** The server has failed over the batch, perhaps for what is in it. */
  readonly isFailure?: boolean
  /** Advice to the operator. */
  readonly remedy?: string
}

/** Nothing was stored because of something in the batch: half of it may be. `reason` is for a record that is alone. */
export interface Divide {
  readonly _tag: "Divide"
  readonly detail: string
  readonly reason: "poison" | "too_large" | "unaccounted"
}

/** Nothing will be stored until somebody changes the setting. */
interface Misconfigured {
  readonly _tag: "Misconfigured"
  readonly detail: string
  /** Advice to the operator. */
  readonly remedy: string
  /** It may be for what is in the batch instead: an empty request tells. */
  readonly mayBeContent?: boolean
}

/** What to do with the batch. */
export type Verdict = Accepted | Setback

/** An answer that does not settle the batch. */
export type Setback = Retry | Divide | Misconfigured
