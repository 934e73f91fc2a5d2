/** What becomes of a record when objects in it are replaced by strings of their JSON text. */
import { assert } from "@effect/vitest"

/** Whether a value is one that can be collapsed. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Checks that `after` is `before` with objects replaced by their text; answers with these texts. */
export const replacedTexts = (before: unknown, after: unknown, source: string): ReadonlyArray<string> => {
  if (isObject(before) && isObject(after)) {
    assert.deepEqual(Object.keys(after), Object.keys(before))
    return Object.keys(before).flatMap((key) => replacedTexts(before[key], after[key], source))
  }
  if (isObject(before) && typeof after === "string") {
    assert.include(source, after)
    assert.deepEqual(JSON.parse(after), before)
    return [after]
  }
  assert.deepEqual(after, before)
  return []
}

/** The same of records as text: what was not replaced is as it was, byte for byte. */
export const replacedIn = (before: string, after: string): ReadonlyArray<string> => {
  const texts = replacedTexts(JSON.parse(before), JSON.parse(after), before)
  const restored = texts.reduce((restored, text) => restored.replace(JSON.stringify(text), () => text), after)
  assert.strictEqual(restored, before)
  return texts
}
