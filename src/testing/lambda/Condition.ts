/** A place to wait until the state of a sandbox satisfies a predicate. */
import { now } from "./Clock.ts"

interface Waiter {
  readonly isMet: () => boolean
  readonly resolve: (met: boolean) => void
}

/** Re-evaluates the waiting predicates whenever somebody says that the state has changed. */
export class Condition {
  readonly #waiters = new Set<Waiter>()

  /** Says that the state has changed. */
  notify(): void {
    for (const waiter of this.#waiters) {
      if (waiter.isMet()) waiter.resolve(true)
    }
  }

  /** Answers true as soon as the predicate holds, false when the deadline (epoch ms) or the signal comes first. */
  until(isMet: () => boolean, deadlineMs: number, signal?: AbortSignal): Promise<boolean> {
    if (isMet()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const giveUp = () => waiter.resolve(isMet())
      const waiter: Waiter = {
        isMet,
        resolve: (met) => {
          clearTimeout(timer)
          signal?.removeEventListener("abort", giveUp)
          this.#waiters.delete(waiter)
          resolve(met)
        }
      }
      const timer = setTimeout(giveUp, Math.max(0, deadlineMs - now()))
      signal?.addEventListener("abort", giveUp, { once: true })
      this.#waiters.add(waiter)
    })
  }
}
