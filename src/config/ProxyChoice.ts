/** Reads a proxy's URL, and whether it is for a server. Its words never quote the URL, which may hold a password. */
import type { Proxy } from "../platform/Proxy.ts"
import { isExempt } from "./NoProxy.ts"

/** A variable that is set. Blank means unset. */
interface Named {
  readonly variable: string
  readonly text: string
}

/** What came of it: a proxy, or nothing, or what is wrong. */
export interface Choice {
  readonly proxy?: Proxy
  readonly problems?: ReadonlyArray<string>
  /** Wrong in a variable that is not ours: no reason to fail the function. */
  readonly warnings?: ReadonlyArray<string>
}

/** The proxy on the way to a server, of the variables that are set. `O2_PROXY` overrides what is meant for everybody. */
export const choose = (variables: ReadonlyMap<string, string>, target: URL): Choice => {
  /** The first that is set, in lower case or in upper case. */
  const first = (...names: ReadonlyArray<string>): Named | undefined =>
    names.flatMap((name) => [name, name.toUpperCase()])
      .map((variable) => ({ variable, text: variables.get(variable)?.trim() ?? "" }))
      .find(({ text }) => text !== "")
  const own = first("O2_PROXY")
  if (own !== undefined) return own.text.toLowerCase() === "none" ? {} : read(own)
  const named = first(`${target.protocol.slice(0, -1)}_proxy`, "all_proxy")
  return named === undefined || isExempt(target, first("no_proxy")?.text ?? "") ? {} : read(named)
}

const read = ({ text, variable }: Named): Choice => {
  const url = parsed(text)
  if (typeof url !== "string") {
    return { proxy: { url: new URL(`http://${url.host}`), variable, authorization: basicOf(url) } }
  }
  const should = "http://[user:password@]host:port"
  return variable === "O2_PROXY"
    ? { problems: [`O2_PROXY ${url}: set it to ${should} or none`] }
    : { warnings: [`${variable} ${url}, and is not used: set O2_PROXY to ${should}, or to none if none is needed`] }
}

/** Its URL, or why it is none. */
const parsed = (text: string): URL | string => {
  // as everybody takes it
  const full = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`
  if (!/^http:/i.test(full)) return "has another scheme than http, with which every proxy can be spoken to"
  const url = URL.canParse(full) ? new URL(full) : undefined
  // nothing of a password may be taken for the host: the @ before the host has to be the last one
  const isWhole = url !== undefined && `${url.username}${url.password}` !== "" &&
    !`${url.pathname}${url.search}${url.hash}`.includes("@")
  if (full.includes("@") && !isWhole) {
    return "has a character in its user name or password that must be percent-encoded (such as / ? #)"
  }
  return url ?? "is not a URL"
}

/** What a proxy is told that is named so; `undefined` without user name and password. */
export const basicOf = ({ password, username }: URL): Proxy["authorization"] => {
  if (username === "" && password === "") return undefined
  const authorization = basic(username, password)
  return () => authorization
}

/** `Basic` of RFC 7617, in UTF-8. */
const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64")}`

/** A percent sign that encodes nothing stands for itself. */
const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
