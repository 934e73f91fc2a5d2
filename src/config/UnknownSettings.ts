/** Finds variables that look like settings and are none: most are misspelt. */
import type * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { closest, distance } from "fastest-levenshtein"
import { type Setting, settings } from "./Settings.ts"

const knownNames = Object.values<Setting<unknown>>(settings).map((setting) => setting.name)

/** All names that begin with `O2_`. The provider keeps names as a tree, cut at each `_`. */
export const namesInUse = Effect.fnUntraced(function*(provider: ConfigProvider.ConfigProvider) {
  const names: Array<string> = []
  const pending: Array<Array<string>> = [["O2"]]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const node = yield* provider.load(path).pipe(Effect.orElseSucceed(() => undefined))
    if (node === undefined) continue
    if (node.value !== undefined && path.length > 1) names.push(path.join("_"))
    const prefix = path
    if (node._tag === "Record") pending.push(...Array.from(node.keys, (key) => [...prefix, key]))
  }
  return names.sort()
})

/** Edits between a typed name and the one that was meant; more would be guessing. */
const MAX_TYPING_ERRORS = 4

/** A function may well have `O2_` variables of its own, so this is no error. */
export const unknownName = (name: string): ReadonlyArray<string> => {
  if (knownNames.includes(name)) return []
  const similar = closest(name, knownNames)
  const hint = distance(name, similar) <= MAX_TYPING_ERRORS ? `; did you mean ${similar}?` : ""
  return [`${name} is not a setting of this extension${hint}`]
}
