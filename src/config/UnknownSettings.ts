/** Finds variables that look like settings and are none. */
import type * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { type Setting, settings } from "./Settings.ts"

/** The name of every setting. */
const knownNames: ReadonlyArray<string> = Object.values<Setting<unknown>>(settings).map(({ name }) => name)

// most functions have no such variables
const loadSuggestion = Effect.promise(() => import("./SettingSuggestion.ts"))

/** A sentence for each variable whose name begins with `O2_` and that is no setting. A function may well have its own. */
export const unknownSettings = Effect.fnUntraced(function*(provider: ConfigProvider.ConfigProvider) {
  const unknown = (yield* namesInUse(provider)).filter((name) => !knownNames.includes(name))
  if (unknown.length === 0) return []
  const { suggest } = yield* loadSuggestion
  return unknown.map((name) => {
    const similar = suggest(name, knownNames)
    const hint = similar === undefined ? "" : `; did you mean ${similar}?`
    return { text: `${name} is not a setting of this extension${hint}`, isMisspelt: similar !== undefined }
  })
})

/** All names that begin with `O2_`. The provider keeps names as a tree, cut at each `_`. */
const namesInUse = Effect.fnUntraced(function*(provider: ConfigProvider.ConfigProvider) {
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
