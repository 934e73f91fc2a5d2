/** In whose words people are told of settings: variables, unless a program has set them otherwise. */
import * as Context from "effect/Context"
import { identity } from "effect/Function"

/** Puts a text that names variables into the words of who has made the settings. */
export const Phrase = Context.Reference<(text: string) => string>("o2-lambda-extension/Phrase", {
  defaultValue: () => identity
})
