/** JSON as the server writes it: compact, nested keys in order, integers exact. */
import { JsonNumber, type JsonValue } from "./JsonValue.ts"

/** Writes a value as serde_json does. */
export const stringify = (value: JsonValue): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if (value instanceof JsonNumber) return value.text
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`
  if (value instanceof Map) {
    return `{${inKeyOrder(value).map(([key, value]) => `${JSON.stringify(key)}:${stringify(value)}`).join(",")}}`
  }
  return String(value)
}

/** The entries of an object in the order of the server's sorted maps; of colliding names the last one survives. */
export const inKeyOrder = <A>(fields: ReadonlyMap<string, A>): Array<[string, A]> =>
  [...fields].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))

/** Writes a flat record of a search answer; unlike `JSON.stringify` it takes integers beyond 2^53. */
export const stringifyFlat = (record: Readonly<Record<string, unknown>>): string => {
  const fields = Object.entries(record).map(([key, value]) =>
    `${JSON.stringify(key)}:${typeof value === "bigint" ? value.toString() : JSON.stringify(value)}`
  )
  return `{${fields.join(",")}}`
}

/** Writes a double as serde_json does: `1.0`, `1.5`, `1e300`. */
export const stringifyDouble = (value: number): string => {
  // From 1e16 on serde_json's formatter switches to an exponent, JavaScript only at 1e21.
  const text = Math.abs(value) >= 1e16 ? value.toExponential() : String(value)
  const unsigned = text.replace("e+", "e")
  return /[.e]/.test(unsigned) ? unsigned : `${unsigned}.0`
}
