/** Who may do what: the password opens everything, the ingestion token (passcode) only the ingestion routes. */
import { isUtf8 } from "node:buffer"
import { type Answer, failure } from "./Answer.ts"

/** The one user of the double and its secrets. */
export interface Credentials {
  readonly user: string
  readonly password: string
  readonly passcode: string
}

/** Tokens that belong to the organization; the user name beside them is arbitrary. */
const ORGANIZATION_TOKEN_PREFIX = "o2oi_"

const MISSING = failure(401, "Unauthorized Access")

const refused = (body: string): Answer => ({
  status: 401,
  headers: { "www-authenticate": "Bearer realm=\"openobserve\"" },
  body
})

/** What a wrong secret is answered with: bare text, no content type. */
export const UNAUTHORIZED = refused("Unauthorized Access")
const NOT_SUPPORTED = refused("Not Supported")

/** The value of an Authorization header for a user and a secret. */
export const basic = (user: string, secret: string): string =>
  `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`

/** The 401 for this Authorization header, or `undefined` when it is good enough for the route. */
export const refuse = (
  header: string | undefined,
  credentials: Credentials,
  isIngestion: boolean
): Answer | undefined => {
  if (header === undefined || /[^\t\x20-\x7e]/.test(header)) return MISSING
  if (header.startsWith("Bearer ")) return NOT_SUPPORTED
  if (!header.startsWith("Basic ")) return UNAUTHORIZED
  const decoded = decodeBase64(header.slice("Basic ".length).trim())
  const colon = decoded?.indexOf(":") ?? -1
  if (decoded === undefined || colon === -1) return UNAUTHORIZED
  const isUser = decoded.slice(0, colon).toLowerCase() === credentials.user.toLowerCase()
  const secret = decoded.slice(colon + 1).trim()
  if (secret === "") return UNAUTHORIZED
  if (isUser && secret === credentials.password) return undefined
  const isToken = secret === credentials.passcode && (isUser || secret.startsWith(ORGANIZATION_TOKEN_PREFIX))
  return isIngestion && isToken ? undefined : UNAUTHORIZED
}

/** Standard alphabet with padding; Node's own decoder takes nearly anything. */
const decodeBase64 = (text: string): string | undefined => {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  const bytes = Buffer.from(text, "base64")
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined
}
