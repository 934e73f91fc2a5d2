/** Turns a record of any shape into columns, as the server does before it looks at anything else. */
import { inKeyOrder, stringify } from "./JsonText.ts"
import type { JsonNumber, JsonObject, JsonValue } from "./JsonValue.ts"

/** What a column can hold; `null` makes no column but is still there when the server looks for `_id`. */
export type Scalar = null | boolean | string | number | bigint | JsonNumber

/** A record with one value per normalised name. */
export type FlatRecord = Map<string, Scalar>

/** Default of ZO_INGEST_FLATTEN_LEVEL: an object on this level is stored as JSON text. */
const FLATTEN_LEVEL = 3

const isObject = (value: JsonValue): value is JsonObject => value instanceof Map
const isScalar = (value: JsonValue): value is Scalar => !isObject(value) && !Array.isArray(value)

/** Flattens one element of a batch; `undefined` when it is not an object. */
export const flatten = (value: JsonValue): FlatRecord | undefined => {
  if (!isObject(value)) return undefined
  const record: FlatRecord = new Map()
  // A record that is already flat keeps its nulls, one with anything nested loses them (observed on v0.91.5).
  const dropsNulls = [...value.values()].some((field) => !isScalar(field))
  const add = (fields: JsonObject, prefix: string, depth: number): void => {
    for (const [key, field] of inKeyOrder(fields)) {
      const name = `${prefix}${normalizeKey(key)}`
      if (isObject(field)) {
        if (field.size === 0) continue
        if (depth < FLATTEN_LEVEL) add(field, `${name}_`, depth + 1)
        else record.set(name, stringify(field))
      } else if (isScalar(field)) {
        if (field !== null || !dropsNulls) record.set(name, field)
      } else if (field.length > 0) {
        record.set(name, stringify(field))
      }
    }
  }
  add(value, "", 1)
  return record
}

/** Normalises one key: ASCII lower case, and `_` for every character that is no letter, digit or `_`. */
const normalizeKey = (key: string): string =>
  /^[a-z0-9_]*$/.test(key) ? key : Array.from(key, normalizeCharacter).join("")

const normalizeCharacter = (character: string): string => {
  if (/[a-z0-9_]/.test(character)) return character
  if (/[A-Z]/.test(character)) return character.toLowerCase()
  if (character <= "\u007f") return "_"
  if (/[\p{Lowercase}\p{N}]/u.test(character)) return character
  return /\p{Uppercase}/u.test(character) ? Array.from(character.toLowerCase())[0] ?? "_" : "_"
}

/** Normalises a stream name: every run of other characters becomes one `_`, then lower case. */
export const normalizeStream = (name: string): string => name.replace(/[^A-Za-z0-9_:]+/g, "_").toLowerCase()
