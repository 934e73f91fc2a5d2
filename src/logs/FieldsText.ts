/** The fields of a program's own record as JSON. Pure. */

/** Causes of causes that are told. */
const MAX_CAUSES = 3

/** JSON of what has members; throws a `TypeError` for what has none, or none that JSON can tell. */
export const jsonOf = (fields: object): string => {
  const source = plain(fields)
  if (typeof source !== "object" || source === null) throw new TypeError(`${kindOf(source)} has no members`)
  // what JSON.stringify makes of these are no members that anybody means
  if (Array.isArray(source) || ArrayBuffer.isView(source)) throw new TypeError(`${kindOf(source)} has no members`)
  if (source instanceof Map || source instanceof Set) {
    throw new TypeError(`${kindOf(source)} has no members: add an object, as Object.fromEntries makes one of a Map`)
  }
  const hasErrors = Object.values(source).some((value) => value instanceof Error)
  const told = hasErrors
    ? Object.fromEntries(Object.entries(source).map(([name, value]) => [name, plain(value)]))
    : source
  const json = JSON.stringify(told) as string | undefined
  if (json?.startsWith("{") !== true) throw new TypeError(`${kindOf(source)} has no members`)
  return json
}

/** What is to be told of a value; `JSON.stringify` tells nothing of errors. */
const plain = (value: unknown, causes = MAX_CAUSES): unknown => {
  const told = hasToJSON(value) ? value.toJSON("") : value
  if (!(value instanceof Error)) return told
  const { cause, message, name, stack } = value
  return {
    name,
    message,
    stack,
    ...(cause instanceof Error && causes > 0 ? { cause: plain(cause, causes - 1) } : {}),
    ...(typeof told === "object" ? told : {})
  }
}

const hasToJSON = (value: unknown): value is { readonly toJSON: (key: string) => unknown } =>
  typeof value === "object" && value !== null && "toJSON" in value && typeof value.toJSON === "function"

const kindOf = (value: unknown): string =>
  value === null || typeof value !== "object" ? String(value === null ? null : typeof value) : value.constructor.name
