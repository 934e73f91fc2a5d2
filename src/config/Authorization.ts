/**
 * What is odd about a value of `Authorization`. OpenObserve takes `Basic ` and base64 of `user:secret`; what stands before it
 * may want something else, so that only what no server can take is wrong. Loaded where the value is not the usual one.
 */

/** What is odd, in words that complete "O2_AUTHORIZATION_HEADER …" and never quote the value. */
export interface Oddity {
  readonly text: string
  /** No server can take it. */
  readonly isWrong: boolean
}

const wrong = (text: string): Oddity => ({ text, isWrong: true })
const odd = (text: string): Oddity => ({ text, isWrong: false })

/** What is odd about a header's value; `undefined` when nothing is. */
export const oddity = (header: string): Oddity | undefined => {
  const value = header.trim()
  if (/^["']|["']$/.test(value)) return wrong("has quotation marks around it")
  if (/^authorization\s*:/i.test(value)) return wrong("begins with the name of the header")
  if (/^(basic|bearer)(%20|%2520|\+)/i.test(value)) return wrong("is percent-encoded, as for a URL")
  const [, scheme = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(value) ?? []
  switch (scheme.toLowerCase()) {
    case "basic":
      return basic(rest) ?? (scheme === "Basic" ? undefined : odd("spells \"Basic\" in another way"))
    case "bearer":
      return rest === "" ? wrong("has nothing behind \"Bearer\"") : undefined
  }
  if (rest !== "") return odd("does not begin with \"Basic \"")
  // an organization's own token
  if (scheme.startsWith("o2oi_")) return undefined
  return odd(isCredentials(scheme) ? "lacks \"Basic \" before the base64" : "does not begin with \"Basic \"")
}

const basic = (base64: string): Oddity | undefined => {
  if (base64 === "") return wrong("has nothing behind \"Basic\"")
  if (base64.startsWith("o2oi_")) return odd("has a token behind \"Basic\" that is not in base64 together with a user")
  if (/%[\da-f]{2}/i.test(base64)) return wrong("is percent-encoded, as for a URL")
  if (base64.includes(":")) return wrong("has user and password as they are behind \"Basic\", not in base64")
  if (/\s/.test(base64)) return wrong("has a blank within what stands behind \"Basic\"")
  // a single character of base64 is no byte
  const digits = base64.replace(/=+$/, "")
  if (!/^[\w+/-]+$/.test(digits) || digits.length % 4 === 1) return wrong("has no base64 behind \"Basic\"")
  if (!isCredentials(base64)) return wrong("has base64 of something without a colon behind \"Basic\"")
  if (/[-_]/.test(base64)) return odd("is in the URL's alphabet of base64 (\"-\" and \"_\" for \"+\" and \"/\")")
  if (base64.length % 4 !== 0) return odd("lacks the padding of base64 (\"=\" at its end)")
  return undefined
}

/** Whether it is base64, of either alphabet, of something with a colon. */
const isCredentials = (base64: string): boolean => Buffer.from(base64, "base64").includes(":")
