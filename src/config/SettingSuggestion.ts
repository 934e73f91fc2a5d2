/** Guesses which setting a misspelt name means. */
import { closest, distance } from "fastest-levenshtein"

/** Edits between a typed name and the one that was meant; more would be guessing. */
const MAX_TYPING_ERRORS = 4

/** The most similar of the names, if it is similar enough. */
export const suggest = (name: string, names: ReadonlyArray<string>): string | undefined => {
  const similar = closest(name, names)
  return distance(name, similar) <= MAX_TYPING_ERRORS ? similar : undefined
}
