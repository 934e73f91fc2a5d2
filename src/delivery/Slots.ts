/**
 * The connections that deliveries to one destination may use at once. A delivery that is not using its own, because it
 * waits for another attempt or its request is suspect, leaves it to others.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

/** One delivery's place. */
export interface Slot {
  /** Leaves the slot: the request that was begun at `startedAt` (epoch ms) is suspect. */
  readonly leave: (startedAt: number) => Effect.Effect<void>
  /** Takes it back, if it was left; there may be more in use than there are then, for a while. */
  readonly enter: Effect.Effect<void>
  /** Whether no other delivery uses a connection. */
  readonly isOnly: () => boolean
  /** Does something without the slot, unless as many do already as there are slots. */
  readonly outside: <A>(effect: Effect.Effect<A>) => Effect.Effect<A>
}

/** `onFree` is told when another delivery may begin. */
export class Slots {
  private readonly limit: number
  private readonly onFree: Effect.Effect<void>
  /** Deliveries that use a connection. */
  active = 0
  private workers = 0
  /** Deliveries that wait between two attempts without a slot. */
  private outside = 0
  /** When the suspect requests were begun (epoch ms), by delivery. */
  private readonly suspects = new Map<symbol, number>()
  private readonly changed = Latch.makeUnsafe(false)

  constructor(limit: number, onFree: Effect.Effect<void>) {
    this.limit = limit
    this.onFree = onFree
  }

  /** Deliveries that are neither over nor suspect: those that use a connection, and those that wait for another attempt. */
  get underWay(): number {
    return this.active + this.outside
  }

  get hasFree(): boolean {
    return this.active < this.limit
  }

  /** Requests that are suspect. */
  get suspectCount(): number {
    return this.suspects.size
  }

  get hasSuspects(): boolean {
    return this.suspects.size > 0
  }

  /** The age of the oldest suspect request in ms. */
  oldestSuspectMs(nowMillis: number): number {
    return nowMillis - Math.min(nowMillis, ...this.suspects.values())
  }

  /** Runs what makes one delivery after the other. */
  run(worker: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.workers++
      return worker
    }).pipe(Effect.ensuring(Effect.suspend(() => {
      this.workers--
      return this.notify
    })))
  }

  /** Runs one delivery in a slot. */
  use<A>(delivery: (slot: Slot) => Effect.Effect<A>): Effect.Effect<A> {
    return Effect.suspend(() => {
      this.active++
      return delivery(this.makeSlot())
    }).pipe(Effect.ensuring(Effect.sync(() => this.active--)))
  }

  /**
   * Waits until every delivery is over, but for those whose requests have been suspect since before `since` (epoch ms), or
   * until `isHopeless`; at most until then (epoch ms): false when time was over.
   */
  readonly awaitSettled = Effect.fnUntraced({ self: this }, function*(
    since: number,
    until: number,
    isHopeless: (nowMillis: number) => boolean
  ) {
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      let awaited = this.workers
      for (const startedAt of this.suspects.values()) if (startedAt < since) awaited--
      if (awaited === 0 || isHopeless(now)) return true
      if (now >= until) return false
      yield* Effect.timeoutOption(this.changed.await, until - now)
    }
  })

  /** Tells who waits that something else may have become true. */
  private readonly notify: Effect.Effect<void> = Effect.asVoid(this.changed.release)

  private makeSlot(): Slot {
    const key = Symbol()
    return {
      leave: (startedAt) =>
        Effect.suspend(() => {
          this.suspects.set(key, startedAt)
          this.active--
          return this.notify
        }),
      enter: Effect.sync(() => {
        if (this.suspects.delete(key)) this.active++
      }),
      isOnly: () => this.active === 1,
      outside: (effect) =>
        Effect.suspend(() => {
          if (this.outside >= this.limit) return effect
          this.outside++
          this.active--
          return Effect.andThen(this.onFree, effect).pipe(Effect.ensuring(Effect.sync(() => {
            this.outside--
            this.active++
          })))
        })
    }
  }
}
