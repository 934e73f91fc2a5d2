/**
 * What the value of a setting may look like: each reader makes a value of a variable's text, or says why it cannot. Its
 * words complete "NAME …" and never quote the value. Plain functions: at the start of every sandbox, `effect/Schema` would
 * be a quarter of all code (docs/decisions/0016-start.md).
 */
import * as Result from "effect/Result"

/** Reads the text of a variable. */
export type Reader<A> = (text: string) => Result.Result<A, string>

/** The first complaint, if there is any; else the value. */
const read = <A>(text: string, complaints: ReadonlyArray<(text: string) => string | false>, value: () => A) => {
  for (const complaint of complaints) {
    const found = complaint(text)
    if (found !== false) return Result.fail(found)
  }
  return Result.succeed(value())
}

/** A whole number within bounds. */
export const wholeNumber = (minimum: number, maximum: number): Reader<number> => (text) =>
  read(text, [
    (text) => !/^[+-]?\d+$/.test(text) && "is not a whole number",
    (text) => !(Number(text) >= minimum && Number(text) <= maximum) && `is out of range (${minimum} to ${maximum})`
  ], () => Number(text))

/** One of these words, in any case. */
export const oneOf = <const L extends ReadonlyArray<string>>(choices: L): Reader<L[number]> => (text) => {
  const word = text.toLowerCase()
  return choices.includes(word) ? Result.succeed(word) : Result.fail(`is none of ${choices.join(", ")}`)
}

const trueOrFalse = oneOf(["true", "false"])

/** `true` or `false`. */
export const flag: Reader<boolean> = (text) => Result.map(trueOrFalse(text), (word) => word === "true")

/** Longer names were seen to break a v0.91.5 server (an organization of 300 characters resets the connection). */
const MAX_NAME_LENGTH = 200

const nameComplaints: ReadonlyArray<(text: string) => string | false> = [
  (text) => text.length > MAX_NAME_LENGTH && `is longer than ${MAX_NAME_LENGTH} characters`,
  (text) => /\p{Cc}/u.test(text) && "contains a control character",
  (text) => !text.isWellFormed() && "is not well-formed Unicode",
  // every URL parser takes these as steps within the path
  (text) => (text === "." || text === "..") && "is not a name"
]

/** A name that becomes a segment of a URL's path. */
export const pathSegment: Reader<string> = (text) => read(text, nameComplaints, () => text)

/** A name that OpenObserve takes for a stream. */
export const streamName: Reader<string> = (text) =>
  read(text, [
    ...nameComplaints,
    // POST /api/{org}/streams/_json reaches another route (seen on v0.91.5)
    (text) => text.toLowerCase() === "streams" && "is reserved by OpenObserve"
  ], () => text)

/** The same, or nothing. */
export const optionalStreamName: Reader<string> = (text) => text === "" ? Result.succeed("") : streamName(text)

/** The base URL of a server, without credentials. */
export const endpoint: Reader<URL> = (text) => {
  if (!URL.canParse(text)) return Result.fail("is not a URL")
  const url = new URL(text)
  return read(text, [
    () => url.protocol !== "https:" && url.protocol !== "http:" && "has another scheme than https (or http)",
    () =>
      (url.username !== "" || url.password !== "") &&
      "contains a user name or password, which belong in O2_AUTHORIZATION_HEADER",
    // an empty query or fragment is part of the URL as well, and would swallow the path that is appended
    () => /[?#]/.test(url.href) && "contains a query or fragment",
    () => /\/_json\/?$/.test(url.pathname) && "ends with /_json: only the server's base URL belongs here"
  ], () => url)
}

/** What Node and every proxy let through in a header value. */
export const headerValue: Reader<string> = (text) =>
  read(text, [
    (text) => /[\r\n]/.test(text) && "contains a line break (often the end of the file it was read from)",
    (text) => !/^[\t\r\n\x20-\x7e]*$/.test(text) && "contains a character that no HTTP header may have"
  ], () => text)

/** The path of a file; empty for none. */
export const filePath: Reader<string> = (text) =>
  read(text, [(text) => text.includes("\0") && "contains a character that no path may have"], () => text)

const telemetryTypes = ["platform", "function", "extension"] as const
type TelemetryType = (typeof telemetryTypes)[number]

const isTelemetryType = (item: string): item is TelemetryType =>
  (telemetryTypes as ReadonlyArray<string>).includes(item)

/** Types of telemetry, separated by commas. */
export const telemetryTypeList: Reader<ReadonlyArray<TelemetryType>> = (text) => {
  const items = text.split(",").map((item) => item.trim().toLowerCase()).filter((item) => item !== "")
  if (!items.every(isTelemetryType)) return Result.fail(`contains something else than ${telemetryTypes.join(", ")}`)
  return items.length === 0 ? Result.fail("lists nothing") : Result.succeed(items)
}
