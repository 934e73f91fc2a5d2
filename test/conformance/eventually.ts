/** Waiting for a fact. */
import * as Effect from "effect/Effect"

/** Polls a fact every 10 ms; dies when it does not become true within 20 s. */
export const eventually = <A>(what: string, effect: Effect.Effect<A>, isMet: (value: A) => boolean): Effect.Effect<A> =>
  Effect.gen(function*() {
    for (let attempt = 0; attempt < 2000; attempt++) {
      const value = yield* effect
      if (isMet(value)) return value
      yield* Effect.sleep(10)
    }
    return yield* Effect.die(new Error(`${what}: did not become true within 20 s`))
  })
