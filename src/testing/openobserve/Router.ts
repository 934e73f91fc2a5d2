/** Which request is which: paths, methods and names, in the order the server looks at them. */
import { isUtf8 } from "node:buffer"
import { type Answer, empty, text } from "./Answer.ts"
import { normalizeStream } from "./Flatten.ts"

/** What a request under `/api/` is about. */
export type Route = ServedRoute | { readonly kind: "nothing"; readonly answer: Answer }

/** A request that is handled. */
export type ServedRoute =
  | { readonly kind: "json" | "multi"; readonly organization: string; readonly stream: string }
  | { readonly kind: "search" | "handshake" | "streams" | "summary" | "passcode"; readonly organization: string }

const NOT_FOUND = empty(404)

/** A stream called `streams` cannot be written: the path is another route of the server, which wants a list. */
const STREAMS_ROUTE = text(
  422,
  "Failed to deserialize the JSON body into the target type: [0]: invalid type: map, expected a sequence at line 1 column 1"
)

/** Whether an ingestion token is enough: the ingestion routes and the Elasticsearch handshake. */
export const isIngestion = ({ kind }: Route): boolean => kind === "json" || kind === "multi" || kind === "handshake"

/** Finds the route of a path below `/api/`. */
export const route = (method: string, path: string): Route => {
  const [organization = "", ...rest] = path.split("/")
  const nothing = (answer: Answer): Route => ({ kind: "nothing", answer })
  const only = (allowed: "GET" | "POST", found: Route) =>
    method === allowed ? found : nothing(empty(405, { allow: allowed }))

  if (rest.length === 2 && (rest[1] === "_json" || rest[1] === "_multi")) {
    if (rest[0] === "streams") return only("POST", nothing(STREAMS_ROUTE))
    const stream = decodeSegment(rest[0] ?? "")
    if (stream === undefined) return nothing(text(400, "Invalid URL: Invalid UTF-8 in 'stream_name'"))
    const kind = rest[1] === "_json" ? "json" : "multi"
    return only("POST", { kind, organization, stream: normalizeStream(stream) })
  }
  if (rest.length !== 1) return nothing(NOT_FOUND)
  switch (rest[0]) {
    case "":
      return only("GET", { kind: "handshake", organization })
    case "_search":
      return only("POST", { kind: "search", organization })
    case "streams":
    case "summary":
    case "passcode":
      return only("GET", { kind: rest[0], organization })
    default:
      return nothing(NOT_FOUND)
  }
}

/** Percent-decodes as the server does: a stray `%` stays, invalid UTF-8 is an error. */
const decodeSegment = (segment: string): string | undefined => {
  const unescaped = segment.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  // node:http hands the request line over as latin1, one character a byte.
  const bytes = Buffer.from(unescaped, "latin1")
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined
}
