/** Hides credentials in texts: servers and proxies have been known to quote them, and pages have them in any encoding. */

/** Secrets shorter than this are no secrets, and replacing them would garble ordinary words. */
const MIN_SECRET_LENGTH = 4

/** Makes what hides values of `Authorization` and the like, and their parts. */
export const hiding = (...headers: ReadonlyArray<string | undefined>): (text: string) => string => {
  const secrets = patternOf(headers.flatMap((header) => header === undefined ? [] : secretsOf(header)))
  return (text) => text.replace(secrets, "***")
}

/** What gives credentials away: the header and its parts, in plain text and in base64. */
const secretsOf = (header: string): ReadonlyArray<string> => {
  const encoded = header.trim().replace(/^\S+\s+/, "")
  const decoded = Buffer.from(encoded, "base64").toString()
  const password = decoded.slice(decoded.indexOf(":") + 1)
  const plain = /^\s*basic\s/i.test(header) ? [header, encoded, decoded, password] : [header, encoded]
  return [...plain, ...plain.map((text) => Buffer.from(text).toString("base64"))]
}

const patternOf = (all: ReadonlyArray<string>): RegExp => {
  const secrets = all
    // what is quoted may be without its padding
    .map((text) => text.trim().replace(/=+$/, ""))
    .filter((text) => text.length >= MIN_SECRET_LENGTH)
    .sort((one, other) => other.length - one.length)
  // what is left of base64 behind it tells its length
  const patterns = secrets.map((text) => `${Array.from(text, written).join("")}${written("=")}*`)
  return new RegExp(patterns.join("|") || "(?!)", "giu")
}

/** A character as it is, with backslashes before it, percent-encoded (again and again), and as JSON and HTML escape it. */
const written = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  const hex = (value: number, digits = 2) => value.toString(16).padStart(digits, "0")
  const percent = Array.from(Buffer.from(character), (byte) => `%(?:25)*${hex(byte)}`).join("")
  const json = Array.from(
    { length: character.length },
    (_, index) => `\\\\+u${hex(character.charCodeAt(index), 4)}`
  ).join("")
  // the other alphabet of base64, and a blank in a query
  const other = { "+": "|-", "/": "|_", " ": "|\\+" }[character] ?? ""
  return `(?:\\\\*\\u{${hex(code)}}|${percent}|${json}|&#(?:0*${code}|x0*${hex(code)});${other})`
}
