/** Keeps credentials out of the page: headers by name, and their values wherever else they turn up. */

/** Headers that say nothing but how a message travels; the value of any other may be a secret. */
const HARMLESS = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "lambda-extension-accept-feature",
  "lambda-extension-function-error-type",
  "lambda-extension-name",
  "lambda-runtime-function-error-type",
  "lambda-runtime-function-response-mode",
  "retry-after",
  "trailer",
  "transfer-encoding",
  "user-agent"
])

/** What stands for a secret. */
const MASK = "••••••"

type Headers = Readonly<Record<string, string>>

/** Shorter ones stand in too many innocent words. */
const MIN_SECRET_CHARACTERS = 6

/** The value, what follows a scheme such as `Basic`, and of a user and password in base64 both, and the password alone. */
const partsOf = (value: string): ReadonlyArray<string> => {
  const credentials = value.slice(value.indexOf(" ") + 1)
  if (!/^basic /i.test(value)) return [value, credentials]
  const pair = Buffer.from(credentials, "base64").toString("utf8")
  return [value, credentials, pair, pair.slice(pair.indexOf(":") + 1)]
}

/** As it is, within a JSON text, and within a URL. */
const formsOf = (value: string): ReadonlyArray<string> =>
  partsOf(value).flatMap((part) => [part, JSON.stringify(part).slice(1, -1), encodeURIComponent(part.toWellFormed())])

const escaped = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}/-]/g, "\\$&")

const carriesCredentials = (name: string): boolean => /authorization|cookie|token|secret|key|password/.test(name)

/** What follows a scheme of HTTP, wherever a text has it. */
const SCHEMES = /\b(Basic|Bearer) +([\w+/.~-]{8,}=*)/gi

const isCredentials = (scheme: string, value: string): boolean =>
  scheme.toLowerCase() === "basic" ? Buffer.from(value, "base64").toString("latin1").includes(":") : /\d/.test(value)

const withoutSchemes = (text: string): string =>
  text.replaceAll(
    SCHEMES,
    (found, scheme: string, value: string) => isCredentials(scheme, value) ? `${scheme} ${MASK}` : found
  )

/** Masks credentials: those that were seen in one of the heads, and what looks like the value of such a header. */
export const maskOf = (heads: ReadonlyArray<Headers>): (text: string) => string => {
  const values = new Set(
    heads.flatMap((head) => Object.entries(head).flatMap(([name, value]) => carriesCredentials(name) ? [value] : []))
  )
  const secrets = [...new Set([...values].flatMap(formsOf))].filter(({ length }) => length >= MIN_SECRET_CHARACTERS)
  if (secrets.length === 0) return withoutSchemes
  // the longest first, or the rest of it would stay
  const pattern = new RegExp(secrets.sort((a, b) => b.length - a.length).map(escaped).join("|"), "g")
  return (text) => withoutSchemes(text.replaceAll(pattern, MASK))
}

/** The head of a message, one line each, with nothing in it that could be a credential. */
export const harmlessHead = (head: Headers): string =>
  Object.entries(head).map(([name, value]) => `${name}: ${HARMLESS.has(name) ? value : MASK}`).join("\n")

/** A path whose query carries no credentials. */
export const harmlessPath = (path: string): string =>
  path.replaceAll(/([?&][^=&]*(?:auth|token|secret|key|password|signature)[^=&]*=)[^&]*/gi, `$1${MASK}`)
