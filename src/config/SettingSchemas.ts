/** What the value of a setting may look like. An issue's message completes "NAME …" and never quotes the value. */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"

/** A whole number within bounds. */
export const wholeNumber = (minimum: number, maximum: number): Schema.Codec<number, string> =>
  Schema.String.check(
    Schema.makeFilter((text) => /^[+-]?\d+$/.test(text) || "is not a whole number"),
    Schema.makeFilter((text) =>
      (Number(text) >= minimum && Number(text) <= maximum) || `is out of range (${minimum} to ${maximum})`
    )
  ).pipe(Schema.decodeTo(Schema.Finite, SchemaTransformation.numberFromString))

/** One of these words, in any case. */
export const oneOf = <const L extends ReadonlyArray<string>>(choices: L): Schema.Codec<L[number], string> =>
  Schema.String.check(
    Schema.makeFilter((text) => choices.includes(text.toLowerCase()) || `is none of ${choices.join(", ")}`)
  ).pipe(
    Schema.decodeTo(Schema.String, SchemaTransformation.toLowerCase()),
    Schema.decodeTo(Schema.Literals(choices))
  )

/** `true` or `false`. */
export const flag: Schema.Codec<boolean, string> = oneOf(["true", "false"]).pipe(
  Schema.decodeTo(
    Schema.Boolean,
    SchemaTransformation.transform({ decode: (text) => text === "true", encode: (value) => value ? "true" : "false" })
  )
)

/** Longer names were seen to break a v0.91.5 server (an organization of 300 characters resets the connection). */
const MAX_NAME_LENGTH = 200

/** A name that becomes a segment of a URL's path. */
export const pathSegment: Schema.Codec<string, string> = Schema.String.check(
  Schema.makeFilter((text) => text.length <= MAX_NAME_LENGTH || `is longer than ${MAX_NAME_LENGTH} characters`),
  Schema.makeFilter((text) => !/\p{Cc}/u.test(text) || "contains a control character"),
  Schema.makeFilter((text) => text.isWellFormed() || "is not well-formed Unicode"),
  // every URL parser takes these as steps within the path
  Schema.makeFilter((text) => (text !== "." && text !== "..") || "is not a name")
)

/** A name that OpenObserve takes for a stream. */
export const streamName = pathSegment.check(
  // POST /api/{org}/streams/_json reaches another route (seen on v0.91.5)
  Schema.makeFilter((text) => text.toLowerCase() !== "streams" || "is reserved by OpenObserve")
)

/** The base URL of a server, without credentials. */
export const endpoint: Schema.Codec<URL, string> = Schema.String.check(
  Schema.makeFilter((text) => URL.canParse(text) || "is not a URL"),
  Schema.makeFilter((text) => {
    if (!URL.canParse(text)) return true
    const url = new URL(text)
    if (url.protocol !== "https:" && url.protocol !== "http:") return "has another scheme than https (or http)"
    if (url.username !== "" || url.password !== "") {
      return "contains a user name or password, which belong in O2_AUTHORIZATION_HEADER"
    }
    // an empty query or fragment is part of the URL as well, and would swallow the path that is appended
    if (/[?#]/.test(url.href)) return "contains a query or fragment"
    if (/\/_json\/?$/.test(url.pathname)) return "ends with /_json: only the server's base URL belongs here"
    return true
  })
).pipe(
  Schema.decodeTo(
    Schema.URL,
    SchemaTransformation.transform({ decode: (text) => new URL(text), encode: (url) => url.href })
  )
)

/** What Node and every proxy let through in a header value. */
export const headerValue: Schema.Codec<string, string> = Schema.String.check(
  Schema.makeFilter((text) =>
    !/[\r\n]/.test(text) || "contains a line break (often the end of the file it was read from)"
  ),
  Schema.makeFilter((text) => /^[\t\r\n\x20-\x7e]*$/.test(text) || "contains a character that no HTTP header may have")
)

const telemetryTypes = ["platform", "function", "extension"] as const
type TelemetryType = (typeof telemetryTypes)[number]

/** Types of telemetry, separated by commas. */
export const telemetryTypeList: Schema.Codec<ReadonlyArray<TelemetryType>, string> = Schema.String.check(
  Schema.makeFilter((text) =>
    splitList(text).every((item) => (telemetryTypes as ReadonlyArray<string>).includes(item)) ||
    `contains something else than ${telemetryTypes.join(", ")}`
  ),
  Schema.makeFilter((text) => splitList(text).length > 0 || "lists nothing")
).pipe(
  Schema.decodeTo(
    Schema.Array(Schema.Literals(telemetryTypes)),
    SchemaTransformation.transform({
      decode: (text) => splitList(text) as ReadonlyArray<TelemetryType>,
      encode: (list) => list.join(",")
    })
  )
)

const splitList = (text: string): Array<string> =>
  text.split(",").map((item) => item.trim().toLowerCase()).filter((item) => item !== "")
