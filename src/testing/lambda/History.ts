/** The lives of a sandbox, their phases and freezes, written down while they happen. */
import { now } from "./Clock.ts"
import type { ExtensionExit, GenerationRecord } from "./Observations.ts"
import type { ShutdownReason } from "./Options.ts"
import type { Phase, Span, Timeline } from "./Timeline.ts"

type Open<A> = { -readonly [K in keyof A]: A[K] }

/** What is known of a run besides phases and freezes. */
interface Observed {
  readonly posts: ReadonlyArray<Omit<Timeline["posts"][number], "generation">>
  readonly calls: ReadonlyArray<Omit<Timeline["calls"][number], "generation">>
  readonly output: ReadonlyArray<Omit<Timeline["output"][number], "generation">>
}

/** The outcome of a phase that goes on. */
const running = "running"

const copies = <A extends object>(items: ReadonlyArray<A>): ReadonlyArray<A> =>
  items.map((item) => Object.assign({}, item))

/** Remembers when what began and ended. */
export class History {
  readonly #generations: Array<Open<GenerationRecord>> = []
  readonly #phases: Array<Open<Phase>> = []
  readonly #freezes: Array<Open<Span>> = []

  beginGeneration(): void {
    this.#generations.push({
      generation: this.#generations.length + 1,
      from: now(),
      until: undefined,
      endReason: undefined,
      exits: []
    })
  }

  endGeneration(reason: ShutdownReason, exits: ReadonlyArray<ExtensionExit>): void {
    const last = this.#generations.at(-1)
    if (last !== undefined) Object.assign(last, { until: now(), endReason: reason, exits })
  }

  /** Opens a phase; the function that is answered closes it. */
  begin(
    phase: Phase["phase"],
    { from = now(), outcome = running, requestId }: {
      readonly from?: number
      readonly outcome?: string
      readonly requestId?: string
    } = {}
  ): (outcome: string, until?: number) => void {
    const open: Open<Phase> = {
      generation: Math.max(1, this.#generations.length),
      phase,
      from,
      until: undefined,
      requestId,
      outcome
    }
    this.#phases.push(open)
    return (outcome, until = now()) => void Object.assign(open, { outcome, until, generation: this.#at(until) })
  }

  freeze(): void {
    this.#freezes.push({ generation: this.#generations.length, from: now(), until: undefined })
  }

  thaw(): void {
    const last = this.#freezes.at(-1)
    if (last !== undefined) last.until ??= now()
  }

  /** Closes whatever is open: nothing happens any more. */
  close(): void {
    const until = now()
    for (const phase of this.#phases.filter((phase) => phase.until === undefined)) {
      Object.assign(phase, { until, outcome: phase.outcome === running ? "aborted" : phase.outcome })
    }
    for (const open of [...this.#generations, ...this.#freezes]) open.until ??= until
  }

  get frozenSince(): number | undefined {
    const last = this.#freezes.at(-1)
    return last?.until === undefined ? last?.from : undefined
  }

  get generations(): ReadonlyArray<GenerationRecord> {
    return copies(this.#generations)
  }

  get freezes(): ReadonlyArray<Span> {
    return copies(this.#freezes)
  }

  timeline({ calls, output, posts }: Observed): Timeline {
    const placed = <A extends { readonly at: number }>(items: ReadonlyArray<A>) =>
      items.map((item) => Object.assign({ generation: this.#at(item.at) }, item))
    return {
      phases: copies(this.#phases).toSorted((a, b) => a.from - b.from),
      freezes: this.freezes,
      posts: placed(posts),
      calls: placed(calls),
      output: placed(output)
    }
  }

  // nothing of one generation is left when the next begins, so that the time tells them apart
  #at(time: number): number {
    return Math.max(1, this.#generations.findLastIndex(({ from }) => from <= time) + 1)
  }
}
