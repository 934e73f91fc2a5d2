/** Random numbers that a seed determines, in any engine: Mulberry32. */

let state = 0

/** Begins a sequence that the number determines. */
export const seedWith = (seed: number): void => {
  state = seed
}

/** The next number, from 0 to below 1. */
export const random = (): number => {
  state = state + 0x6d2b79f5 | 0
  let mixed = Math.imul(state ^ state >>> 15, 1 | state)
  mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed
  return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
}

/** A whole number below the limit. */
export const below = (limit: number): number => Math.floor(random() * limit)

/** One of the values. */
export const oneOf = <A>(values: ReadonlyArray<A>): A => values[below(values.length)]!

/** Mostly the usual, sometimes one of the others. */
export const often = (usual: () => string, others: ReadonlyArray<() => string>): string =>
  random() < 0.85 ? usual() : oneOf(others)()
